using System.Net;

namespace LogHttp.Server.Tests.Protocol;

public class Section3FetchOverTlsTests
{
    [Fact]
    public async Task Get_OnePage_IsSameOverHttpHttpsAndHttp2()
    {
        using var certificate = TestCertificate.Create();
        using var server = new TestServer(certificate);
        var plain = new HttpClient { BaseAddress = server.AddressOf("http") };
        var lines = string.Join(
            '\n',
            Enumerable.Range(0, 20_000).Select(number => $"{number} {new string('x', number % 100)}")
        );
        (await plain.PostAsync("/topics/t?split=lines", new StringContent(lines))).EnsureSuccessStatusCode();

        var expected = await plain.GetByteArrayAsync("/topics/t/0");
        Assert.InRange(expected.Length, 900_000, 1 << 20);
        using var handler = new SocketsHttpHandler
        {
            SslOptions =
            {
                RemoteCertificateValidationCallback = (_, shown, _, _) =>
                    shown!.GetCertHashString() == certificate.GetCertHashString(),
            },
        };
        using var secure = new HttpClient(handler) { BaseAddress = server.AddressOf("https") };
        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            var request = new HttpRequestMessage(HttpMethod.Get, "/topics/t/0")
            {
                Version = version,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            using var response = await secure.SendAsync(request);
            Assert.Equal(version, response.Version);
            Assert.Equal(expected, await response.Content.ReadAsByteArrayAsync());
        }
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Get_UnreadPage_CountsHeldBytes(string version)
    {
        using var certificate = TestCertificate.Create();
        using var server = new TestServer(certificate);
        // More than all buffers between the server and its client hold.
        var lines = string.Join('\n', Enumerable.Repeat(new string('x', 1_000), 20_000));
        (await server.PostAsync("/topics/t?split=lines", "text/plain", lines)).EnsureSuccessStatusCode();
        using var handler = new SocketsHttpHandler
        {
            SslOptions =
            {
                RemoteCertificateValidationCallback = (_, shown, _, _) =>
                    shown!.GetCertHashString() == certificate.GetCertHashString(),
            },
        };
        using var secure = new HttpClient(handler) { BaseAddress = server.AddressOf("https") };
        var request = new HttpRequestMessage(HttpMethod.Get, "/topics/t/0?maxBytes=67108864")
        {
            Version = Version.Parse(version),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var response = await secure.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await TestServer.UntilAsync(() => server.FollowingBytes > 0);
        Assert.InRange(server.FollowingBytes, 16 << 10, 64 << 10);
        Assert.InRange((await response.Content.ReadAsByteArrayAsync()).Length, 20_000_000, 64 << 20);
        await TestServer.UntilAsync(() => server.FollowingBytes == 0);
    }
}
