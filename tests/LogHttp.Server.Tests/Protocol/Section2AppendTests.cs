using System.Net;
using System.Text;
using System.Text.Json;

namespace LogHttp.Server.Tests.Protocol;

public sealed class Section2AppendTests : IDisposable
{
    readonly TestServer _server = new(
        ("MaxRecordBytes", "4096"),
        ("MaxBatchBytes", "65536"),
        ("MaxBodyBytes", "100000"),
        ("MaxTopics", "3")
    );

    public void Dispose() => _server.Dispose();

    async Task<JsonElement> AppendOneAsync(string contentType, byte[] body, params (string, string)[] headers)
    {
        using var response = await _server.PostAsync("/topics/t", contentType, body, headers);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        return (await _server.ReadAllAsync("t"))[^1];
    }

    async Task RefusedAsync(
        HttpStatusCode status,
        string code,
        string mentions,
        string path,
        string contentType,
        byte[] body,
        params (string, string)[] headers
    )
    {
        var before = Directory.Exists(Path.Combine(_server.DataDirectory, "topics", "t"))
            ? (await _server.ReadAllAsync("t")).Count
            : 0;
        using var response = await _server.PostAsync(path, contentType, body, headers);
        var problem = await TestServer.JsonAsync(response);
        Assert.Equal((status, code), (response.StatusCode, problem.GetProperty("code").GetString()));
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        Assert.Contains(mentions, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal((int)status, problem.GetProperty("status").GetInt32());
        if (before > 0)
            Assert.Equal(before, (await _server.ReadAllAsync("t")).Count);
        else
            Assert.False(
                Directory.Exists(Path.Combine(_server.DataDirectory, "topics", "t")),
                "A refused request made the topic."
            );
    }

    Task RefusedAsync(
        HttpStatusCode status,
        string code,
        string mentions,
        string contentType,
        string body,
        params (string, string)[] headers
    ) => RefusedAsync(status, code, mentions, "/topics/t", contentType, Encoding.UTF8.GetBytes(body), headers);

    [Fact]
    public async Task Post_Record_ReturnsPosition()
    {
        await _server.PostAsync("/topics/t", "application/json", "1");
        using var response = await _server.PostAsync("/topics/t", "application/json", """{"id": 1}""");

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        var answer = await TestServer.JsonAsync(response);
        Assert.Equal(
            ("t", 0, 1, 1),
            (
                answer.GetProperty("topic").GetString()!,
                answer.GetProperty("partition").GetInt32(),
                answer.GetProperty("offset").GetInt32(),
                answer.GetProperty("count").GetInt32()
            )
        );
        Assert.InRange(answer.GetProperty("timestamp").GetInt64(), 1_700_000_000_000, long.MaxValue);
        var record = await _server.Client.GetStringAsync(
            TestServer.Resolve(response, response.Headers.Location!.OriginalString)
        );
        Assert.Equal(
            "{\"offset\":1,\"timestamp\":" + answer.GetProperty("timestamp").GetRawText() + ",\"value\":{\"id\": 1}}\n",
            record
        );
    }

    [Theory]
    [InlineData("application/json", "{\"a\": [1,\n 2.50,\r\n true]}", "{\"a\": [1,  2.50,   true]}")]
    [InlineData("application/json; charset=utf-8", " 1e400 ", "1e400")]
    [InlineData("application/json", "\"\\ud800\"", "\"\\ud800\"")]
    [InlineData("application/json", "\uFEFF{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}")]
    [InlineData("application/json", "null", "null")]
    [InlineData(
        "text/plain",
        "a \"quoted\" \\ line\nand\t\u0001 😀 é",
        "\"a \\\"quoted\\\" \\\\ line\\nand\\t\\u0001 😀 é\""
    )]
    [InlineData("text/plain", "", "\"\"")]
    [InlineData("application/x-www-form-urlencoded", "hello", "\"hello\"")]
    [InlineData("application/x-www-form-urlencoded", "{\"id\":1}", "{\"id\":1}")]
    [InlineData("application/x-www-form-urlencoded", "[1,2]", "[1,2]")]
    [InlineData("application/x-www-form-urlencoded", "42", "\"42\"")]
    [InlineData("application/x-www-form-urlencoded", "{broken", "\"{broken\"")]
    public async Task Post_OneValue_KeepsItUnchanged(string contentType, string body, string value) =>
        Assert.Equal(
            value,
            (await AppendOneAsync(contentType, Encoding.UTF8.GetBytes(body))).GetProperty("value").GetRawText()
        );

    [Theory]
    [InlineData("application/octet-stream", null)]
    [InlineData("", null)]
    [InlineData("image/png", "image/png")]
    public async Task Post_Bytes_KeepsThemAsBase64(string contentType, string? header)
    {
        byte[] bytes = [0, 255, 10, 13, 128];
        var record = await AppendOneAsync(contentType, bytes);
        Assert.Equal(bytes, record.GetProperty("valueBase64").GetBytesFromBase64());
        Assert.Equal(
            header,
            record.TryGetProperty("headers", out var headers) ? headers.GetProperty("content-type").GetString() : null
        );
    }

    [Theory]
    [InlineData("text/html", "<p>", "text/html")]
    [InlineData("application/geo+json", "{}", "application/geo+json")]
    public async Task Post_UncommonType_KeepsItInHeader(string contentType, string body, string header) =>
        Assert.Equal(
            header,
            (await AppendOneAsync(contentType, Encoding.UTF8.GetBytes(body)))
                .GetProperty("headers")
                .GetProperty("content-type")
                .GetString()
        );

    [Theory]
    [InlineData("user-7")]
    [InlineData("käse 😀 \"x\"")]
    public async Task Post_RecordKey_KeepsIt(string key)
    {
        // HttpClient sends ASCII headers only, so the key goes as the raw UTF-8 that curl sends.
        var body = RawRequest.Post(
            _server.Client.BaseAddress!,
            "/topics/t",
            $"Record-Key: {key}\r\nContent-Type: application/json\r\n",
            "1"
        );
        Assert.StartsWith("HTTP/1.1 201", await body, StringComparison.Ordinal);
        Assert.Equal(key, (await _server.ReadAllAsync("t"))[^1].GetProperty("key").GetString());
    }

    [Fact]
    public async Task Post_Ndjson_AppendsValuePerLine()
    {
        using var response = await _server.PostAsync("/topics/t", "application/x-ndjson", "{\"a\":1}\n\n \"b\" \r\n3");
        Assert.Equal(3, (await TestServer.JsonAsync(response)).GetProperty("count").GetInt32());
        Assert.Equal(
            ["{\"a\":1}", "\"b\"", "3"],
            (await _server.ReadAllAsync("t")).Select(record => record.GetProperty("value").GetRawText())
        );
    }

    [Fact]
    public async Task Post_Text_SplitsLinesIfRequested()
    {
        using var response = await _server.PostAsync("/topics/t?split=lines", "text/plain", "one\r\n\ntwo\n");
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(
            ["one", "", "two"],
            (await _server.ReadAllAsync("t")).Select(record => record.GetProperty("value").GetString())
        );
    }

    [Fact]
    public async Task Post_ManyLines_KeepsOrder()
    {
        var lines = Enumerable.Range(0, 500).Select(number => $"{number} {new string('x', number % 50)}").ToArray();
        using var response = await _server.PostAsync("/topics/t?split=lines", "text/plain", string.Join('\n', lines));
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(
            lines,
            (await _server.ReadAllAsync("t", "?maxBytes=4096")).Select(record =>
                record.GetProperty("value").GetString()
            )
        );
    }

    [Theory]
    [InlineData("application/json", "{\"a\":", "invalid_json", "byte 6")]
    [InlineData("application/json", "", "invalid_json", "empty")]
    [InlineData("application/json", "1 2", "invalid_json", "byte 3")]
    [InlineData("application/json", "{} // no", "invalid_json", "byte 4")]
    [InlineData("application/x-ndjson", "1\n2\nthree\n4", "invalid_json", "Line 3:")]
    [InlineData("application/x-ndjson", "\n \n", "no_records", "no records")]
    public async Task Post_InvalidJson_NamesPositionAndAppendsNothing(
        string contentType,
        string body,
        string code,
        string mentions
    ) => await RefusedAsync(HttpStatusCode.BadRequest, code, mentions, contentType, body);

    [Fact]
    public async Task Post_NestedJson_IsAcceptedUpToLimit()
    {
        await RefusedAsync(
            HttpStatusCode.BadRequest,
            "invalid_json",
            "depth",
            "application/json",
            new string('[', 61) + new string(']', 61)
        );
        await AppendOneAsync("application/json", Encoding.UTF8.GetBytes(new string('[', 60) + new string(']', 60)));
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    public async Task Post_InvalidUtf8_NamesPositionAndAppendsNothing(string contentType) =>
        await RefusedAsync(
            HttpStatusCode.BadRequest,
            "invalid_utf8",
            "byte 1",
            "/topics/t",
            contentType,
            [(byte)'"', 0xC3, (byte)'"']
        );

    [Fact]
    public async Task Post_AboveLimit_IsRejectedNamingLimit()
    {
        await RefusedAsync(
            HttpStatusCode.RequestEntityTooLarge,
            "record_too_large",
            "MaxRecordBytes",
            "text/plain",
            new string('x', 5_000)
        );
        await RefusedAsync(
            HttpStatusCode.RequestEntityTooLarge,
            "record_too_large",
            "Line 2:",
            "application/x-ndjson",
            $"1\n\"{new string('x', 5_000)}\"\n"
        );
        await RefusedAsync(
            HttpStatusCode.RequestEntityTooLarge,
            "batch_too_large",
            "MaxBatchBytes",
            "application/x-ndjson",
            string.Concat(Enumerable.Repeat($"\"{new string('x', 1_000)}\"\n", 90))
        );
        await RefusedAsync(
            HttpStatusCode.RequestEntityTooLarge,
            "body_too_large",
            "MaxBodyBytes",
            "application/x-ndjson",
            string.Concat(Enumerable.Repeat("1\n", 60_000))
        );
    }

    [Fact]
    public async Task Post_ContradictoryRequest_IsRejected()
    {
        await RefusedAsync(
            HttpStatusCode.BadRequest,
            "invalid_header",
            "single record",
            "application/x-ndjson",
            "1\n2",
            ("Record-Key", "k")
        );
        await RefusedAsync(
            HttpStatusCode.BadRequest,
            "invalid_parameter",
            "split",
            "/topics/t?split=words",
            "text/plain",
            "x"u8.ToArray()
        );
        await RefusedAsync(
            HttpStatusCode.BadRequest,
            "invalid_parameter",
            "split=lines",
            "/topics/t?split=lines",
            "application/json",
            "1"u8.ToArray()
        );
        await RefusedAsync(
            HttpStatusCode.BadRequest,
            "invalid_parameter",
            "partition",
            "/topics/t?partition=-1",
            "application/json",
            "1"u8.ToArray()
        );
        await RefusedAsync(
            HttpStatusCode.UnsupportedMediaType,
            "unsupported_media_type",
            "charset",
            "text/plain; charset=latin1",
            "x"
        );
    }

    [Theory]
    [InlineData("a%20b")]
    [InlineData("%2e%2e")]
    [InlineData("a%2Fb")]
    [InlineData("caf%C3%A9")]
    public async Task Post_InvalidTopicName_IsRejected(string name)
    {
        using var response = await _server.PostAsync($"/topics/{name}", "application/json", "1");
        Assert.InRange((int)response.StatusCode, 400, 499);
        Assert.Equal(
            ["__journal"],
            Directory.GetFileSystemEntries(Path.Combine(_server.DataDirectory, "topics")).Select(Path.GetFileName)
        );
    }

    [Fact]
    public async Task Post_AboveMaxTopics_IsRejected()
    {
        for (var number = 0; number < 3; number++)
            Assert.Equal(
                HttpStatusCode.Created,
                (await _server.PostAsync($"/topics/t{number}", "application/json", "1")).StatusCode
            );
        using var response = await _server.PostAsync("/topics/t3", "application/json", "1");
        Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode);
        Assert.Equal("too_many_topics", (await TestServer.JsonAsync(response)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task Post_IncompleteBody_AppendsNothing()
    {
        await _server.PostAsync("/topics/t", "application/json", "1");
        await RawRequest.SendAndCloseAsync(
            _server.Client.BaseAddress!,
            "POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: "
                + "1000\r\n\r\n2\n3\n"
        );
        await RawRequest.SendAndCloseAsync(
            _server.Client.BaseAddress!,
            "POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                + "application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n2\n3\n\r\n"
        );
        await _server.PostAsync("/topics/t", "application/json", "9");
        Assert.Equal(
            ["1", "9"],
            (await _server.ReadAllAsync("t")).Select(record => record.GetProperty("value").GetRawText())
        );
    }

    [Theory]
    [InlineData("Z\u00fcrich", new byte[] { 0xfc })]
    [InlineData("Z\u00fcrich", new byte[] { 0xc3, 0xbc })]
    [InlineData("Z\u20acrich", new byte[] { 0xe2, 0x82, 0xac })]
    [InlineData("Z\u00e2\u0082rich", new byte[] { 0xe2, 0x82 })]
    [InlineData("Z\u00ff\u00ferich", new byte[] { 0xff, 0xfe })]
    public async Task Append_BytesInHeaders_ReadsUtf8ElseLatin1(string key, byte[] bytes)
    {
        byte[] request =
        [
            .. "POST /topics/t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Unread: "u8,
            .. bytes,
            .. "\r\nRecord-Key: Z"u8,
            .. bytes,
            .. "rich\r\nRecord-Header-City: Z"u8,
            .. bytes,
            .. "rich\r\nContent-Length: 1\r\n\r\nx"u8,
        ];
        Assert.StartsWith(
            "HTTP/1.1 201 ",
            await RawRequest.SendAsync(_server.Client.BaseAddress!, request),
            StringComparison.Ordinal
        );
        var record = Assert.Single(await _server.ReadAllAsync("t"));
        Assert.Equal(
            (key, key),
            (record.GetProperty("key").GetString(), record.GetProperty("headers").GetProperty("city").GetString())
        );
    }

    [Theory]
    [InlineData("Content-Type", 415, "unsupported_media_type")]
    [InlineData("Content-Encoding", 415, "unsupported_media_type")]
    [InlineData("Producer-Id", 400, "invalid_producer")]
    [InlineData("If-Match", 400, "invalid_header")]
    [InlineData("Record-Timestamp", 400, "invalid_timestamp")]
    public async Task Append_InvalidBytesInHeader_NamesHeader(string header, int status, string code)
    {
        byte[] request =
        [
            .. System.Text.Encoding.ASCII.GetBytes(
                $"POST /topics/t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}: x"
            ),
            0xff,
            .. "\r\nContent-Length: 1\r\n\r\nx"u8,
        ];
        var answer = await RawRequest.SendAsync(_server.Client.BaseAddress!, request);
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains($"\"code\":\"{code}\"", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Append_KeyInQuery_KeepsIt()
    {
        Assert.Equal(
            HttpStatusCode.Created,
            (await _server.PostAsync("/topics/t?key=Z%C3%BCrich%20%E2%82%AC", "text/plain", "x")).StatusCode
        );
        Assert.Equal(
            "Z\u00fcrich \u20ac",
            Assert.Single(await _server.ReadAllAsync("t")).GetProperty("key").GetString()
        );
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t?key=%FF", "text/plain", "x"),
            HttpStatusCode.BadRequest,
            "invalid_key",
            "UTF-8"
        );
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t?key=a", "text/plain", "x", ("Record-Key", "a")),
            HttpStatusCode.BadRequest,
            "invalid_key",
            "Record-Key"
        );
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t?key=a", "application/x-ndjson", "1"),
            HttpStatusCode.BadRequest,
            "invalid_parameter",
            "single record"
        );
    }
}
