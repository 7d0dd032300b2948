using System.Net;
using System.Text.Json;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>Records as objects, the headers of a single record, several partitions (api/PROTOCOL.md §2).</summary>
public sealed class Section2AppendRecordsTests : IDisposable
{
    const string Records = "application/vnd.loghttp.records+ndjson";

    readonly TestServer _server = new(("Partitions", "3"));

    public void Dispose() => _server.Dispose();

    async Task<List<JsonElement>> ReadAsync(string topic)
    {
        var records = new List<JsonElement>();
        for (var partition = 0; partition < 3; partition++)
        {
            for (var path = $"/topics/{topic}/earliest?partition={partition}"; ; )
            {
                using var response = await _server.Client.GetAsync(path);
                if (response.StatusCode != HttpStatusCode.OK)
                    break;
                records.AddRange(
                    (await response.Content.ReadAsStringAsync())
                        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                        .Select(line => JsonDocument.Parse(line).RootElement)
                );
                path = TestServer.NextLink(response);
            }
        }
        return records;
    }

    async Task RefusedAsync(string body, string code, string mentions)
    {
        using var response = await _server.PostAsync("/topics/refused", Records, body);
        var problem = await TestServer.JsonAsync(response);
        Assert.Equal(code, problem.GetProperty("code").GetString());
        Assert.Contains(mentions, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_server.DataDirectory, "topics", "refused")));
    }

    [Fact]
    public async Task Post_Records_KeepsEveryField()
    {
        using var response = await _server.PostAsync(
            "/topics/t",
            Records,
            """
            {"partition":1,"key":"k😀","headers":{"Trace":"9f","tag":["a","b"]},"timestamp":1700000000000,"value":{"n": 1.0}}
            {"partition":1,"keyBase64":"/wA=","valueBase64":"AAEC"}
            {"partition":1,"value":null}
            """
        );
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        var records = await ReadAsync("t");
        Assert.Equal(
            ("k😀", 1_700_000_000_000, "{\"n\": 1.0}"),
            (
                records[0].GetProperty("key").GetString()!,
                records[0].GetProperty("timestamp").GetInt64(),
                records[0].GetProperty("value").GetRawText()
            )
        );
        Assert.Equal("{\"trace\":\"9f\",\"tag\":[\"a\",\"b\"]}", records[0].GetProperty("headers").GetRawText());
        Assert.Equal(
            ("/wA=", "AAEC"),
            (records[1].GetProperty("keyBase64").GetString()!, records[1].GetProperty("valueBase64").GetString()!)
        );
        Assert.Equal(JsonValueKind.Null, records[2].GetProperty("value").ValueKind);
    }

    [Fact]
    public async Task HeaderPairs_CopiedBetweenTopics_KeepEverything()
    {
        const string Pairs = """[["A","1"],["b",null],["A","2"],["c",{"base64":"/w=="}],["",""]]""";
        (
            await _server.PostAsync(
                "/topics/t?partition=0",
                Records,
                $$"""
                {"headers":{{Pairs}},"value":1}
                {"headers":[["a","1"],["a",{"base64":"Mg=="}],["b",""]],"value":2}
                {"headers":[],"value":3,"commit":["g","t",0,0,0],"idempotency":["k","h"]}
                """
            )
        ).EnsureSuccessStatusCode();
        var page = await _server.Client.GetStringAsync("/topics/t/earliest?partition=0");
        (await _server.PostAsync("/topics/copy?partition=0", Records, page)).EnsureSuccessStatusCode();
        foreach (var topic in new[] { "t", "copy" })
        {
            var records = await ReadAsync(topic);
            // The server keeps an object as an object.
            Assert.Equal(
                [Pairs, """{"a":["1","2"],"b":""}"""],
                records.Take(2).Select(record => record.GetProperty("headers").GetRawText())
            );
            Assert.False(
                records[2].TryGetProperty("headers", out _)
                    || records[2].TryGetProperty("commit", out _)
                    || records[2].TryGetProperty("idempotency", out _)
            );
        }
    }

    [Theory]
    [InlineData("""{"headers":[["a"]],"value":1}""")]
    [InlineData("""{"headers":[["a","1","2"]],"value":1}""")]
    [InlineData("""{"headers":[["a",1]],"value":1}""")]
    [InlineData("""{"headers":[[null,"1"]],"value":1}""")]
    [InlineData("""{"headers":["a","1"],"value":1}""")]
    [InlineData("""{"headers":[["a",{"base64":"!"}]],"value":1}""")]
    [InlineData("""{"headers":[["a",{"hex":"00"}]],"value":1}""")]
    [InlineData("""{"headers":[["a","\ud800"]],"value":1}""")]
    [InlineData("""{"headers":[["\ud800","a"]],"value":1}""")]
    public Task HeaderPairs_Invalid_AreRejected(string record) =>
        RefusedAsync(record, "invalid_header", "array of pairs");

    [Theory]
    [InlineData("json", "application/json", "\"text\"", null)]
    [InlineData("json", "application/x-www-form-urlencoded", "7", null)]
    [InlineData("json", "application/x-www-form-urlencoded", "hello", "not valid JSON")]
    [InlineData("json", "text/plain", "hello", "The value is a text. The topic takes JSON only")]
    [InlineData("json", "application/octet-stream", "hello", "The value is bytes. The topic takes JSON only")]
    [InlineData("json", Records, "{\"valueBase64\":\"AA==\"}", "The value is bytes")]
    [InlineData("text", "text/plain", "hello", null)]
    [InlineData("text", "application/json", "\"text\"", null)]
    [InlineData("text", "application/json", "null", null)]
    [InlineData("text", "application/x-www-form-urlencoded", "{}", null)]
    [InlineData("text", "application/json", "{}", "The value is JSON. The topic takes text, and JSON strings only")]
    [InlineData("text", "application/json", "\"\\ud800\"", "half of a surrogate pair")]
    [InlineData("text", "application/octet-stream", "hello", "The value is bytes")]
    [InlineData("bytes", "application/octet-stream", "hello", null)]
    [InlineData("bytes", "application/x-www-form-urlencoded", "{}", null)]
    [InlineData("bytes", Records, "{\"value\":null}", null)]
    [InlineData(
        "bytes",
        "text/plain",
        "hello",
        "The value is a text. The topic takes bytes only (\"values\":\"bytes\")"
    )]
    [InlineData("bytes", "application/json", "7", "The value is JSON")]
    public async Task FixedForm_OtherValues_AreRejected(string form, string contentType, string body, string? mentions)
    {
        (await _server.SendAsync(HttpMethod.Put, "/topics/t", $$"""{"values":"{{form}}"}""")).EnsureSuccessStatusCode();
        using var response = await _server.PostAsync("/topics/t", contentType, body);
        if (mentions is null)
            Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        else
            await TestServer.ProblemAsync(
                response,
                HttpStatusCode.BadRequest,
                mentions == "not valid JSON" ? "invalid_json" : "invalid_value",
                mentions
            );
    }

    [Fact]
    public async Task FixedForm_StreamsAndRestProxy_AreChecked()
    {
        (await _server.SendAsync(HttpMethod.Put, "/topics/t", """{"values":"bytes"}""")).EnsureSuccessStatusCode();
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t?stream=true", "application/x-ndjson", "1\n"),
            HttpStatusCode.BadRequest,
            "invalid_value",
            "Line 1"
        );
        using var proxied = await _server.PostAsync(
            "/topics/t",
            "application/vnd.kafka.json.v2+json",
            """{"records":[{"value":1}]}"""
        );
        Assert.Contains(
            "\"error_code\":50002,\"error\":\"The value is JSON.",
            await proxied.Content.ReadAsStringAsync(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task MaxRecordBytes_OfTopic_LimitsRecords()
    {
        (await _server.SendAsync(HttpMethod.Put, "/topics/t", """{"maxRecordBytes":1024}""")).EnsureSuccessStatusCode();
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t", "text/plain", new string('x', 1_100)),
            HttpStatusCode.RequestEntityTooLarge,
            "record_too_large",
            "1024"
        );
        Assert.Equal(
            HttpStatusCode.Created,
            (await _server.PostAsync("/topics/t", "text/plain", new string('x', 900))).StatusCode
        );
        Assert.Equal(
            HttpStatusCode.Created,
            (await _server.PostAsync("/topics/other", "text/plain", new string('x', 1_100))).StatusCode
        );
    }

    [Fact]
    public async Task Post_FetchResponse_CopiesRecords()
    {
        await _server.PostAsync(
            "/topics/from?partition=0",
            Records,
            "{\"key\":\"a\",\"value\":1}\n{\"value\":\"two\"}\n"
        );
        var body = await _server.Client.GetByteArrayAsync("/topics/from/0?partition=0");
        using var response = await _server.PostAsync("/topics/to?partition=2", Records, body);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(body, await _server.Client.GetByteArrayAsync("/topics/to/0?partition=2"));
    }

    [Fact]
    public async Task Post_SeveralPartitions_ReturnsResultOfEach()
    {
        using var response = await _server.PostAsync(
            "/topics/t",
            Records,
            """
            {"key":"21","value":1}
            {"key":"foobar","value":2}
            {"key":"abc","value":3}
            {"partition":0,"value":4}
            {"partition":1,"value":5}
            """
        );
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        var answer = await TestServer.JsonAsync(response);
        Assert.Equal(5, answer.GetProperty("count").GetInt32());
        Assert.Equal(
            5,
            answer.GetProperty("results").EnumerateArray().Sum(part => part.GetProperty("count").GetInt32())
        );
        Assert.Equal(5, (await ReadAsync("t")).Count);
    }

    [Fact]
    public async Task Post_OnePartitionRejects_Returns207WithResults()
    {
        // Not synced, so the journal does not know the end of the log.
        await _server.SendAsync(HttpMethod.Put, "/topics/t", """{"flush":"os"}""");
        await _server.PostAsync("/topics/t?partition=1", "text/plain", "whole");
        // Damage that a start finds: a broken line with a record behind it. The partition can be read and not written.
        _server.Restart(() =>
        {
            var path = Path.Combine(_server.DataDirectory, "topics", "t", "1", "00000000000000000000.ndjson");
            File.AppendAllText(
                path,
                "broken\n" + File.ReadAllText(path).Replace("\"offset\":0", "\"offset\":1", StringComparison.Ordinal)
            );
        });
        using var response = await _server.PostAsync(
            "/topics/t",
            Records,
            "{\"partition\":0,\"value\":1}\n{\"partition\":1,\"value\":2}\n{\"partition\":0,\"value\":3}"
        );
        Assert.Equal(HttpStatusCode.MultiStatus, response.StatusCode);
        var answer = await TestServer.JsonAsync(response);
        Assert.Equal(2, answer.GetProperty("count").GetInt32());
        var (good, bad) = (answer.GetProperty("results")[0], answer.GetProperty("results")[1]);
        Assert.Equal(
            (0, 201, 2, 0),
            (
                good.GetProperty("partition").GetInt32(),
                good.GetProperty("status").GetInt32(),
                good.GetProperty("count").GetInt32(),
                good.GetProperty("offset").GetInt32()
            )
        );
        Assert.Equal(
            (1, 503, "partition_stopped", false),
            (
                bad.GetProperty("partition").GetInt32(),
                bad.GetProperty("status").GetInt32(),
                bad.GetProperty("code").GetString()!,
                bad.GetProperty("retryable").GetBoolean()
            )
        );
        Assert.Equal(
            [1, 3],
            (await ReadAsync("t"))
                .Where(record => record.GetProperty("value").ValueKind == JsonValueKind.Number)
                .Select(record => record.GetProperty("value").GetInt32())
        );
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t?partition=1", "application/json", "4"),
            HttpStatusCode.ServiceUnavailable,
            "partition_stopped",
            "records follow"
        );
        var topic = await TestServer.JsonAsync(await _server.Client.GetAsync("/topics/t"));
        Assert.Contains(
            "records follow",
            topic.GetProperty("partitions")[1].GetProperty("stopped").GetString(),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("{\"value\":1}\n{\"valeu\":2}", "invalid_record", "Line 2: \"valeu\"")]
    [InlineData("{\"value\":1,\"value\":2}", "invalid_record", "twice")]
    [InlineData("{\"key\":\"a\"}", "invalid_record", "one of value")]
    [InlineData("{\"value\":1,\"valueBase64\":\"\"}", "invalid_record", "one of value")]
    [InlineData("{\"key\":\"\\ud800\",\"value\":1}", "invalid_key", "Unicode")]
    [InlineData("{\"key\":1,\"value\":1}", "invalid_key", "string")]
    [InlineData("{\"keyBase64\":\"!\",\"value\":1}", "invalid_key", "Base64")]
    [InlineData("{\"keyBase64\":\"\\ud800\",\"value\":1}", "invalid_key", "Base64")]
    [InlineData("{\"valueBase64\":\"\\ud800\"}", "invalid_record", "Base64")]
    [InlineData("{\"headers\":{\"a\":1},\"value\":1}", "invalid_header", "strings")]
    [InlineData("{\"headers\":7,\"value\":1}", "invalid_header", "object")]
    [InlineData("{\"timestamp\":-1,\"value\":1}", "invalid_timestamp", "timestamp")]
    [InlineData("{\"timestamp\":9000000000000000,\"value\":1}", "invalid_timestamp", "hour")]
    [InlineData("{\"partition\":3,\"value\":1}", "unknown_partition", "Line 1: ")]
    [InlineData("{\"partition\":1.5,\"value\":1}", "invalid_record", "partition")]
    [InlineData("{\"valu\\ud800\":1}", "invalid_record", "is no field")]
    [InlineData("{\"value\":1} {}", "invalid_json", "Line 1: ")]
    [InlineData("[]", "invalid_record", "object")]
    [InlineData("{\"value\":", "invalid_json", "byte")]
    public async Task Post_InvalidRecord_NamesFieldAndAppendsNothing(string body, string code, string mentions) =>
        await RefusedAsync(body, code, mentions);

    [Fact]
    public async Task Post_OneValue_TakesKeyTimeAndHeadersFromRequest()
    {
        using var response = await _server.PostAsync(
            "/topics/t",
            "application/json",
            "1"u8.ToArray(),
            ("Record-Key", "k"),
            ("Record-Timestamp", "2023-11-14T22:13:20Z"),
            ("Record-Header-Trace", "9f")
        );
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        var record = Assert.Single(await ReadAsync("t"));
        Assert.Equal(
            ("k", 1_700_000_000_000, "9f"),
            (
                record.GetProperty("key").GetString()!,
                record.GetProperty("timestamp").GetInt64(),
                record.GetProperty("headers").GetProperty("trace").GetString()!
            )
        );
    }

    [Fact]
    public async Task Post_TimeBetweenMilliseconds_IsFoundAtIt()
    {
        const string Time = "2023-11-14T22:13:20.0005Z";
        await _server.PostAsync(
            "/topics/t?partition=0",
            "application/json",
            "1"u8.ToArray(),
            ("Record-Timestamp", Time)
        );
        Assert.Equal(
            0,
            TestServer.Number(await _server.Client.GetAsync($"/topics/t/@{Time}?partition=0"), "Log-First-Offset")
        );
    }

    [Theory]
    [InlineData("keyy=bob")]
    [InlineData("splitt=lines")]
    public async Task Post_UnknownParameter_IsRejected(string query) =>
        await TestServer.ProblemAsync(
            await _server.PostAsync($"/topics/refused?{query}", "text/plain", "a\nb"),
            HttpStatusCode.BadRequest,
            "invalid_parameter",
            query.Split('=')[0]
        );

    [Theory]
    [InlineData("Record-Timestamp", "soon", "invalid_timestamp")]
    [InlineData("Record-Timestamp", "99999999999999", "invalid_timestamp")]
    [InlineData("Record-Kye", "bob", "invalid_header")]
    [InlineData("Record-Header-", "x", "invalid_header")]
    public async Task Post_InvalidRecordHeader_IsRejected(string name, string value, string code)
    {
        using var response = await _server.PostAsync("/topics/t", "application/json", "1"u8.ToArray(), (name, value));
        Assert.Equal(code, (await TestServer.JsonAsync(response)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task Get_SeveralPartitions_RequiresPartition()
    {
        await _server.PostAsync("/topics/t", "application/json", "1");
        using var response = await _server.Client.GetAsync("/topics/t/0");
        Assert.Equal("partition_required", (await TestServer.JsonAsync(response)).GetProperty("code").GetString());
    }
}
