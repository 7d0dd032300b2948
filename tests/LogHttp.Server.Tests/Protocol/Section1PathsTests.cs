using System.Net;

namespace LogHttp.Server.Tests.Protocol;

public sealed class Section1PathsTests : IDisposable
{
    readonly TestServer _server = new();

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task Get_Path_ReturnsOk()
    {
        using var response = await _server.Client.GetAsync("/healthz");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("ok", (await TestServer.JsonAsync(response)).GetProperty("status").GetString());
    }

    /// <summary>
    /// As behind nginx's <c>location /log/</c>, which removes the prefix from the path and leaves responses unchanged.
    /// </summary>
    [Theory]
    [InlineData("PUT", "/topics/made", "Location", "/topics/made")]
    [InlineData("PUT", "/topics/made2/", "Location", "/topics/made2")]
    [InlineData("POST", "/topics/t", "Location", "/topics/t/2?partition=0")]
    [InlineData("POST", "/topics/t/", "Location", "/topics/t/2?partition=0")]
    [InlineData("GET", "/topics/t/earliest", "Link", "/topics/t/2?partition=0&v=")]
    [InlineData("GET", "/topics/t/0/", "Link", "/topics/t/2?partition=0&v=")]
    [InlineData("GET", "/topics/t/@2020-01-01T00:00:00Z?key=a%2Fb", "Link", "/topics/t/2?partition=0&v=")]
    [InlineData("GET", "/TOPICS/t/latest?wait=1ms", "Link", "/TOPICS/t/2?partition=0&v=")]
    [InlineData("GET", "/topics?limit=1", "Link", "/topics?after=t&limit=1")]
    [InlineData("GET", "/topics/?limit=1", "Link", "/topics/?after=t&limit=1")]
    [InlineData("GET", "/", "Location", "/swagger/index.html")]
    public async Task Reference_BelowPrefix_Resolves(string method, string path, string header, string leadsTo)
    {
        using (await _server.PostAsync("/topics/t?split=lines", "text/plain", "a\nb")) { }
        using (await _server.PostAsync("/topics/u", "text/plain", "a")) { }
        using var handler = new HttpClientHandler { AllowAutoRedirect = false };
        using var client = new HttpClient(handler) { BaseAddress = _server.Client.BaseAddress };
        using var request = new HttpRequestMessage(new HttpMethod(method), path)
        {
            Content = method == "POST" ? new StringContent("x") : null,
        };
        using var response = await client.SendAsync(request);
        var value = Assert.Single(response.Headers.GetValues(header));
        var reference = header == "Link" ? value[1..value.IndexOf('>', StringComparison.Ordinal)] : value;
        var resolved = new Uri(new Uri($"https://proxy.example.org/log{path}"), reference).PathAndQuery;
        Assert.StartsWith("/log" + leadsTo, resolved, StringComparison.Ordinal);
        using var followed = await client.GetAsync(resolved["/log".Length..]);
        Assert.True(followed.IsSuccessStatusCode, $"{resolved}: {await followed.Content.ReadAsStringAsync()}");
    }

    [Theory]
    [InlineData("head")]
    [InlineData("get")]
    [InlineData("Post")]
    public async Task Method_OtherCase_IsUnknownWithWholeResponse(string method)
    {
        var response = await RawRequest.SendAsync(
            _server.Client.BaseAddress!,
            $"{method} /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        );
        Assert.StartsWith("HTTP/1.1 405", response, StringComparison.Ordinal);
        Assert.Contains("\r\nAllow: GET, HEAD\r\n", response, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"method_not_allowed\"", response, StringComparison.Ordinal);
    }
}
