using System.Net;

namespace LogHttp.Server.Tests.Protocol;

public sealed class Section0DescriptionTests : IDisposable
{
    readonly TestServer _server = new();
    readonly HttpClient _client;

    public Section0DescriptionTests() =>
        _client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false })
        {
            BaseAddress = _server.Client.BaseAddress,
        };

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [Fact]
    public async Task Root_AcceptsJson_DescribesTheServer()
    {
        using var response = await _server.SendAsync(HttpMethod.Get, "/", ("Accept", "application/json"));
        Assert.Equal(
            (HttpStatusCode.OK, "application/json", "no-store", "Accept"),
            (
                response.StatusCode,
                response.Content.Headers.ContentType!.ToString(),
                TestServer.Header(response, "Cache-Control"),
                TestServer.Header(response, "Vary")
            )
        );
        var description = await TestServer.JsonAsync(response);
        Assert.Equal("LogHttp", description.GetProperty("name").GetString());
        Assert.Matches(@"^\d+\.\d+\.\d+", description.GetProperty("version").GetString());
        Assert.Equal(1, description.GetProperty("apiVersion").GetInt32());
        Assert.Equal(
            """
            {"produce":["application/json","application/x-ndjson","text/plain","application/vnd.loghttp.records+ndjson","application/cloudevents+json","application/cloudevents-batch+json","application/vnd.kafka.json.v2+json","application/vnd.kafka.binary.v2+json"],"fetch":["application/vnd.loghttp.records+ndjson","application/x-ndjson","application/json","text/plain","text/event-stream"]}
            """,
            description.GetProperty("formats").GetRawText()
        );
        Assert.Contains("long-poll", description.GetProperty("features").EnumerateArray().Select(f => f.GetString()));
        Assert.Equal("""{"topics":"__","groups":"__"}""", description.GetProperty("reservedNames").GetRawText());
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("*/*", false)]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false)]
    [InlineData("text/html, application/json;q=0.9", false)]
    [InlineData("application/json;q=0", false)]
    [InlineData("no type at all", false)]
    [InlineData("application/json", true)]
    [InlineData("application/json, text/plain, */*", true)]
    [InlineData("application/json, text/html;q=0.5", true)]
    public async Task Root_ByAccept_DescribesOrRedirects(string? accept, bool describes)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        if (accept is not null)
            request.Headers.TryAddWithoutValidation("Accept", accept);
        using var response = await _client.SendAsync(request);
        Assert.Equal(describes ? HttpStatusCode.OK : HttpStatusCode.Redirect, response.StatusCode);
        Assert.Equal(describes ? null : "swagger/index.html", response.Headers.Location?.ToString());
    }

    [Theory]
    [InlineData("GET", "/topics/t?partition=0")]
    [InlineData("PUT", "/topics/t?partitions=3")]
    [InlineData("PATCH", "/topics/t?flush=os")]
    [InlineData("DELETE", "/topics/t?before=5")]
    public async Task Topic_UnknownParameter_IsRejected(string method, string path)
    {
        using (await _server.PostAsync("/topics/t", "text/plain", "x")) { }
        using var response = await _server.SendAsync(new HttpMethod(method), path);
        await TestServer.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid_parameter", "Supported: none");
        using var topic = await _server.Client.GetAsync("/topics/t");
        Assert.Equal(HttpStatusCode.OK, topic.StatusCode);
    }

    [Fact]
    public async Task Root_UnknownParameter_IsRejected()
    {
        using var response = await _server.SendAsync(HttpMethod.Get, "/?all=true", ("Accept", "application/json"));
        await TestServer.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid_parameter", "\"all\"");
    }
}
