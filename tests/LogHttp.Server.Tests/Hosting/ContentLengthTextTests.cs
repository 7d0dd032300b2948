using System.Net;
using System.Text;
using LogHttp.Server.Hosting;

namespace LogHttp.Server.Tests.Hosting;

public class ContentLengthTextTests
{
    [Theory]
    [InlineData("+3")]
    [InlineData("-0")]
    [InlineData("3 ")]
    [InlineData("3\t3")]
    [InlineData("")]
    [InlineData("3.0")]
    [InlineData("00000000000000000003")]
    [InlineData("0000000000000000000000000000000000000003")]
    public void GetChars_NotDigits_IsTooLong(string value) =>
        Assert.Equal(20, new ContentLengthText().GetChars(Encoding.Latin1.GetBytes(value), new char[20]));

    [Theory]
    [InlineData("0")]
    [InlineData("003")]
    [InlineData("9223372036854775807")]
    public void GetChars_Digits_ReturnsText(string value)
    {
        var chars = new char[20];
        Assert.Equal(value.Length, new ContentLengthText().GetChars(Encoding.Latin1.GetBytes(value), chars));
        Assert.Equal(value, new string(chars, 0, value.Length));
        Assert.Equal(value, new ContentLengthText().GetString(new ContentLengthText().GetBytes(value)));
    }

    [Theory]
    [InlineData("+3", "400")]
    [InlineData("-3", "400")]
    [InlineData("000000000000000000000000000003", "400")]
    [InlineData("03", "201")]
    public async Task Post_LengthNotDigits_Returns400(string length, string status)
    {
        using var server = new TestServer();
        var response = await RawRequest.SendAsync(
            server.Client.BaseAddress!,
            "POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                + $"Content-Length: {length}\r\n\r\nabc"
        );
        Assert.StartsWith($"HTTP/1.1 {status} ", response, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("+3", false)]
    [InlineData("3", true)]
    public async Task PostOverHttp2_SignedLength_IsRejected(string length, bool isTaken)
    {
        using var certificate = TestCertificate.Create();
        using var server = new TestServer(certificate);
        using var client = await Http2Client.ConnectAsync(server.AddressOf("https"), certificate);
        await client.WriteAsync(
            Http2Client.Frame(
                Http2Client.Headers,
                Http2Client.EndHeaders,
                1,
                Http2Client.Head(
                    "POST",
                    "/topics/t",
                    "https",
                    ("content-type", "text/plain"),
                    ("content-length", length)
                )
            ),
            Http2Client.Frame(Http2Client.Data, Http2Client.EndStream, 1, "abc"u8.ToArray())
        );
        if (isTaken)
            await client.ReadUntilAsync(Http2Client.Headers, 1);
        else
            await client.ReadToEndAsync();
        var topic = await server.Client.GetAsync("/topics/t");
        Assert.Equal(isTaken ? HttpStatusCode.OK : HttpStatusCode.NotFound, topic.StatusCode);
    }
}
