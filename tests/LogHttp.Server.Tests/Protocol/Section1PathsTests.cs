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
}
