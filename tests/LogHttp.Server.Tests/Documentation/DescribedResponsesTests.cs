using System.Net;

namespace LogHttp.Server.Tests.Documentation;

/// <summary>
/// The description contains the server's responses: the status, the headers, the media type, the code of a problem.
/// </summary>
public sealed class DescribedResponsesTests(DescribedResponsesTests.Fixture fixture)
    : IClassFixture<DescribedResponsesTests.Fixture>
{
    readonly TestServer _server = fixture.Server;

    [Theory]
    // Records.
    [InlineData("POST", "/topics/t", 201)]
    [InlineData("POST", "/topics/t?partition=1&split=lines", 201, "", "Content-Type: text/plain")]
    [InlineData("POST", "/topics/t!", 400, "invalid_topic")]
    [InlineData("POST", "/topics/t?split=words", 400, "invalid_parameter")]
    [InlineData("POST", "/topics/t", 400, "invalid_timestamp", "Record-Timestamp: yesterday")]
    [InlineData("POST", "/topics/t", 400, "invalid_json", "Content-Type: application/json")]
    [InlineData("POST", "/topics/t", 400, "invalid_header", "Content-Type: application/x-ndjson", "Record-Key: k")]
    [InlineData("POST", "/topics/t", 400, "invalid_host", "Host: example.org")]
    [InlineData("POST", "/topics/t", 403, "cross_site", "Origin: http://example.org")]
    [InlineData("POST", "/topics/t?partition=7", 404, "unknown_partition")]
    [InlineData("POST", "/topics/t", 415, "unsupported_media_type", "Content-Encoding: compress")]
    [InlineData("POST", "/topics/t", 501, "unsupported_transfer_coding", "Transfer-Encoding: gzip, chunked")]
    [InlineData("POST", "/topics/new", 429, "too_many_topics")]
    [InlineData("GET", "/topics/t/earliest?partition=0", 200)]
    [InlineData("GET", "/topics/t/0?partition=0", 200, "", "Accept: application/json")]
    [InlineData("GET", "/topics/t/0?partition=0&view=values", 200, "", "Accept: text/plain")]
    [InlineData("GET", "/topics/t/0?partition=0&key=user-7", 200, "", "Accept: application/x-ndjson")]
    [InlineData("HEAD", "/topics/t/0?partition=0", 200)]
    [InlineData("GET", "/topics/t/latest?partition=0", 204)]
    [InlineData("GET", "/topics/t/0?partition=0", 304, "", "If-None-Match: *")]
    [InlineData("GET", "/topics/t/0", 400, "partition_required")]
    [InlineData("GET", "/topics/t/ten", 400, "invalid_place")]
    [InlineData("GET", "/topics/none/0", 404, "unknown_topic")]
    [InlineData("GET", "/topics/t/0?partition=0&v=0", 410, "topic_replaced")]
    [InlineData("GET", "/topics/t/1000?partition=0", 416, "offset_beyond_end")]
    [InlineData("GET", "/topics/t/0/value?partition=0", 200)]
    [InlineData("GET", "/topics/t/0/value?partition=0", 304, "", "If-None-Match: *")]
    [InlineData("GET", "/topics/t/latest/value?partition=0", 404, "no_record")]
    [InlineData("GET", "/topics/t/1000/value?partition=0", 416, "offset_beyond_end")]
    // Topics.
    [InlineData("PUT", "/topics/t", 200)]
    [InlineData("PUT", "/topics/new", 429, "too_many_topics")]
    [InlineData("PUT", "/topics/t", 409, "configuration_differs", "Body: {\"partitions\":5}")]
    [InlineData("PUT", "/topics/t", 400, "invalid_configuration", "Body: {\"partitions\":0}")]
    [InlineData("PUT", "/topics/t", 400, "invalid_header", "Body: {}", "Content-Range: bytes 0-1/2")]
    [InlineData("PUT", "/topics/t", 501, "unsupported_transfer_coding", "Body: {}", "Transfer-Encoding: gzip, chunked")]
    [InlineData("PATCH", "/topics/t", 200, "", "Body: {\"flush\":\"always\"}")]
    [InlineData("PATCH", "/topics/none", 404, "unknown_topic", "Body: {}")]
    [InlineData("GET", "/topics/t", 200)]
    [InlineData("HEAD", "/topics/none", 404)]
    [InlineData("DELETE", "/topics/t", 204)]
    [InlineData("DELETE", "/topics/none", 404, "unknown_topic")]
    [InlineData("GET", "/topics?limit=1", 200)]
    [InlineData("GET", "/topics?limit=0", 400, "invalid_parameter")]
    [InlineData("GET", "/topics", 304, "", "If-None-Match: *")]
    [InlineData("GET", "/topics", 412, "precondition_failed", "If-Match: \"x\"")]
    [InlineData("POST", "/topics/t/verify", 412, "precondition_failed", "If-None-Match: *")]
    [InlineData("GET", "/stream?topics=t", 304, "", "If-None-Match: *")]
    [InlineData("GET", "/stream?topics=t", 412, "precondition_failed", "If-Match: \"x\"")]
    [InlineData("GET", "/healthz", 304, "", "If-None-Match: *")]
    [InlineData("GET", "/healthz", 412, "precondition_failed", "If-Match: \"x\"")]
    [InlineData("GET", "/healthz", 200)]
    public async Task Response_FromTable_IsDescribed(
        string method,
        string path,
        int status,
        string code = "",
        params string[] headers
    )
    {
        // The two topics that may exist, also after a row that deletes one.
        foreach (var topic in new[] { "t", "u" })
            Assert.Equal(
                HttpStatusCode.Created,
                (await _server.PostAsync($"/topics/{topic}?partition=0", "text/plain", "hello")).StatusCode
            );
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (method is "POST")
            request.Content = new ByteArrayContent("hello"u8.ToArray());
        foreach (var (name, value) in headers.Select(header => (header.Split(": ")[0], header.Split(": ")[1])))
        {
            if (name == "Body")
                request.Content = new StringContent(value);
            else if (name.StartsWith("Content-", StringComparison.Ordinal))
                request.Content!.Headers.TryAddWithoutValidation(name, value);
            else
                request.Headers.TryAddWithoutValidation(name, value);
        }
        using var response = await _server.Client.SendAsync(request);
        Assert.Equal(status, (int)response.StatusCode);
        if (code.Length > 0)
            Assert.Equal(code, (await TestServer.JsonAsync(response)).GetProperty("code").GetString());
        var description = new ApiDescription(await _server.Client.GetStringAsync("/swagger/v1/swagger.json"));
        Assert.Null(await description.FindUndescribedAsync(response));
    }

    public sealed class Fixture : IDisposable
    {
        internal TestServer Server { get; } = new(("MaxTopics", "2"), ("Partitions", "2"));

        public void Dispose() => Server.Dispose();
    }
}
