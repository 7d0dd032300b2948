using System.Net;

namespace LogHttp.Server.Tests.Protocol;

public sealed class Section1PathsTests : IDisposable
{
    readonly TestServer _server = new();

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task Get_AnswersOk()
    {
        using var response = await _server.Client.GetAsync("/healthz");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("ok", (await TestServer.JsonAsync(response)).GetProperty("status").GetString());
    }

    [Theory]
    [InlineData("head")]
    [InlineData("get")]
    [InlineData("Post")]
    public async Task AMethodInOtherCase_IsAnother_AndGetsAWholeAnswer(string method)
    {
        var response = await RawRequest.SendAsync(_server.Client.BaseAddress!, $"{method} /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 405", response, StringComparison.Ordinal);
        Assert.Contains("\r\nAllow: GET, HEAD\r\n", response, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"method_not_allowed\"", response, StringComparison.Ordinal);
    }
}
