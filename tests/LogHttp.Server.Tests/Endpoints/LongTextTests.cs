using System.Net;
using System.Text;

namespace LogHttp.Server.Tests.Endpoints;

/// <summary>
/// An error quotes only the beginning of a client's long text, and its length, for every part of a request.
/// </summary>
public sealed class LongTextTests : IDisposable
{
    const int Length = 5000;
    const string Json = "application/vnd.kafka.json.v2+json";
    const string Records = "application/vnd.loghttp.records+ndjson";

    static readonly string Long = new('x', Length);

    readonly TestServer _server = new();

    public void Dispose() => _server.Dispose();

    static async Task CheckAsync(HttpResponseMessage response)
    {
        using (response)
        {
            var body = await response.Content.ReadAsStringAsync();
            Assert.True((int)response.StatusCode is >= 400 and < 500, $"{response.StatusCode} {body}");
            CheckBody(body);
        }
    }

    static void CheckBody(string body)
    {
        Assert.InRange(body.Length, 1, 1500);
        Assert.Contains("xxx… (", body, StringComparison.Ordinal);
        Assert.Contains(" characters)", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Json, "{\"TEXT\":1}")]
    [InlineData(Json, "{\"records\":[{\"TEXT\":1}]}")]
    [InlineData(Json, "{\"records\":[{\"value\":tTEXT}]}")]
    [InlineData(Records, "{\"TEXT\":1}")]
    [InlineData("application/json", "[tTEXT]")]
    public async Task Post_LongTextInBody_IsShortened(string contentType, string body) =>
        await CheckAsync(
            await _server.PostAsync("/topics/t", contentType, body.Replace("TEXT", Long, StringComparison.Ordinal))
        );

    [Theory]
    [InlineData("{\"TEXT\":1}")]
    [InlineData("{\"partitions\":\"TEXT\"}")]
    [InlineData("{\"flush\":[\"TEXT\"]}")]
    [InlineData("{\"flush\":\"TEXT\"}")]
    [InlineData("{\"values\":\"TEXT\"}")]
    [InlineData("{\"retention\":\"TEXT\"}")]
    [InlineData("{\"labels\":{\"TEXT\":\"\"}}")]
    [InlineData("{\"partitions\":tTEXT}")]
    public async Task Put_LongTextInBody_IsShortened(string body) =>
        await CheckAsync(
            await _server.SendAsync(HttpMethod.Put, "/topics/t", body.Replace("TEXT", Long, StringComparison.Ordinal))
        );

    [Theory]
    [InlineData("/topics/t/TEXT")]
    [InlineData("/topics/t/0?TEXT=1")]
    [InlineData("/topics/t/0?partition=TEXT")]
    [InlineData("/topics/t/0?view=TEXT")]
    [InlineData("/topics/t/0?wait=TEXT")]
    [InlineData("/topics/t/0?keyBase64=*TEXT")]
    [InlineData("/topics/t/0?v=TEXT")]
    [InlineData("/topics?limit=TEXT")]
    [InlineData("/topics/t/0?limit=TEXT")]
    [InlineData("/topics/t/0?until=TEXT")]
    [InlineData("/topics/t/@-TEXT")]
    [InlineData("/stream?topics=t&until=TEXT")]
    [InlineData("/stream?topics=t:TEXT")]
    [InlineData("/stream?topics=t/TEXT")]
    [InlineData("/stream?topics=t/0/TEXT")]
    [InlineData("/stream?topics=t&lastEventId=TEXT")]
    public async Task Get_LongTextInUrl_IsShortened(string path)
    {
        using var made = await _server.Client.PutAsync("/topics/t", null);
        using var response = await _server.Client.GetAsync(path.Replace("TEXT", Long, StringComparison.Ordinal));
        // An id of another topic is not quoted.
        if (response.StatusCode == HttpStatusCode.Gone)
            Assert.InRange((await response.Content.ReadAsStringAsync()).Length, 1, 1500);
        else
            await CheckAsync(response);
    }

    [Theory]
    [InlineData("stream=TEXT")]
    [InlineData("reports=TEXT")]
    [InlineData("split=TEXT")]
    public async Task Post_LongParameter_IsShortened(string query) =>
        await CheckAsync(
            await _server.PostAsync(
                $"/topics/t?{query.Replace("TEXT", Long, StringComparison.Ordinal)}",
                "text/plain",
                "x"
            )
        );

    [Theory]
    [InlineData("Record-TEXT: 1")]
    [InlineData("Record-Timestamp: TEXT")]
    [InlineData("Producer-Id: a\r\nProducer-Epoch: TEXT\r\nProducer-Seq: 0")]
    [InlineData("Producer-Id: a\r\nProducer-Epoch: 0\r\nProducer-Seq: TEXT")]
    [InlineData("Idempotency-Key: TEXT\"")]
    [InlineData("If-Match: TEXT")]
    [InlineData("Content-Type: TEXT")]
    [InlineData("Content-Type: text/plain; charset=TEXT")]
    [InlineData("Content-Type: application/vnd.kafka.TEXT; a=b")]
    [InlineData("Content-Encoding: TEXT")]
    [InlineData("Transfer-Encoding: TEXT, chunked")]
    [InlineData("Origin: http://TEXT")]
    public async Task Post_LongHeader_IsShortened(string headers)
    {
        var (framing, body) = headers.StartsWith("Transfer-Encoding", StringComparison.Ordinal)
            ? ("", "0\r\n\r\n")
            : ("Content-Length: 0\r\n", "");
        var answer = await RawRequest.SendAsync(
            _server.Client.BaseAddress!,
            $"POST /topics/t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{framing}"
                + $"{headers.Replace("TEXT", Long, StringComparison.Ordinal)}\r\n\r\n{body}"
        );
        CheckBody(answer);
    }

    [Theory]
    [InlineData("GET /topics HTTP/1.1\r\nHost: TEXT")]
    [InlineData("TEXT /topics HTTP/1.1\r\nHost: localhost")]
    [InlineData("GET /stream?topics=t HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: TEXT")]
    public async Task Request_LongText_IsShortened(string request) =>
        CheckBody(
            await RawRequest.SendAsync(
                _server.Client.BaseAddress!,
                $"{request.Replace("TEXT", Long, StringComparison.Ordinal)}\r\nConnection: close\r\n\r\n"
            )
        );

    [Fact]
    public async Task Post_CompressedBodyWithHugeName_GetsShortError()
    {
        var body = Producing.Packing.Pack("gzip", Encoding.ASCII.GetBytes($"{{\"{new string('x', 20_000_000)}\":1}}"));
        await CheckAsync(await _server.PostAsync("/topics/t", Json, body, ("Content-Encoding", "gzip")));
    }
}
