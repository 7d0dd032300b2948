using System.Net;
using System.Text.Json;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>CloudEvents in their three modes. Examples are those of the CloudEvents HTTP binding.</summary>
public sealed class Section15CloudEventsTests : IDisposable
{
    const string Structured = "application/cloudevents+json";
    const string Batched = "application/cloudevents-batch+json";

    const string Event = """
        {"specversion":"1.0","type":"com.example.someevent","source":"/mycontext","id":"A234-1234-1234",
        "time":"2018-04-05T17:31:00Z","comexampleothervalue":5,"subject":null,"datacontenttype":"application/json",
        "data":{"a": 1.0}}
        """;

    static readonly (string Name, string Value)[] Headers =
    [
        ("ce-specversion", "1.0"),
        ("ce-type", "com.example.someevent"),
        ("ce-time", "2018-04-05T03:56:24Z"),
        ("ce-id", "1234-1234-1234"),
        ("ce-source", "/mycontext/subcontext"),
        ("ce-subject", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
    ];

    readonly TestServer _server = new();

    public void Dispose() => _server.Dispose();

    async Task<JsonElement> OnlyAsync(Task<HttpResponseMessage> sending)
    {
        using var response = await sending;
        Assert.True(response.StatusCode == HttpStatusCode.Created, await response.Content.ReadAsStringAsync());
        return Assert.Single(await _server.ReadAllAsync("t"));
    }

    static string Header(JsonElement record, string name) =>
        record.GetProperty("headers").GetProperty(name).GetString()!;

    [Theory]
    [InlineData("application/json; charset=utf-8", "{\"a\": 1}", "value", "{\"a\": 1}", null)]
    [InlineData("text/plain", "hello", "value", "\"hello\"", null)]
    [InlineData("application/xml", "<a/>", "valueBase64", "\"PGEvPg==\"", "application/xml")]
    [InlineData("application/vnd.x+json", "[1]", "value", "[1]", "application/vnd.x+json")]
    [InlineData("application/cloudevents+avro", "x", "valueBase64", "\"eA==\"", "application/cloudevents+avro")]
    [InlineData("application/octet-stream", "", "valueBase64", "\"\"", null)]
    [InlineData("text/plain", "", "value", "\"\"", null)]
    [InlineData("application/json", "", "value", "null", null)]
    [InlineData("", "", "value", "null", null)]
    public async Task Binary_Event_IsDataWithHeaders(
        string type,
        string body,
        string field,
        string value,
        string? contentType
    )
    {
        var record = await OnlyAsync(_server.PostAsync("/topics/t", type, body, Headers));
        Assert.Equal(value, record.GetProperty(field).GetRawText());
        Assert.Equal(
            (contentType, "Euro € 😀", "1234-1234-1234", "1.0"),
            (
                record.GetProperty("headers").TryGetProperty("content-type", out var given) ? given.GetString() : null,
                Header(record, "ce-subject"),
                Header(record, "ce-id"),
                Header(record, "ce-specversion")
            )
        );
        // The time is the event's. The record has that of its arrival, by which places are found.
        Assert.InRange(record.GetProperty("timestamp").GetInt64(), 1_700_000_000_000, long.MaxValue);
    }

    [Fact]
    public async Task Binary_EventWithoutBody_IsNull()
    {
        using var connection = new RawRequest.Connection(_server.Client.BaseAddress!);
        await connection.WriteAsync(
            "POST /topics/t HTTP/1.1\r\nHost: localhost\r\nce-specversion: 1.0\r\nCE-ID: 1\r\nCe-Source: /s\r\n"
                + "ce-type: t\r\nce-partitionkey: user-7\r\n\r\n"
        );
        Assert.StartsWith("HTTP/1.1 201", await connection.ReadLineAsync(), StringComparison.Ordinal);
        var record = Assert.Single(await _server.ReadAllAsync("t"));
        Assert.Equal(
            (JsonValueKind.Null, "user-7"),
            (record.GetProperty("value").ValueKind, record.GetProperty("key").GetString())
        );
    }

    [Theory]
    [InlineData("application/x-ndjson", "")]
    [InlineData("text/plain", "?split=lines")]
    [InlineData("application/json", "?split=array")]
    [InlineData("application/vnd.loghttp.records+ndjson", "")]
    public async Task Binary_ManyRecords_AreRejected(string type, string query) =>
        await TestServer.ProblemAsync(
            await _server.PostAsync($"/topics/t{query}", type, "[1]", Headers),
            HttpStatusCode.BadRequest,
            "invalid_cloudevent",
            "describe one event"
        );

    [Fact]
    public async Task Binary_MissingAttribute_IsNamed() =>
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t", "application/json", "1", ("ce-id", "1"), ("ce-type", "t")),
            HttpStatusCode.BadRequest,
            "invalid_cloudevent",
            "It has no source."
        );

    [Fact]
    public async Task Binary_TooLargeHeaders_AreRejected()
    {
        using var server = new TestServer(("MaxHeadersBytes", "1024"));
        await TestServer.ProblemAsync(
            await server.PostAsync(
                "/topics/t",
                "application/json",
                "1",
                [.. Headers, ("ce-x", new string('x', 1_000))]
            ),
            HttpStatusCode.BadRequest,
            "invalid_header",
            "MaxHeadersBytes"
        );
    }

    [Fact]
    public async Task Structured_Event_IsKeptWholeWithHeaders()
    {
        // Headers may repeat the attributes. Those of the event count.
        var record = await OnlyAsync(
            _server.PostAsync("/topics/t", $"{Structured}; charset=UTF-8", Event, ("ce-id", "other"))
        );
        Assert.Equal(Event.ReplaceLineEndings(" "), record.GetProperty("value").GetRawText());
        Assert.Equal(
            """
            {"content-type":"application/cloudevents+json","ce-specversion":"1.0","ce-type":"com.example.someevent","ce-source":"/mycontext","ce-id":"A234-1234-1234","ce-time":"2018-04-05T17:31:00Z","ce-comexampleothervalue":"5"}
            """,
            record.GetProperty("headers").GetRawText()
        );
        using var value = await _server.Client.GetAsync("/topics/t/0/value");
        Assert.Equal(Structured, value.Content.Headers.ContentType?.ToString());
        Assert.Equal(
            "A234-1234-1234",
            JsonDocument.Parse(await value.Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetString()
        );
    }

    [Theory]
    [InlineData("", null, "p")]
    [InlineData("?key=q", null, "q")]
    [InlineData("", "r", "r")]
    public async Task Structured_PartitionKey_IsKeyUnlessGiven(string query, string? header, string expected)
    {
        var record = await OnlyAsync(
            _server.PostAsync(
                $"/topics/t{query}",
                Structured,
                "{\"partitionkey\":\"p\"," + Event[1..],
                header is null ? [] : [("Record-Key", header)]
            )
        );
        Assert.Equal((expected, "p"), (record.GetProperty("key").GetString(), Header(record, "ce-partitionkey")));
    }

    [Theory]
    [InlineData("{}", "invalid_cloudevent", "It has no id.")]
    [InlineData("[]", "invalid_cloudevent", "An event is a JSON object.")]
    [InlineData("{\"id\":", "invalid_json", "The event is not valid JSON at line 1, byte 7")]
    [InlineData("", "invalid_json", "The event is not valid JSON")]
    public async Task Structured_Invalid_IsRejected(string body, string code, string mentions)
    {
        var problem = await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t", Structured, body),
            HttpStatusCode.BadRequest,
            code,
            mentions
        );
        Assert.False(problem.TryGetProperty("element", out _));
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Client.GetAsync("/topics/t")).StatusCode);
    }

    [Fact]
    public async Task Structured_InvalidUtf8OrDeep_IsRejected()
    {
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t", Structured, [.. "{\"id\":\""u8, 0xF6, .. "\"}"u8]),
            HttpStatusCode.BadRequest,
            "invalid_utf8"
        );
        var deep = $"{Event.TrimEnd()[..^1]},\"data\":{new string('[', 60)}{new string(']', 60)}}}".Replace(
            "\"data\":{\"a\": 1.0},",
            "",
            StringComparison.Ordinal
        );
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t", Structured, deep),
            HttpStatusCode.BadRequest,
            "invalid_json"
        );
    }

    [Theory]
    [InlineData(Batched, "")]
    [InlineData(Batched, "?split=array")]
    [InlineData(Structured, "?split=array")]
    [InlineData(Batched, "?stream=true")]
    public async Task Batched_Events_AreRecords(string type, string query)
    {
        using var response = await _server.PostAsync(
            $"/topics/t{query}",
            type,
            $"[{Event},\n {Event.Replace("A234", "B234", StringComparison.Ordinal)}]"
        );
        Assert.Equal(query == "?stream=true" ? HttpStatusCode.OK : HttpStatusCode.Created, response.StatusCode);
        var records = await _server.ReadAllAsync("t");
        Assert.Equal(["A234-1234-1234", "B234-1234-1234"], records.Select(record => Header(record, "ce-id")));
        Assert.All(records, record => Assert.Equal(Structured, Header(record, "content-type")));
        Assert.All(records, record => Assert.Equal(Structured, Header(record, "content-type")));
    }

    [Theory]
    [InlineData("[]", "no_records", "The body holds no records.")]
    [InlineData("{}", "invalid_json", "The body is not a JSON array")]
    [InlineData("[{},1]", "invalid_cloudevent", "Element 1: This is not a CloudEvent. It has no id.")]
    public async Task Batched_Invalid_IsRejected(string body, string code, string mentions) =>
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t", Batched, body),
            HttpStatusCode.BadRequest,
            code,
            mentions
        );

    [Fact]
    public async Task Batched_OneInvalid_RejectsAll()
    {
        var problem = await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t", Batched, $"[{Event},7]"),
            HttpStatusCode.BadRequest,
            "invalid_cloudevent",
            "Element 2: This is not a CloudEvent. An event is a JSON object."
        );
        Assert.Equal(2, problem.GetProperty("element").GetInt32());
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Client.GetAsync("/topics/t")).StatusCode);
    }

    [Fact]
    public async Task Batched_PartitionKeys_ChoosePartitions()
    {
        (await _server.SendAsync(HttpMethod.Put, "/topics/t", """{"partitions":3}""")).EnsureSuccessStatusCode();
        var events = Enumerable
            .Range(0, 12)
            .Select(number => $"{{\"partitionkey\":\"user-{number}\"," + Event[1..])
            .ToArray();
        using var batch = await _server.PostAsync("/topics/t", Batched, $"[{string.Join(',', events)}]");
        var results = (await TestServer.JsonAsync(batch)).GetProperty("results");
        Assert.Equal(12, results.EnumerateArray().Sum(result => result.GetProperty("count").GetInt32()));
        for (var number = 0; number < 12; number++)
        {
            var found = await _server.Client.GetStringAsync($"/topics/t/earliest?key=user-{number}");
            Assert.Single(found.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }
    }
}
