using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using System.Text;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>Values that are not the text or the JSON of their type: <c>invalid</c> (api/PROTOCOL.md §2).</summary>
public sealed class Section2InvalidTests : IDisposable
{
    const string Text = "text/plain";
    const string Lines = "application/x-ndjson";
    const string Json = "application/json";

    readonly TestServer _server = new(("MaxRecordBytes", "4096"), ("ProduceStreamLinger", "60000ms"));

    public void Dispose() => _server.Dispose();

    /// <summary>A character is a byte.</summary>
    Task<HttpResponseMessage> PostAsync(string query, string type, string latin1, params (string, string)[] headers) =>
        _server.PostAsync($"/topics/t?{query}", type, Encoding.Latin1.GetBytes(latin1), headers);

    async Task<string> ValuesAsync() =>
        string.Join(
            ' ',
            (await _server.ReadAllAsync("t")).Select(static record =>
                record.TryGetProperty("value", out var value)
                    ? value.GetRawText()
                    : $"bytes:{Encoding.Latin1.GetString(record.GetProperty("valueBase64").GetBytesFromBase64())}"
            )
        );

    [Theory]
    [InlineData("split=lines")]
    [InlineData("split=lines&invalid=reject")]
    public async Task Reject_LineInLatin1_IsRejected(string query)
    {
        await TestServer.ProblemAsync(
            await PostAsync(query, Text, "a\nk\u00e4se\nb\n"),
            HttpStatusCode.BadRequest,
            "invalid_utf8",
            "Line 2: "
        );
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Client.GetAsync("/topics/t")).StatusCode);
    }

    [Theory]
    [InlineData("base64", "bytes:k\u00e4se")]
    [InlineData("replace", "\"k\uFFFDse\"")]
    public async Task OneLineOf200_InLatin1_IsKept(string handling, string kept)
    {
        var body = string.Concat(Enumerable.Range(0, 200).Select(n => n == 77 ? "k\u00e4se\r\n" : $"{n}\n"));
        using var response = await PostAsync($"split=lines&invalid={handling}", Text, body);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        var produced = await TestServer.JsonAsync(response);
        Assert.Equal((200, 1), (produced.GetProperty("count").GetInt32(), produced.GetProperty("invalid").GetInt32()));
        var values = (await ValuesAsync()).Split(' ');
        Assert.Equal(("\"76\"", kept, "\"78\""), (values[76], values[77], values[78]));
    }

    [Theory]
    [InlineData("base64")]
    [InlineData("replace")]
    public async Task ValidLines_AreNotCounted(string handling)
    {
        using var response = await PostAsync($"split=lines&invalid={handling}", Text, "a\nb");
        Assert.False((await TestServer.JsonAsync(response)).TryGetProperty("invalid", out _));
        Assert.Equal("\"a\" \"b\"", await ValuesAsync());
    }

    [Theory]
    [InlineData("invalid=base64", Text, "\u00e4", "bytes:\u00e4")]
    [InlineData("invalid=replace", Text, "\u00e4", "\"\uFFFD\"")]
    [InlineData("invalid=base64", Json, "\"\u00e4\"", "bytes:\"\u00e4\"")]
    [InlineData("invalid=replace", Json, "\"\u00e4\"", "\"\uFFFD\"")]
    [InlineData("invalid=base64", Json, "{", "bytes:{")]
    [InlineData("invalid=base64", Lines, "1\n{\n\n\"\u00e4\" \n2", "1 bytes:{ bytes:\"\u00e4\"  2")]
    [InlineData("invalid=replace", Lines, "1\n\"\u00e4\"\n2", "1 \"\uFFFD\" 2")]
    [InlineData("split=array&invalid=base64", Json, "[1,\"\u00e4\",x,{]]", "1 bytes:\"\u00e4\" bytes:x bytes:{]")]
    [InlineData("split=array&invalid=replace", Json, "[1,\"\u00e4\"]", "1 \"\uFFFD\"")]
    public async Task InvalidValue_OfEachType_IsKept(string query, string type, string body, string values)
    {
        using var response = await PostAsync(query, type, body);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(values, await ValuesAsync());
    }

    [Theory]
    [InlineData("invalid=replace", Json, "{")]
    [InlineData("invalid=replace", Lines, "1\n{\u00e4\n")]
    [InlineData("split=array&invalid=replace", Json, "[1,\"\u00e4\"")]
    [InlineData("split=array&invalid=base64", Json, "[1,\"\u00e4\"")]
    [InlineData("split=array&invalid=base64", Json, "[1 2]")]
    public async Task Fault_ThatIsNotMended_IsRejected(string query, string type, string body) =>
        await TestServer.ProblemAsync(await PostAsync(query, type, body), HttpStatusCode.BadRequest, "invalid_json");

    [Fact]
    public async Task Base64_AnyLines_ComeBackAsSent()
    {
        var random = new Random(1);
        var sent = new byte[200][];
        for (var number = 0; number < sent.Length; number++)
        {
            sent[number] = new byte[random.Next(20)];
            random.NextBytes(sent[number]);
            // A line ends with its line feed, and a carriage return before that is part of the end.
            sent[number] = [.. sent[number].Where(value => value is not ((byte)'\n' or (byte)'\r'))];
        }
        byte[] body = [.. sent.SelectMany(line => line.Append((byte)'\n'))];
        (await _server.PostAsync("/topics/t?split=lines&invalid=base64", Text, body)).EnsureSuccessStatusCode();
        for (var offset = 0; offset < sent.Length; offset++)
            Assert.Equal(sent[offset], await _server.Client.GetByteArrayAsync($"/topics/t/{offset}/value"));
    }

    [Theory]
    [InlineData("text", Text)]
    [InlineData("json", Lines)]
    public async Task Base64_TopicWithoutBytes_IsRejected(string form, string type)
    {
        (await _server.SendAsync(HttpMethod.Put, "/topics/t", $$"""{"values":"{{form}}"}""")).EnsureSuccessStatusCode();
        var split = type == Text ? "split=lines&" : "";
        foreach (var stream in new[] { "", "&stream=true" })
        {
            await TestServer.ProblemAsync(
                await PostAsync($"{split}invalid=base64{stream}", type, "1\n"),
                HttpStatusCode.BadRequest,
                "invalid_parameter",
                $"the topic takes none (\"values\":\"{form}\"). Use invalid=replace."
            );
        }
        using var replaced = await PostAsync($"{split}invalid=replace", type, "\"\u00e4\"\n");
        Assert.Equal(HttpStatusCode.Created, replaced.StatusCode);
    }

    [Theory]
    [InlineData("invalid=mend", Text, "invalid is \"mend\". Supported: reject, replace, base64.")]
    [InlineData("invalid=base64&invalid=replace", Text, "invalid is given 2 times.")]
    [InlineData("invalid=base64", "application/octet-stream", "invalid=base64 goes with text and JSON")]
    [InlineData("invalid=base64", "application/x-www-form-urlencoded", "invalid=base64 goes with text and JSON")]
    [InlineData("invalid=replace", "application/vnd.loghttp.records+ndjson", "invalid=replace goes with text and JSON")]
    [InlineData("invalid=replace", "application/cloudevents+json", "invalid=replace goes with text and JSON")]
    public async Task Parameter_Unsuited_IsRejected(string query, string type, string mentions) =>
        await TestServer.ProblemAsync(
            await PostAsync(query, type, "1"),
            HttpStatusCode.BadRequest,
            "invalid_parameter",
            mentions
        );

    [Fact]
    public async Task Replace_GrowsBeyondLimit_IsRejected() =>
        await TestServer.ProblemAsync(
            await PostAsync("split=lines&invalid=replace", Text, new string('\u00e4', 2_000)),
            HttpStatusCode.RequestEntityTooLarge,
            "record_too_large",
            "Line 1: "
        );

    [Theory]
    [InlineData("replace")]
    [InlineData("base64")]
    public async Task Stream_InvalidLines_AreCountedInReports(string handling)
    {
        var body = string.Concat(Enumerable.Range(0, 15_000).Select(n => n % 6_000 == 5_999 ? "\u00e4\n" : "a\n"));
        using var response = await PostAsync($"split=lines&stream=true&invalid={handling}", Text, body);
        Assert.Equal(
            """
            {"firstLine":1,"lastLine":10000,"partition":0,"offset":0,"count":10000,"invalid":1}
            {"firstLine":10001,"lastLine":15000,"partition":0,"offset":10000,"count":5000,"invalid":1}
            {"done":true,"lastCommittedLine":15000,"count":15000,"invalid":2}

            """.ReplaceLineEndings("\n"),
            await response.Content.ReadAsStringAsync()
        );
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Repeat_WithKeptLine_IsRecognized(bool hasKey)
    {
        (string, string)[] headers = hasKey
            ? [("Idempotency-Key", "k")]
            : [("Producer-Id", "p"), ("Producer-Epoch", "0"), ("Producer-Seq", "0")];
        using var first = await PostAsync("split=lines&invalid=base64", Text, "a\n\u00e4\n", headers);
        using var again = await PostAsync("split=lines&invalid=base64", Text, "a\n\u00e4\n", headers);
        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.OK), (first.StatusCode, again.StatusCode));
        Assert.Equal(1, (await TestServer.JsonAsync(first)).GetProperty("invalid").GetInt32());
        Assert.Equal(1, (await TestServer.JsonAsync(again)).GetProperty("invalid").GetInt32());
        // A later request that uses the same objects has none.
        using var next = await PostAsync("split=lines", Text, "b\n");
        Assert.False((await TestServer.JsonAsync(next)).TryGetProperty("invalid", out _));
        Assert.Equal("\"a\" bytes:\u00e4 \"b\"", await ValuesAsync());
    }

    [Fact]
    public async Task Meter_KeptRecords_AreCountedByHandling()
    {
        var counted = new ConcurrentDictionary<string, long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (instrument.Name == "loghttp.produce.invalid_values")
                listening.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>(
            (_, measurement, tags, _) =>
                counted.AddOrUpdate((string)tags[0].Value!, measurement, (_, before) => before + measurement)
        );
        listener.Start();
        (await PostAsync("split=lines&invalid=base64", Text, "\u00e4\n\u00e4\na\n")).EnsureSuccessStatusCode();
        (await PostAsync("split=lines&invalid=replace&stream=true", Text, "\u00e4\n")).EnsureSuccessStatusCode();
        // Other tests run at the same time.
        Assert.InRange(counted.GetValueOrDefault("base64"), 2, long.MaxValue);
        Assert.InRange(counted.GetValueOrDefault("replace"), 1, long.MaxValue);
    }
}
