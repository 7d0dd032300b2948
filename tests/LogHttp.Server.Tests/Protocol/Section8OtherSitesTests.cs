using System.Net;

namespace LogHttp.Server.Tests.Protocol;

public sealed class Section8OtherSitesTests : IDisposable
{
    readonly TestServer _server = new(
        ("AllowedOrigins", "https://reader.example.org"),
        ("AllowedWriteOrigins", "https://app.example.org; http://localhost:3000")
    );

    public void Dispose() => _server.Dispose();

    string Own => _server.Client.BaseAddress!.GetLeftPart(UriPartial.Authority);

    [Theory]
    [InlineData("Origin", "http://evil.example")]
    [InlineData("Origin", "null")]
    [InlineData("Origin", "https://reader.example.org")]
    [InlineData("Origin", "http://127.0.0.1:1")]
    [InlineData("Origin", "https://app.example.org.evil.example")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    public async Task Writes_FromOtherSites_AreRejected(string name, string value)
    {
        foreach (var method in new[] { HttpMethod.Post, HttpMethod.Put, HttpMethod.Patch, HttpMethod.Delete })
            await TestServer.ProblemAsync(
                await _server.SendAsync(method, "/topics/t", "x", (name, value)),
                HttpStatusCode.Forbidden,
                "cross_site",
                "AllowedWriteOrigins"
            );
        Assert.False(Directory.Exists(Path.Combine(_server.DataDirectory, "topics", "t")));
        using var read = await _server.SendAsync(HttpMethod.Get, "/topics", (name, value));
        Assert.Equal(
            (HttpStatusCode.OK, value == "https://reader.example.org" ? value : null),
            (read.StatusCode, TestServer.Header(read, "Access-Control-Allow-Origin"))
        );
    }

    [Fact]
    public async Task Writes_FromOwnOrAllowedSitesOrPrograms_AreAccepted()
    {
        foreach (
            var headers in new (string, string)[][]
            {
                [],
                [("Origin", Own)],
                [("Origin", Own), ("Sec-Fetch-Site", "same-origin")],
                [("Origin", Own.Replace("http:", "https:", StringComparison.Ordinal))],
                [("Sec-Fetch-Site", "none")],
                [("Origin", "https://app.example.org"), ("Sec-Fetch-Site", "cross-site")],
            }
        )
            Assert.Equal(
                HttpStatusCode.Created,
                (await _server.SendAsync(HttpMethod.Post, "/topics/t", "x", headers)).StatusCode
            );
    }

    [Fact]
    public async Task Origin_Allowed_MayReadAndWrite()
    {
        using var preflight = await _server.SendAsync(
            HttpMethod.Options,
            "/topics/t",
            ("Origin", "https://app.example.org"),
            ("Access-Control-Request-Method", "PUT"),
            ("Access-Control-Request-Headers", "record-key")
        );
        Assert.Equal(
            (HttpStatusCode.NoContent, "https://app.example.org"),
            (preflight.StatusCode, TestServer.Header(preflight, "Access-Control-Allow-Origin"))
        );
        using var read = await _server.SendAsync(HttpMethod.Get, "/topics", ("Origin", "https://app.example.org"));
        Assert.Equal("https://app.example.org", TestServer.Header(read, "Access-Control-Allow-Origin"));
        Assert.Contains(
            "Log-Next-Offset",
            TestServer.Header(read, "Access-Control-Expose-Headers"),
            StringComparison.Ordinal
        );
        // A cache must not give the site a response to a request without an origin, nor the reverse.
        using var plain = await _server.Client.GetAsync("/topics");
        Assert.Equal(("Origin", "Origin"), (TestServer.Header(read, "Vary"), TestServer.Header(plain, "Vary")));
        // On one line: nginx before 1.23 reads only the last line, and would mix up the forms.
        using (await _server.PostAsync("/topics/t", "text/plain", "x")) { }
        var page = await RawRequest.SendAsync(
            _server.Client.BaseAddress!,
            "GET /topics/t/0 HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example.org\r\nConnection: "
                + "close\r\n\r\n"
        );
        Assert.Contains("\r\nVary: Accept, Origin\r\n", page, StringComparison.Ordinal);
        using var other = await _server.SendAsync(
            HttpMethod.Options,
            "/topics/t",
            ("Origin", "http://evil.example"),
            ("Access-Control-Request-Method", "PUT")
        );
        Assert.Null(TestServer.Header(other, "Access-Control-Allow-Origin"));
    }

    [Theory]
    [InlineData("https://reader.example.org", "GET", true)]
    [InlineData("https://reader.example.org", "DELETE", false)]
    [InlineData("https://app.example.org", "DELETE", true)]
    [InlineData("https://other.example.org", "GET", false)]
    public async Task Preflight_AnyOrigin_GrantsItsSetting(string origin, string method, bool isGranted)
    {
        using var preflight = await _server.SendAsync(
            HttpMethod.Options,
            "/topics/t",
            ("Origin", origin),
            ("Access-Control-Request-Method", method)
        );
        var methods = TestServer.Header(preflight, "Access-Control-Allow-Methods")?.Split(',') ?? [];
        Assert.Equal(
            isGranted,
            TestServer.Header(preflight, "Access-Control-Allow-Origin") == origin
                && (method == "GET" || methods.Contains(method))
        );
    }

    [Fact]
    public async Task Reads_FromReadingOrigin_AreAllowed()
    {
        using (await _server.PostAsync("/topics/t", "text/plain", "x")) { }
        using var read = await _server.SendAsync(
            HttpMethod.Get,
            "/topics/t/0",
            ("Origin", "https://reader.example.org"),
            ("Sec-Fetch-Site", "cross-site")
        );
        Assert.Equal(
            (HttpStatusCode.OK, "https://reader.example.org"),
            (read.StatusCode, TestServer.Header(read, "Access-Control-Allow-Origin"))
        );
    }

    [Fact]
    public async Task AllowedOrigins_Star_AllowsAll()
    {
        using var server = new TestServer(("AllowedWriteOrigins", "https://app.example.org;*"));
        Assert.Equal(
            HttpStatusCode.Created,
            (
                await server.SendAsync(
                    HttpMethod.Post,
                    "/topics/t",
                    "x",
                    ("Origin", "http://other.example"),
                    ("Sec-Fetch-Site", "cross-site")
                )
            ).StatusCode
        );
    }

    [Theory]
    [InlineData("evil.example", 400)]
    [InlineData("127.0.0.1.evil.example:8080", 400)]
    [InlineData("", 400)]
    [InlineData("localhost", 200)]
    [InlineData("LOCALHOST:1234", 200)]
    [InlineData("127.0.0.1", 200)]
    [InlineData("[::1]:8080", 200)]
    public async Task Requests_ForOtherHostName_AreRejected(string host, int status)
    {
        var answer = await RawRequest.SendAsync(
            _server.Client.BaseAddress!,
            $"GET /topics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        );
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Equal(status == 400, answer.Contains("invalid_host", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AllowedHosts_Set_AreAccepted()
    {
        using var server = new TestServer(("AllowedHosts", "log.example.org;*.internal"));
        foreach (
            var (host, status) in new[]
            {
                ("log.example.org", 200),
                ("a.internal:8080", 200),
                ("127.0.0.1:8080", 200),
                ("localhost", 200),
                ("example.org", 400),
            }
        )
            Assert.StartsWith(
                $"HTTP/1.1 {status} ",
                await RawRequest.SendAsync(
                    server.Client.BaseAddress!,
                    $"GET /topics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                ),
                StringComparison.Ordinal
            );
    }

    [Theory]
    [InlineData("/healthz")]
    [InlineData("/nothing")]
    [InlineData("/topics/none/0")]
    public async Task Responses_Any_HaveSecurityHeaders(string path)
    {
        using var response = await _server.Client.GetAsync(path);
        Assert.Equal(
            ("nosniff", "default-src 'none'; frame-ancestors 'none'"),
            (
                TestServer.Header(response, "X-Content-Type-Options"),
                TestServer.Header(response, "Content-Security-Policy")
            )
        );
    }
}
