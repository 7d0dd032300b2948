using System.Net;
using System.Text;

namespace LogHttp.Server.Tests.Protocol;

public sealed class Section4ValueTests : IDisposable
{
    const string Records = "application/vnd.loghttp.records+ndjson";

    readonly TestServer _server = new();

    public void Dispose() => _server.Dispose();

    [Theory]
    [InlineData("application/json", "{\"n\": 1.0}", "application/json")]
    [InlineData("application/geo+json", "\"a string\"", "application/geo+json")]
    [InlineData("text/plain", "a \"text\"\n\t😀", "text/plain; charset=utf-8")]
    [InlineData("text/html", "<script>alert(1)</script>", "text/html; charset=utf-8")]
    [InlineData("text/csv; header=present; charset=utf-8", "a,b", "text/csv; header=present; charset=utf-8")]
    [InlineData("image/png", "\u0001\u0002", "image/png")]
    [InlineData("application/octet-stream", "", "application/octet-stream")]
    [InlineData("multipart/form-data; boundary=\"a b\"", "--a b--", "multipart/form-data; boundary=\"a b\"")]
    public async Task Get_PostedValue_ReturnsItWithType(string contentType, string body, string answered)
    {
        await _server.PostAsync("/topics/t", contentType, body);
        using var response = await _server.Client.GetAsync("/topics/t/0/value");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(Encoding.UTF8.GetBytes(body), await response.Content.ReadAsByteArrayAsync());
        Assert.Equal(answered, TestServer.Header(response, "Content-Type"));
        Assert.Equal(
            ("nosniff", "sandbox; default-src 'none'", "same-origin"),
            (
                TestServer.Header(response, "X-Content-Type-Options"),
                TestServer.Header(response, "Content-Security-Policy"),
                TestServer.Header(response, "Cross-Origin-Resource-Policy")
            )
        );
    }

    [Theory]
    [InlineData("{\"value\":\"\\ud800\"}", "application/json", "\"\\ud800\"")]
    [InlineData(
        "{\"value\":\"t\",\"headers\":{\"content-type\":\"text/css\\r\\nSet-Cookie: a=b\"}}",
        "text/plain; charset=utf-8",
        "t"
    )]
    [InlineData("{\"value\":\"t\",\"headers\":{\"content-type\":\"nonsense\"}}", "text/plain; charset=utf-8", "t")]
    [InlineData("{\"value\":\"t\",\"headers\":{\"content-type\":[\"a/b\",\"c/d\"]}}", "text/plain; charset=utf-8", "t")]
    [InlineData("{\"value\":{\"a\":1},\"headers\":{\"content-type\":\"text/html\"}}", "application/json", "{\"a\":1}")]
    [InlineData("{\"value\":\"hi\",\"headers\":{\"content-type\":\"Application/JSON\"}}", "Application/JSON", "\"hi\"")]
    [InlineData(
        "{\"value\":\"hi\",\"headers\":{\"content-type\":\"text/plain; charset=utf-16\"}}",
        "text/plain; charset=utf-8",
        "hi"
    )]
    [InlineData("{\"value\":\"hi\",\"headers\":{\"content-type\":\"text/*\"}}", "text/plain; charset=utf-8", "hi")]
    [InlineData(
        "{\"value\":\"t\",\"headers\":[[\"a\",null],[\"Content-Type\",\"text/css\"],[\"b\",{\"base64\":\"/w==\"}]]}",
        "text/css; charset=utf-8",
        "t"
    )]
    [InlineData(
        "{\"value\":\"t\",\"headers\":[[\"Content-Type\",\"text/css\"],[\"content-type\",\"text/html\"]]}",
        "text/plain; charset=utf-8",
        "t"
    )]
    [InlineData("{\"value\":\"t\",\"headers\":[[\"Content-Type\",null]]}", "text/plain; charset=utf-8", "t")]
    [InlineData(
        "{\"value\":\"t\",\"headers\":[[\"Content-Type\",{\"base64\":\"/w==\"}]]}",
        "text/plain; charset=utf-8",
        "t"
    )]
    [InlineData("{\"valueBase64\":\"eA==\"}", "application/octet-stream", "x")]
    [InlineData("{\"value\":null}", "application/json", "null")]
    public async Task Get_Record_HasPossibleType(string record, string contentType, string body)
    {
        (await _server.PostAsync("/topics/t", Records, record)).EnsureSuccessStatusCode();
        using var response = await _server.Client.GetAsync("/topics/t/0/value");
        Assert.Equal(
            (contentType, body),
            (TestServer.Header(response, "Content-Type"), await response.Content.ReadAsStringAsync())
        );
    }

    [Fact]
    public async Task Get_DeclaredType_IsReturned()
    {
        await _server.PostAsync(
            "/topics/t",
            "image/png",
            "x"u8.ToArray(),
            ("Record-Header-Content-Type", "image/jpeg")
        );
        using var response = await _server.Client.GetAsync("/topics/t/0/value");
        Assert.Equal("image/jpeg", TestServer.Header(response, "Content-Type"));
    }

    [Fact]
    public async Task Get_Place_ReturnsFirstRecord()
    {
        await _server.PostAsync("/topics/t?split=lines", "text/plain", "a\nb\nc");
        foreach (var (place, value) in new[] { ("earliest", "a"), ("-1", "c"), ("-2", "b"), ("1", "b"), ("@0", "a") })
            Assert.Equal(value, await _server.Client.GetStringAsync($"/topics/t/{place}/value"));
    }

    [Fact]
    public async Task Get_NoRecord_NamesReason()
    {
        await _server.PostAsync("/topics/t", "application/json", "1");
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync("/topics/t/1/value"),
            HttpStatusCode.NotFound,
            "no_record",
            "1"
        );
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync("/topics/t/latest/value"),
            HttpStatusCode.NotFound,
            "no_record",
            "latest"
        );
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync("/topics/t/2/value"),
            HttpStatusCode.RequestedRangeNotSatisfiable,
            "offset_beyond_end"
        );
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync("/topics/none/0/value"),
            HttpStatusCode.NotFound,
            "unknown_topic"
        );
    }

    [Fact]
    public async Task Head_Value_HasHeadersOfGet()
    {
        await _server.PostAsync("/topics/t", "text/plain", "hello");
        using var head = await _server.SendAsync(HttpMethod.Head, "/topics/t/0/value");
        Assert.Equal((HttpStatusCode.OK, 5), (head.StatusCode, head.Content.Headers.ContentLength));
    }
}
