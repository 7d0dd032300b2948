using System.Net;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>`@time` in URLs. The storage has the tests of finding the exact record.</summary>
public sealed class Section3FetchPlaceTimeTests : IDisposable
{
    const string Records = "application/vnd.loghttp.records+ndjson";

    readonly TestServer _server = new();

    public void Dispose() => _server.Dispose();

    [Theory]
    [InlineData("@2026-03-01T10:00:00Z", 1)]
    [InlineData("@2026-03-01T10:00:00.001Z", 2)]
    [InlineData("@2026-03-01", 1)]
    [InlineData("@2026-03-01T12:00:00+02:00", 1)]
    [InlineData("@2026-03-01T12:00:00%2B02:00", 1)]
    [InlineData("@2026-03-01T12:00:00%2002:00", 1)]
    [InlineData("@1772359200000", 1)]
    [InlineData("@1772359200001", 2)]
    [InlineData("@0", 0)]
    [InlineData("%400", 0)]
    public async Task Get_AtTime_StartsAtFirstRecordNotBefore(string place, long first)
    {
        await _server.PostAsync(
            "/topics/t",
            Records,
            """
            {"timestamp":1700000000000,"value":0}
            {"timestamp":1772359200000,"value":1}
            {"timestamp":1772445600000,"value":2}
            """
        );
        using var response = await _server.Client.GetAsync($"/topics/t/{place}");
        Assert.Equal(
            (HttpStatusCode.OK, first),
            (response.StatusCode, TestServer.Number(response, "Log-First-Offset"))
        );
        Assert.Equal("no-store", TestServer.Header(response, "Cache-Control"));
    }

    [Fact]
    public async Task Get_AtLaterTime_ReturnsEnd()
    {
        await _server.PostAsync("/topics/t", "application/json", "1");
        using var response = await _server.Client.GetAsync("/topics/t/@2200-01-01");
        Assert.Equal(
            (HttpStatusCode.NoContent, 1),
            (response.StatusCode, TestServer.Number(response, "Log-Next-Offset"))
        );
    }
}
