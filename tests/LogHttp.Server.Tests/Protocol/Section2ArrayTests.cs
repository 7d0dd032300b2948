using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>Arrays whose elements are records: <c>split=array</c> (api/PROTOCOL.md §2).</summary>
public sealed class Section2ArrayTests : IDisposable
{
    const string Json = "application/json";

    readonly TestServer _server = new(
        ("MaxRecordBytes", "4096"),
        ("MaxBatchBytes", "200000"),
        ("MaxBodyBytes", "600000"),
        ("ProduceStreamLinger", "60000ms")
    );

    public void Dispose() => _server.Dispose();

    Task<HttpResponseMessage> PostAsync(string body, string query = "", string type = Json) =>
        _server.PostAsync($"/topics/t?split=array{query}", type, body);

    async Task<JsonElement> RefusedAsync(string body, string code, string mentions, string query = "")
    {
        var problem = await TestServer.ProblemAsync(
            await PostAsync(body, query),
            code == "record_too_large" ? HttpStatusCode.RequestEntityTooLarge : HttpStatusCode.BadRequest,
            code,
            mentions
        );
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Client.GetAsync("/topics/t")).StatusCode);
        return problem;
    }

    async Task<string[]> ValuesAsync() =>
        [.. (await _server.ReadAllAsync("t")).Select(record => record.GetProperty("value").GetRawText())];

    // As Fluent Bit's http output (format json), collectd's write_http (Format JSON) and syslog-ng's http() with a
    // body-prefix send them.
    [Theory]
    [InlineData(
        """[{"date":1795341600.123,"log":"GET / 200"},{"date":1795341600.5,"log":"[warn] \"x\"]"}]""",
        """{"date":1795341600.123,"log":"GET / 200"}""",
        """{"date":1795341600.5,"log":"[warn] \"x\"]"}"""
    )]
    [InlineData(
        """[{"values":[1.20],"dstypes":["gauge"],"dsnames":["value"],"time":1795341600.000,"interval":10.000,"host":"a","plugin":"cpu","plugin_instance":"0","type":"percent","type_instance":"idle"}]""",
        """{"values":[1.20],"dstypes":["gauge"],"dsnames":["value"],"time":1795341600.000,"interval":10.000,"host":"a","plugin":"cpu","plugin_instance":"0","type":"percent","type_instance":"idle"}"""
    )]
    [InlineData(
        "[\n{\"MESSAGE\":\"a\"},\n{\"MESSAGE\":\"b\",\n \"N\":2}\n]\n",
        "{\"MESSAGE\":\"a\"}",
        "{\"MESSAGE\":\"b\",  \"N\":2}"
    )]
    [InlineData("\uFEFF [ 1.0 ,\"x\", null,[],{} ] ", "1.0", "\"x\"", "null", "[]", "{}")]
    public async Task Array_Elements_AreRecordsAsTheyCame(string body, params string[] values)
    {
        using var response = await PostAsync(body);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(values.Length, (await TestServer.JsonAsync(response)).GetProperty("count").GetInt32());
        Assert.Equal(values, await ValuesAsync());
        // One batch.
        Assert.Equal(
            values.Length > 1 ? 1 : 0,
            (await _server.ReadAllAsync("t")).Count(record => record.TryGetProperty("batch", out _))
        );
    }

    [Fact]
    public async Task Array_WithoutSplit_IsOneRecord()
    {
        (await _server.PostAsync("/topics/t", Json, "[1,2]")).EnsureSuccessStatusCode();
        Assert.Equal("[1,2]", Assert.Single(await ValuesAsync()));
    }

    [Fact]
    public async Task Array_OtherJsonType_IsRemembered()
    {
        (await PostAsync("[1,2]", type: "application/vnd.x+json; charset=utf-8")).EnsureSuccessStatusCode();
        foreach (var record in await _server.ReadAllAsync("t"))
            Assert.Equal("""{"content-type":"application/vnd.x+json"}""", record.GetProperty("headers").GetRawText());
    }

    [Theory]
    [InlineData(
        "text/plain",
        "array",
        "split=array goes with a JSON body (Content-Type: application/json, or any …+json)"
    )]
    [InlineData("application/x-ndjson", "array", "split=array goes with a JSON body")]
    [InlineData("application/x-www-form-urlencoded", "array", "split=array goes with a JSON body")]
    [InlineData("", "array", "split=array goes with a JSON body")]
    [InlineData(Json, "lines", "split=lines goes with a text body")]
    [InlineData(Json, "words", "split is \"words\". Supported: lines, array.")]
    [InlineData(Json, "array&split=array", "split is given 2 times.")]
    public async Task Split_OtherTypeOrValue_IsRejected(string type, string split, string mentions) =>
        await TestServer.ProblemAsync(
            await _server.PostAsync($"/topics/t?split={split}", type, "[1]"),
            HttpStatusCode.BadRequest,
            "invalid_parameter",
            mentions
        );

    [Theory]
    [InlineData("[]", "no_records", "The body holds no records.")]
    [InlineData(" ", "no_records", "The body holds no records.")]
    [InlineData("", "no_records", "The body holds no records.")]
    [InlineData("{\"a\":1}", "invalid_json", "The body is not a JSON array: it begins with '{'.")]
    [InlineData("[1]x", "invalid_json", "The array is followed by 'x'.")]
    [InlineData("[1,2", "invalid_json", "Element 2: The body ends within it")]
    public async Task Array_Invalid_IsRejected(string body, string code, string mentions) =>
        await RefusedAsync(body, code, mentions);

    [Theory]
    [InlineData("[1,{\"a\":},3]", "Element 2: The value is not valid JSON at byte 6")]
    [InlineData("[1,NaN]", "Element 2: The value is not valid JSON at byte 1")]
    [InlineData("[1,{\"a\":1]]", "Element 2: The value is not valid JSON")]
    [InlineData("[1 2]", "Element 1: It is followed by '2'.")]
    public async Task Element_Invalid_IsNamed(string body, string mentions)
    {
        var problem = await RefusedAsync(body, "invalid_json", mentions);
        Assert.Equal(mentions[8] - '0', problem.GetProperty("element").GetInt32());
        Assert.False(problem.TryGetProperty("line", out _));
    }

    [Fact]
    public async Task Element_InvalidUtf8_IsNamed()
    {
        using var response = await _server.PostAsync("/topics/t?split=array", Json, [.. "[1,\""u8, 0xF6, .. "\"]"u8]);
        await TestServer.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid_utf8", "Element 2: ");
    }

    [Theory]
    [InlineData(60, true)]
    [InlineData(61, false)]
    [InlineData(100_000, false)]
    public async Task Element_Deep_HasLimitOfRecords(int levels, bool isTaken)
    {
        var body = $"[1,{new string('[', levels)}{new string(']', levels)}]";
        if (isTaken)
            (await PostAsync(body)).EnsureSuccessStatusCode();
        else
            await RefusedAsync(body, levels > 1_000 ? "record_too_large" : "invalid_json", "Element 2: ");
    }

    [Theory]
    [InlineData(4_000, true)]
    [InlineData(4_096, false)]
    [InlineData(450_000, false)]
    public async Task Element_Large_HasLimitOfRecords(int sizeBytes, bool isTaken)
    {
        var body = $"[1,\"{new string('a', sizeBytes)}\"]";
        if (isTaken)
            (await PostAsync(body)).EnsureSuccessStatusCode();
        else
            await RefusedAsync(body, "record_too_large", "Element 2: ");
    }

    [Fact]
    public async Task Array_LargerThanBatch_IsRejected() =>
        await TestServer.ProblemAsync(
            await PostAsync($"[{string.Join(',', Enumerable.Repeat($"\"{new string('a', 1_000)}\"", 300))}]"),
            HttpStatusCode.RequestEntityTooLarge,
            "batch_too_large",
            "Element 1"
        );

    [Fact]
    public async Task Array_InPiecesAndPacked_IsSplit()
    {
        var elements = Enumerable.Range(0, 500).Select(number => $"{{\"n\":{number},\"s\":\"]\\\"\"}}").ToArray();
        var body = Encoding.UTF8.GetBytes($"[{string.Join(" , ", elements)}]");
        using (var connection = new RawRequest.Connection(_server.Client.BaseAddress!))
        {
            await connection.WriteAsync(
                "POST /topics/t?split=array HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n"
            );
            foreach (var piece in body.Chunk(777))
                await connection.WriteAsync($"{piece.Length:x}\r\n{Encoding.UTF8.GetString(piece)}\r\n");
            await connection.WriteAsync("0\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 201", await connection.ReadLineAsync(), StringComparison.Ordinal);
        }
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(body);
        (
            await _server.PostAsync("/topics/t?split=array", Json, packed.ToArray(), ("Content-Encoding", "gzip"))
        ).EnsureSuccessStatusCode();
        Assert.Equal(elements.Concat(elements), await ValuesAsync());
    }

    [Fact]
    public async Task Array_SentAgainByProducer_IsRepeat()
    {
        (string, string)[] producer = [("Producer-Id", "p"), ("Producer-Epoch", "0"), ("Producer-Seq", "0")];
        using var first = await _server.PostAsync("/topics/t?split=array", Json, "[1,2,3]", producer);
        using var again = await _server.PostAsync("/topics/t?split=array", Json, " [ 1 , 2 , 3 ] ", producer);
        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.OK), (first.StatusCode, again.StatusCode));
        Assert.Equal("1 2 3", string.Join(" ", await ValuesAsync()));
    }

    [Theory]
    [InlineData("Record-Key", "k")]
    [InlineData("Record-Header-a", "b")]
    [InlineData("Record-Timestamp", "1")]
    public async Task Array_RecordHeader_IsRejected(string name, string value) =>
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t?split=array", Json, "[1]", (name, value)),
            HttpStatusCode.BadRequest,
            "invalid_header",
            "need a body of a single record"
        );

    [Fact]
    public async Task Stream_Array_IsCommittedInBatches()
    {
        var body = $"[{string.Join(",\n", Enumerable.Range(0, 25_000))}]";
        using var response = await PostAsync(body, "&stream=true");
        var lines = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("""{"done":true,"count":25000,"lastCommittedElement":25000}""", lines[^1]);
        var reports = lines[..^1].Select(static line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(25_000, reports.Sum(static report => report.GetProperty("count").GetInt32()));
        Assert.Equal(25_000, reports[^1].GetProperty("lastElement").GetInt32());
        Assert.Equal(Enumerable.Range(0, 25_000).Select(number => $"{number}"), await ValuesAsync());
    }

    [Theory]
    [InlineData("[1,2,{]}", "Element 3: ", 3)]
    [InlineData("[1,2,", "The array is not closed: the body ends behind element 2.", null)]
    [InlineData("[1,2] 3", "The array is followed by '3'.", null)]
    public async Task Stream_FaultInArray_KeepsElementsBefore(string body, string mentions, int? element)
    {
        using var response = await PostAsync(body, "&stream=true");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var lines = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("""{"firstElement":1,"lastElement":2,"partition":0,"offset":0,"count":2}""", lines[0]);
        var end = JsonDocument.Parse(lines[^1]).RootElement;
        var error = end.GetProperty("error");
        Assert.Equal(
            (false, 2, "invalid_json"),
            (
                end.GetProperty("done").GetBoolean(),
                end.GetProperty("lastCommittedElement").GetInt32(),
                error.GetProperty("code").GetString()
            )
        );
        Assert.Contains(mentions, error.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(element, error.TryGetProperty("element", out var number) ? number.GetInt32() : null);
        Assert.Equal("1 2", string.Join(" ", await ValuesAsync()));
    }

    [Theory]
    [InlineData("[]", "no_records")]
    [InlineData("{}", "invalid_json")]
    public async Task Stream_NoElements_IsRejected(string body, string code) =>
        await RefusedAsync(body, code, "", "&stream=true");

    [Fact]
    public async Task JsonLines_AsOneValue_AreExplained() =>
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t", Json, "{\"n\":1}\n{\"n\":2}\n"),
            HttpStatusCode.BadRequest,
            "invalid_json",
            "The body has several JSON values, one a line. Send it as application/x-ndjson."
        );

    [Theory]
    [InlineData("{\"n\":1} {\"n\":2}")]
    [InlineData("{\"n\":1\n}\n]")]
    public async Task OneValue_Invalid_IsDescribed(string body) =>
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t", Json, body),
            HttpStatusCode.BadRequest,
            "invalid_json",
            "The value is not valid JSON at"
        );
}
