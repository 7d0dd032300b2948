using System.Net;
using System.Text;
using System.Text.Json;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>Requests from Confluent's documentation of its REST Proxy v2, sent unchanged.</summary>
public sealed class Section13ConfluentTests : IDisposable
{
    const string Json = "application/vnd.kafka.json.v2+json";
    const string Binary = "application/vnd.kafka.binary.v2+json";
    const string Answer = "application/vnd.kafka.v2+json";

    readonly TestServer _server = new(
        ("MaxRecordBytes", "4096"),
        ("MaxKeyBytes", "64"),
        ("MaxBatchBytes", "16384"),
        ("MaxBodyBytes", "65536")
    );

    public void Dispose() => _server.Dispose();

    Task PutAsync(string topic, int partitions) =>
        OkAsync(_server.SendAsync(HttpMethod.Put, $"/topics/{topic}", $"{{\"partitions\":{partitions}}}"));

    static async Task OkAsync(Task<HttpResponseMessage> sent)
    {
        using var response = await sent;
        response.EnsureSuccessStatusCode();
    }

    /// <summary>The outcomes of the records: "partition:offset", or "code error".</summary>
    static async Task<string[]> OffsetsAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.Equal(
            (HttpStatusCode.OK, Answer),
            (response.StatusCode, response.Content.Headers.ContentType?.ToString())
        );
        var answer = JsonDocument.Parse(text).RootElement;
        Assert.Equal(
            ["offsets", "key_schema_id", "value_schema_id"],
            answer.EnumerateObject().Select(field => field.Name)
        );
        Assert.Equal(
            (JsonValueKind.Null, JsonValueKind.Null),
            (answer.GetProperty("key_schema_id").ValueKind, answer.GetProperty("value_schema_id").ValueKind)
        );
        return [.. answer.GetProperty("offsets").EnumerateArray().Select(Read)];

        static string Read(JsonElement record)
        {
            Assert.Equal(
                ["partition", "offset", "error_code", "error"],
                record.EnumerateObject().Select(field => field.Name)
            );
            if (record.GetProperty("error_code").ValueKind == JsonValueKind.Null)
            {
                Assert.Equal(JsonValueKind.Null, record.GetProperty("error").ValueKind);
                return $"{record.GetProperty("partition").GetInt32()}:{record.GetProperty("offset").GetInt64()}";
            }
            Assert.Equal(
                (JsonValueKind.Null, JsonValueKind.Null),
                (record.GetProperty("partition").ValueKind, record.GetProperty("offset").ValueKind)
            );
            return $"{record.GetProperty("error_code").GetInt32()} {record.GetProperty("error").GetString()}";
        }
    }

    /// <summary>Expects an error in the REST Proxy's form.</summary>
    static async Task ErrorAsync(HttpResponseMessage response, HttpStatusCode status, int code, string mentions = "")
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(
            response.Content.Headers.ContentType?.ToString() == Answer,
            $"{(int)response.StatusCode} {response.Content.Headers.ContentType} {text}"
        );
        var error = JsonDocument.Parse(text).RootElement;
        Assert.Equal(["error_code", "message"], error.EnumerateObject().Select(field => field.Name));
        Assert.Equal((status, code), (response.StatusCode, error.GetProperty("error_code").GetInt32()));
        Assert.Contains(mentions, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    async Task<string> LineAsync(string topic, string place = "earliest") =>
        WithoutTime(await _server.Client.GetStringAsync($"/topics/{topic}/{place}"));

    static string WithoutTime(string lines) =>
        System.Text.RegularExpressions.Regex.Replace(lines, "\"timestamp\":[0-9]+,", "");

    [Fact]
    public async Task Json_DocumentedExample_MatchesByteForByte()
    {
        using var response = await _server.PostAsync(
            "/topics/jsontest",
            Json,
            """{"records":[{"value":{"foo":"bar"}}]}""",
            ("Accept", "application/vnd.kafka.v2+json, application/vnd.kafka+json, application/json")
        );
        Assert.Equal(
            (HttpStatusCode.OK, Answer),
            (response.StatusCode, response.Content.Headers.ContentType?.ToString())
        );
        Assert.Equal(
            """{"offsets":[{"partition":0,"offset":0,"error_code":null,"error":null}],"key_schema_id":null,"value_schema_id":null}"""
                + "\n",
            await response.Content.ReadAsStringAsync()
        );
        Assert.Equal("""{"offset":0,"value":{"foo":"bar"}}""" + "\n", await LineAsync("jsontest"));
    }

    [Fact]
    public async Task Binary_KeysAndValues_KeepBytes()
    {
        using var response = await _server.PostAsync(
            "/topics/t",
            Binary,
            """{"records":[{"key":"dXNlci03","value":"AAEC/w=="},{"key":"/w==","value":"S2Fma2E="},{"value":null},{}]}"""
        );
        Assert.Equal(["0:0", "0:1", "0:2", "0:3"], await OffsetsAsync(response));
        Assert.Equal(
            """
            {"offset":0,"batch":4,"key":"user-7","valueBase64":"AAEC/w=="}
            {"offset":1,"keyBase64":"/w==","valueBase64":"S2Fma2E="}
            {"offset":2,"value":null}
            {"offset":3,"value":null}

            """.ReplaceLineEndings("\n"),
            await LineAsync("t")
        );
        Assert.Equal("Kafka", await _server.Client.GetStringAsync("/topics/t/1/value"));
    }

    [Fact]
    public async Task Json_Values_KeepEveryDigit()
    {
        const string Values =
            """1.0, 1e400, 12345678901234567890.10, "tëxt \u00e9 \ud800", null, true, {"b": 1,"a":1,"a":2}, []""";
        using var response = await _server.PostAsync(
            "/topics/t",
            Json,
            $"{{\"records\":[{string.Join(',', Values.Split(", ").Select(value => $"{{\"value\":{value}}}"))}, "
                + $"{{\"value\": {{\r\n\"n\": 1}}}}, {{\"key\":null,\"partition\":null}}]}}"
        );
        Assert.Equal(10, (await OffsetsAsync(response)).Length);
        Assert.Equal(
            $"{Values.Replace(", ", "\n", StringComparison.Ordinal)}\n{{  \"n\": 1}}\nnull\n",
            await _server.Client.GetStringAsync("/topics/t/earliest?view=values")
        );
    }

    [Theory]
    [InlineData("\"user-7\"", "user-7")]
    [InlineData("\"\"", "")]
    [InlineData("\"k\\u00e4se\"", "k\u00e4se")]
    [InlineData("7", "7")]
    [InlineData("1.50", "1.50")]
    [InlineData("true", "true")]
    [InlineData("{ \"id\" : 1.0,\n\t\"a b\" : [ 1, \"c \\\" \\\\\" ] }", "{\"id\":1.0,\"a b\":[1,\"c \\\" \\\\\"]}")]
    public async Task Json_Key_IsTextOrCompactJson(string key, string expected)
    {
        using var response = await _server.PostAsync(
            "/topics/t",
            Json,
            $"{{\"records\":[{{\"key\":{key},\"value\":1}}]}}"
        );
        Assert.Equal(["0:0"], await OffsetsAsync(response));
        Assert.Equal(expected, Assert.Single(await _server.ReadAllAsync("t")).GetProperty("key").GetString());
    }

    [Fact]
    public async Task Key_OfAnyClient_GoesToSamePartition()
    {
        await PutAsync("t", 7);
        for (var i = 0; i < 20; i++)
        {
            var key = $"user-{i}";
            using var native = await _server.PostAsync("/topics/t", "application/json", "1", ("Record-Key", key));
            var partition = (await TestServer.JsonAsync(native)).GetProperty("partition").GetInt32();
            using var json = await _server.PostAsync(
                "/topics/t",
                Json,
                $"{{\"records\":[{{\"key\":\"{key}\",\"value\":1}}]}}"
            );
            using var binary = await _server.PostAsync(
                "/topics/t",
                Binary,
                $"{{\"records\":[{{\"key\":\"{Convert.ToBase64String(Encoding.UTF8.GetBytes(key))}\","
                    + $"\"value\":\"\"}}]}}"
            );
            Assert.All(
                [.. await OffsetsAsync(json), .. await OffsetsAsync(binary)],
                offset => Assert.StartsWith($"{partition}:", offset, StringComparison.Ordinal)
            );
        }
    }

    [Fact]
    public async Task Offsets_SeveralPartitions_FollowRecordOrder()
    {
        await PutAsync("t", 3);
        await OkAsync(_server.PostAsync("/topics/t?partition=1", "application/x-ndjson", "1\n2\n"));
        using var response = await _server.PostAsync(
            "/topics/t",
            Json,
            """{"records":[{"value":"a","partition":2},{"value":"b","partition":1},{"partition":2,"value":"c"},{"value":"d","partition":0},{"value":"e","partition":1}]}"""
        );
        Assert.Equal(["2:0", "1:2", "2:1", "0:0", "1:3"], await OffsetsAsync(response));
        Assert.Equal("\"b\"\n\"e\"\n", await _server.Client.GetStringAsync("/topics/t/2?partition=1&view=values"));
    }

    [Fact]
    public async Task Response_ManyRecords_IsWhole()
    {
        using var server = new TestServer();
        using var response = await server.PostAsync(
            "/topics/t",
            Json,
            $"{{\"records\":[{string.Join(',', Enumerable.Repeat("{\"value\":1}", 20_000))}]}}"
        );
        Assert.Equal(Enumerable.Range(0, 20_000).Select(offset => $"0:{offset}"), await OffsetsAsync(response));
    }

    [Fact]
    public async Task Record_FailsAlone_OthersAreAppended()
    {
        await PutAsync("t", 2);
        var large = new string('x', 5000);
        using var response = await _server.PostAsync(
            "/topics/t",
            Json,
            $"{{\"records\":[{{\"value\":1,\"partition\":0}},{{\"value\":2,\"partition\":2}},{{\"value\":\"{large}"
                + $"\",\"partition\":0}},{{\"key\":\"{large[..65]}\",\"value\":4}},{{\"value\":5,\"partition\":0}}]}}"
        );
        var offsets = await OffsetsAsync(response);
        Assert.Equal("0:0", offsets[0]);
        Assert.Equal("50002 The topic has no such partition; it has 2, from 0 on.", offsets[1]);
        Assert.StartsWith("50002 The record takes 5002 bytes; the most is 4096", offsets[2], StringComparison.Ordinal);
        Assert.StartsWith("50002 The key is larger than 64 bytes (MaxKeyBytes).", offsets[3], StringComparison.Ordinal);
        Assert.Equal("0:1", offsets[4]);
        Assert.Equal("1\n5\n", await _server.Client.GetStringAsync("/topics/t/earliest?partition=0&view=values"));
    }

    [Fact]
    public async Task Records_AllFail_Returns200WithoutCreatingTopic()
    {
        using var response = await _server.PostAsync(
            "/topics/new",
            Json,
            """{"records":[{"value":1,"partition":1}]}"""
        );
        Assert.StartsWith("50002 ", Assert.Single(await OffsetsAsync(response)), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Client.GetAsync("/topics/new")).StatusCode);
    }

    [Fact]
    public async Task PartitionInPath_RecordsWithoutOne_UseIt()
    {
        await PutAsync("t", 3);
        using var response = await _server.PostAsync(
            "/topics/t/partitions/1",
            Json,
            """{"records":[{"key":"user-7","value":1},{"value":2,"partition":2},{"value":3}]}"""
        );
        Assert.Equal(["1:0", "2:0", "1:1"], await OffsetsAsync(response));
        await ErrorAsync(
            await _server.PostAsync("/topics/t/partitions/3", Json, """{"records":[{"value":1}]}"""),
            HttpStatusCode.NotFound,
            40402,
            "no partition 3"
        );
        await ErrorAsync(
            await _server.PostAsync("/topics/t/partitions/x", Json, """{"records":[{"value":1}]}"""),
            HttpStatusCode.NotFound,
            404
        );
        await ErrorAsync(
            await _server.PostAsync("/topics/t/partitions/1?partition=1", Json, """{"records":[{"value":1}]}"""),
            HttpStatusCode.BadRequest,
            400
        );
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t/partitions/1", "application/json", "1"),
            HttpStatusCode.UnsupportedMediaType,
            "unsupported_media_type",
            "POST /topics/t?partition=1"
        );
    }

    [Theory]
    // Not JSON, or not JSON to its end.
    [InlineData(400, "{\"records\":[{\"value\":1}]")]
    [InlineData(400, "{\"records\":[{\"value\":1}]} x")]
    [InlineData(400, "{\"records\":[{\"value\":01}]}")]
    [InlineData(400, "{\"records\":[{\"value\":1},]}")]
    [InlineData(400, "hello")]
    [InlineData(400, "{\"records\":[{\"value\":\"\u00ff\"}]}", "UTF-8")]
    // JSON, but not a request.
    [InlineData(422, "", "no records")]
    [InlineData(422, " \r\n", "no records")]
    [InlineData(422, "null", "is not an object")]
    [InlineData(422, "[{\"value\":1}]", "is not an object")]
    [InlineData(422, "{}", "no records")]
    [InlineData(422, "{\"records\":null}", "no records")]
    [InlineData(422, "{\"records\":[]}", "no records")]
    [InlineData(422, "{\"records\":{}}", "not an array")]
    [InlineData(422, "{\"records\":[1]}", "Record 1: It is not an object")]
    [InlineData(422, "{\"records\":[{\"value\":1}],\"records\":[]}", "twice")]
    [InlineData(422, "{\"receiver\":\"email-logs\",\"records\":[{\"value\":1}]}", "Unrecognized field: receiver")]
    [InlineData(422, "{\"records\":[{\"value\":1},{\"my_field\":12}]}", "Record 2: Unrecognized field: my_field")]
    [InlineData(422, "{\"records\":[{\"value\":1,\"\\ud800\":12}]}", "Unrecognized field")]
    [InlineData(422, "{\"records\":[{\"value\":1,\"value\":2}]}", "value stands there twice")]
    [InlineData(422, "{\"records\":[{\"value\":1,\"partition\":-1}]}", "partition")]
    [InlineData(422, "{\"records\":[{\"value\":1,\"partition\":1.5}]}", "partition")]
    [InlineData(422, "{\"records\":[{\"value\":1,\"partition\":\"0\"}]}", "partition")]
    [InlineData(422, "{\"records\":[{\"value\":1,\"partition\":2147483648}]}", "partition")]
    [InlineData(422, "{\"records\":[{\"key\":\"\\ud800\",\"value\":1}]}", "surrogate")]
    public async Task Body_Malformed_FailsWhole(int status, string body, string mentions = "")
    {
        using var response = await _server.PostAsync("/topics/t", Json, Encoding.Latin1.GetBytes(body));
        await ErrorAsync(response, (HttpStatusCode)status, status, mentions);
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Client.GetAsync("/topics/t")).StatusCode);
    }

    [Theory]
    [InlineData("\"a\"")]
    [InlineData("\"%%%%\"")]
    [InlineData("\"\\ud800\"")]
    [InlineData("1")]
    [InlineData("{}")]
    public async Task Binary_InvalidBase64_FailsWhole(string value)
    {
        await ErrorAsync(
            await _server.PostAsync("/topics/t", Binary, $"{{\"records\":[{{\"value\":{value}}}]}}"),
            HttpStatusCode.UnprocessableEntity,
            422,
            "value is not a string of Base64"
        );
        await ErrorAsync(
            await _server.PostAsync("/topics/t", Binary, $"{{\"records\":[{{\"key\":{value}}}]}}"),
            HttpStatusCode.UnprocessableEntity,
            422,
            "key is not a string of Base64"
        );
    }

    [Fact]
    public async Task Schemas_InBody_AreIgnored()
    {
        using var response = await _server.PostAsync(
            "/topics/t",
            Json,
            """{"key_schema":null,"key_schema_id":1,"value_schema":"{\"type\":\"string\"}","value_schema_id":[{}],"records":[{"value":1}]}"""
        );
        Assert.Equal(["0:0"], await OffsetsAsync(response));
    }

    [Fact]
    public async Task Value_Nested_IsLimitedTo60Levels()
    {
        static string Deep(int depth) =>
            $"{{\"records\":[{{\"value\":{new string('[', depth)}{new string(']', depth)}}}]}}";
        using var deepest = await _server.PostAsync("/topics/t", Json, Deep(60));
        Assert.Equal(["0:0"], await OffsetsAsync(deepest));
        await ErrorAsync(await _server.PostAsync("/topics/t", Json, Deep(61)), HttpStatusCode.BadRequest, 400, "60");
        await ErrorAsync(
            await _server.PostAsync("/topics/t", Json, Deep(1000)),
            HttpStatusCode.BadRequest,
            400,
            "nested too deep"
        );
    }

    [Fact]
    public async Task Problems_OfProduce_UseProxyForm()
    {
        const string Body = """{"records":[{"value":1}]}""";
        await ErrorAsync(await _server.PostAsync("/topics/t!", Json, Body), HttpStatusCode.BadRequest, 400);
        await ErrorAsync(
            await _server.PostAsync("/topics/t?stream=maybe", Json, Body),
            HttpStatusCode.BadRequest,
            400,
            "stream"
        );
        await ErrorAsync(
            await _server.PostAsync("/topics/t", Json, Body, ("Record-Key", "k")),
            HttpStatusCode.BadRequest,
            400,
            "Record-Key"
        );
        await ErrorAsync(
            await _server.PostAsync("/topics/t", Json, Body, ("Origin", "http://example.org")),
            HttpStatusCode.Forbidden,
            403
        );
        await ErrorAsync(
            await _server.PostAsync("/topics/t", Json, Body, ("Host", "example.org")),
            HttpStatusCode.BadRequest,
            400
        );
        await ErrorAsync(
            await _server.PostAsync("/topics/t/partitions", Json, Body),
            HttpStatusCode.MethodNotAllowed,
            405
        );
        await ErrorAsync(await _server.PostAsync("/topic/t", Json, Body), HttpStatusCode.NotFound, 404);
        await ErrorAsync(
            await _server.PostAsync("/topics/t", Json, new string(' ', 70_000)),
            HttpStatusCode.RequestEntityTooLarge,
            413,
            "MaxBodyBytes"
        );
        await ErrorAsync(
            await _server.PostAsync(
                "/topics/t",
                Json,
                "{\"records\":["
                    + string.Join(',', Enumerable.Repeat($"{{\"value\":\"{new string('x', 3000)}\"}}", 10))
                    + "]}"
            ),
            HttpStatusCode.RequestEntityTooLarge,
            413,
            "MaxBatchBytes"
        );
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Client.GetAsync("/topics/t")).StatusCode);
    }

    [Theory]
    [InlineData("application/vnd.kafka.avro.v2+json")]
    [InlineData("application/vnd.kafka.protobuf.v2+json")]
    [InlineData("application/vnd.kafka.jsonschema.v2+json")]
    [InlineData("application/vnd.kafka.json.v1+json")]
    [InlineData("application/vnd.kafka.v1+json")]
    [InlineData("application/vnd.kafka.json.v2+json; charset=utf-16")]
    [InlineData("Application/vnd.Kafka.Json")]
    public async Task ContentType_Unsupported_Returns415(string type) =>
        await ErrorAsync(
            await _server.PostAsync("/topics/t", type, """{"records":[{"value":1}]}"""),
            HttpStatusCode.UnsupportedMediaType,
            415
        );

    [Theory]
    [InlineData("application/vnd.kafka.json.v2+json; charset=utf-8")]
    [InlineData("Application/Vnd.Kafka.JSON.v2+json")]
    public async Task ContentType_AnySpelling_IsAccepted(string type)
    {
        using var response = await _server.PostAsync("/topics/t", type, """{"records":[{"value":1}]}""");
        Assert.Equal(["0:0"], await OffsetsAsync(response));
    }

    [Theory]
    [InlineData("application/vnd.kafka.v2+json")]
    [InlineData("application/vnd.kafka+json")]
    public async Task ContentType_WithoutFormat_IsBinary(string type)
    {
        using var response = await _server.PostAsync(
            "/topics/t",
            type,
            """{"records":[{"value":"S2Fma2E=","key":null,"partition":null}]}"""
        );
        Assert.Equal(["0:0"], await OffsetsAsync(response));
        Assert.Equal("Kafka", await _server.Client.GetStringAsync("/topics/t/0/value"));
    }

    [Theory]
    [InlineData("*/*")]
    [InlineData("application/json")]
    [InlineData("application/vnd.kafka+json")]
    [InlineData("text/html")]
    public async Task Accept_AnyValue_GetsProxyContentType(string accept)
    {
        using var response = await _server.PostAsync(
            "/topics/t",
            Json,
            """{"records":[{"value":1}]}""",
            ("Accept", accept)
        );
        Assert.Equal(["0:0"], await OffsetsAsync(response));
    }

    [Fact]
    public async Task Topic_UnknownWithoutAutoCreate_Returns40401()
    {
        using var server = new TestServer(("AutoCreateTopics", "false"));
        await ErrorAsync(
            await server.PostAsync("/topics/t", Json, """{"records":[{"value":1}]}"""),
            HttpStatusCode.NotFound,
            40401,
            "There is no topic \"t\""
        );
        await ErrorAsync(
            await server.PostAsync("/topics/t/partitions/0", Binary, """{"records":[{"value":""}]}"""),
            HttpStatusCode.NotFound,
            40401
        );
    }

    [Fact]
    public async Task Overload_Response_IsRetriable()
    {
        using var server = new TestServer(("MaxReadingBytes", "65536"), ("MaxBodyBytes", "65536"), ("MaxTopics", "1"));
        await OkAsync(server.PostAsync("/topics/t", "text/plain", "the one topic that there may be"));
        using var held = new RawRequest.Connection(server.Client.BaseAddress!);
        await held.WriteAsync(
            $"POST /topics/t HTTP/1.1\r\nHost: {server.Client.BaseAddress!.Authority}\r\nContent-Type: "
                + $"{Json}\r\nContent-Length: 65536\r\n\r\n{new string(' ', 65_000)}"
        );
        await TestServer.UntilAsync(() => server.ReadingBytes == 65_536);
        // A body in one piece is never held. This one does not fit a block.
        using var refused = await server.PostAsync(
            "/topics/t",
            Json,
            $"{{\"records\":[{{\"value\":\"{new string('x', 40_000)}\"}}]}}"
        );
        Assert.Equal("1", TestServer.Header(refused, "Retry-After"));
        await ErrorAsync(refused, HttpStatusCode.ServiceUnavailable, 50003, "MaxReadingBytes");
        await ErrorAsync(
            await server.PostAsync("/topics/u", Json, """{"records":[{"value":1}]}"""),
            HttpStatusCode.TooManyRequests,
            429
        );
    }

    [Fact]
    public async Task NumberedBatch_Retried_IsAppendedOnce()
    {
        const string Body = """{"records":[{"value":1},{"value":2}]}""";
        await OkAsync(_server.PostAsync("/topics/t", "text/plain", "before"));
        (string, string)[] producer = [("Producer-Id", "p"), ("Producer-Epoch", "0"), ("Producer-Seq", "0")];
        for (var times = 0; times < 2; times++)
        {
            using var response = await _server.PostAsync("/topics/t", Json, Body, producer);
            Assert.Equal(["0:1", "0:2"], await OffsetsAsync(response));
        }
        using var longer = await _server.PostAsync(
            "/topics/t",
            Json,
            """{"records":[{"value":1},{"value":2},{"value":3}]}""",
            producer
        );
        await ErrorAsync(longer, HttpStatusCode.Conflict, 409, "has 2 records from sequence 0");
        Assert.Equal(3, (await _server.ReadAllAsync("t")).Count);

        using var gap = await _server.PostAsync(
            "/topics/t",
            Json,
            Body,
            ("Producer-Id", "p"),
            ("Producer-Epoch", "0"),
            ("Producer-Seq", "3")
        );
        Assert.Equal("2", TestServer.Header(gap, "Producer-Expected-Seq"));
        await ErrorAsync(gap, HttpStatusCode.Conflict, 409, "the next one is 2");
        await ErrorAsync(
            await _server.PostAsync("/topics/t", Json, Body, ("If-Match", "\"7\"")),
            HttpStatusCode.PreconditionFailed,
            412,
            "next offset is 3"
        );
        using var next = await _server.PostAsync("/topics/t", Json, Body, ("If-Match", "\"3\""));
        Assert.Equal(["0:3", "0:4"], await OffsetsAsync(next));
    }

    [Fact]
    public async Task NumberedBatch_InvalidRecord_AppendsNothing()
    {
        await PutAsync("t", 2);
        (string, string)[] producer = [("Producer-Id", "p"), ("Producer-Epoch", "0"), ("Producer-Seq", "0")];
        await ErrorAsync(
            await _server.PostAsync(
                "/topics/t",
                Json,
                """{"records":[{"value":1,"partition":0},{"value":2,"partition":2}]}""",
                producer
            ),
            HttpStatusCode.NotFound,
            40402,
            "Record 2"
        );
        await ErrorAsync(
            await _server.PostAsync(
                "/topics/t",
                Json,
                """{"records":[{"value":1,"partition":0},{"value":2,"partition":1}]}""",
                producer
            ),
            HttpStatusCode.BadRequest,
            400,
            "these records go to 2"
        );
        await ErrorAsync(
            await _server.PostAsync("/topics/t", Json, """{"records":[{"value":1}]}""", ("If-Match", "\"0\"")),
            HttpStatusCode.BadRequest,
            400,
            "If-Match"
        );
        using var one = await _server.PostAsync(
            "/topics/t/partitions/1",
            Json,
            """{"records":[{"value":1}]}""",
            ("If-Match", "\"0\"")
        );
        Assert.Equal(["1:0"], await OffsetsAsync(one));
    }

    [Fact]
    public async Task Records_AboveBatchLimit_AreRejected()
    {
        using var server = new TestServer(("MaxBatchBytes", "2200000"));
        await server.SendAsync(HttpMethod.Put, "/topics/t");
        var most = 2_200_000 / 77;
        foreach (var count in new[] { most, most + 1 })
        {
            var body = $"{{\"records\":[{string.Join(',', Enumerable.Repeat("{\"partition\":9}", count))}]}}";
            using var response = await server.PostAsync("/topics/t", "application/vnd.kafka.json.v2+json", body);
            Assert.Equal(count > most ? HttpStatusCode.RequestEntityTooLarge : HttpStatusCode.OK, response.StatusCode);
        }
    }

    [Fact]
    public async Task Response_Unread_CountsAsHeld()
    {
        const int Pairs = 100_000;
        using var server = new TestServer();
        var body = $"{{\"records\":[{string.Join(',', Enumerable.Repeat("{},{\"partition\":9}", Pairs))}]}}";
        using (var client = new System.Net.Sockets.TcpClient { ReceiveBufferSize = 4096 })
        {
            await client.ConnectAsync(server.Client.BaseAddress!.Host, server.Client.BaseAddress.Port);
            var stream = client.GetStream();
            await stream.WriteAsync(
                Encoding.ASCII.GetBytes(
                    $"POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: {Json}\r\n"
                        + $"Content-Length: {body.Length}\r\n\r\n{body}"
                )
            );
            // The response has begun, and does not fit into the buffers between server and client.
            Assert.Equal(1, await stream.ReadAsync(new byte[1]));
            // An outcome that differs from the one before it takes 8 bytes.
            Assert.InRange(server.ReadingBytes, 2 * 8 * Pairs, 64 * Pairs);
        }
        await TestServer.UntilAsync(() => server.ReadingBytes == 0);
    }

    [Fact]
    public async Task Record_TimestampAndHeaders_AreKept()
    {
        using var response = await _server.PostAsync(
            "/topics/t",
            Json,
            """
            {"records":[
             {"value":1,"timestamp":1763800000123,"headers":[{"name":"trace","value":"OWY="},{"name":"trace","value":"YTA="}]},
             {"value":2,"timestamp":"2025-11-22T10:00:00.5Z","headers":[{"name":"A","value":"/w=="},{"name":"b","value":null},{"name":"c"}]},
             {"value":3,"timestamp":null,"headers":null},
             {"value":4,"headers":[]}]}
            """
        );
        Assert.Equal(["0:0", "0:1", "0:2", "0:3"], await OffsetsAsync(response));
        var records = await _server.ReadAllAsync("t");
        Assert.Equal(
            [1763800000123, 1763805600500],
            records.Take(2).Select(record => record.GetProperty("timestamp").GetInt64())
        );
        Assert.Equal(
            ["""{"trace":["9f","a0"]}""", """[["A",{"base64":"/w=="}],["b",null],["c",null]]"""],
            records.Take(2).Select(record => record.GetProperty("headers").GetRawText())
        );
        Assert.False(records[2].TryGetProperty("headers", out _) || records[3].TryGetProperty("headers", out _));
    }

    [Fact]
    public async Task Record_TimestampOfBinary_IsKept()
    {
        using var response = await _server.PostAsync(
            "/topics/t",
            Binary,
            """{"records":[{"value":"AAEC","timestamp":1763800000123,"headers":[{"name":"n","value":""}]}]}"""
        );
        Assert.Equal(["0:0"], await OffsetsAsync(response));
        var record = Assert.Single(await _server.ReadAllAsync("t"));
        Assert.Equal(
            (1763800000123, """{"n":""}"""),
            (record.GetProperty("timestamp").GetInt64(), record.GetProperty("headers").GetRawText())
        );
    }

    [Theory]
    [InlineData("""{"value":1,"timestamp":"soon"}""", "timestamp is neither")]
    [InlineData("""{"value":1,"timestamp":99999999999999}""", "timestamp is neither")]
    [InlineData("""{"value":1,"headers":{"a":"b"}}""", "headers is no array")]
    [InlineData("""{"value":1,"headers":[{"name":"a","value":"%"}]}""", "not a string of Base64")]
    public async Task Record_InvalidTimestampOrHeaders_RejectRequest(string record, string mentions) =>
        await ErrorAsync(
            await _server.PostAsync("/topics/t", Json, $"{{\"records\":[{{\"value\":0}},{record}]}}"),
            HttpStatusCode.UnprocessableEntity,
            422,
            mentions
        );
}
