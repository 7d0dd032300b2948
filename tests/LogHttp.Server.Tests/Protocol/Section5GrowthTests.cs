using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using LogHttp.Storage.Topics;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>Topics that get more partitions (§3, §5, §10 and §11).</summary>
public sealed class Section5GrowthTests : IDisposable
{
    const string Events = "text/event-stream";

    readonly TestServer _server = new(("MaxPartitions", "12"));

    public void Dispose() => _server.Dispose();

    async Task PutAsync(int partitions) =>
        (
            await _server.SendAsync(HttpMethod.Put, "/topics/t", $$"""{"partitions":{{partitions}}}""")
        ).EnsureSuccessStatusCode();

    Task<HttpResponseMessage> PatchAsync(int partitions) =>
        _server.SendAsync(HttpMethod.Patch, "/topics/t", $$"""{"partitions":{{partitions}}}""");

    async Task GrowAsync(int partitions) => (await PatchAsync(partitions)).EnsureSuccessStatusCode();

    async Task<(HttpStatusCode Status, int Partition, long Offset)> ProduceAsync(
        string value,
        string? key,
        string producer,
        long sequence,
        string query = ""
    )
    {
        List<(string, string)> headers =
        [
            ("Producer-Id", producer),
            ("Producer-Epoch", "0"),
            ("Producer-Seq", $"{sequence}"),
        ];
        if (key is not null)
            headers.Add(("Record-Key", key));
        using var response = await _server.PostAsync($"/topics/t{query}", "text/plain", value, [.. headers]);
        var body = await TestServer.JsonAsync(response);
        return response.IsSuccessStatusCode
            ? (response.StatusCode, body.GetProperty("partition").GetInt32(), body.GetProperty("offset").GetInt64())
            : (response.StatusCode, -1, -1);
    }

    /// <summary>A key that lies in one partition of three, and in another one of six.</summary>
    static string MovingKey(int partition) => Key(partition, partition + 3);

    static string Key(int ofThree, int ofSix) =>
        Enumerable
            .Range(0, 1000)
            .Select(static number => $"k{number}")
            .First(key => KeyPartitioner.PartitionOf(key, 3) == ofThree && KeyPartitioner.PartitionOf(key, 6) == ofSix);

    [Fact]
    public async Task Patch_MorePartitions_AddsThem()
    {
        await PutAsync(3);
        using var response = await PatchAsync(6);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var topic = await TestServer.JsonAsync(response);
        Assert.Equal(6, topic.GetProperty("configuration").GetProperty("partitions").GetInt32());
        Assert.Equal(6, topic.GetProperty("partitions").GetArrayLength());
        Assert.Equal(HttpStatusCode.OK, (await PatchAsync(6)).StatusCode);
        Assert.Equal(
            HttpStatusCode.Created,
            (await _server.PostAsync("/topics/t?partition=5", "text/plain", "x")).StatusCode
        );

        _server.Restart();

        Assert.Equal("x", await _server.Client.GetStringAsync("/topics/t/0/value?partition=5"));
    }

    [Fact]
    public async Task Patch_ImpossiblePartitions_ChangesNothing()
    {
        await PutAsync(3);
        await TestServer.ProblemAsync(
            await PatchAsync(2),
            HttpStatusCode.Conflict,
            "partitions_cannot_shrink",
            "partitions is 2, and topic \"t\" has 3. The number can only rise. Allowed: 3 to 1024."
        );
        await TestServer.ProblemAsync(
            await PatchAsync(1025),
            HttpStatusCode.BadRequest,
            "invalid_configuration",
            "1024"
        );
        await TestServer.ProblemAsync(
            await PatchAsync(13),
            HttpStatusCode.TooManyRequests,
            "too_many_topics",
            "12 (MaxPartitions)"
        );
        Assert.Equal(
            3,
            (await TestServer.JsonAsync(await _server.Client.GetAsync("/topics/t")))
                .GetProperty("partitions")
                .GetArrayLength()
        );
    }

    [Fact]
    public async Task Produce_AfterGrowth_KeepsProducerAndMovesKey()
    {
        var key = MovingKey(1);
        await PutAsync(3);
        Assert.Equal((HttpStatusCode.Created, 1, 0), await ProduceAsync("a", key, "p", 0));
        var (_, idPartition, idOffset) = await ProduceAsync("b", null, "sensor", 0);
        await GrowAsync(6);

        // A repeat finds its original, and what follows goes there too.
        Assert.Equal((HttpStatusCode.OK, 1, 0), await ProduceAsync("a", key, "p", 0));
        var (status, partition, _) = await ProduceAsync("c", key, "p", 1);
        Assert.Equal((HttpStatusCode.Created, 1), (status, partition));
        Assert.Equal((HttpStatusCode.OK, idPartition, idOffset), await ProduceAsync("b", null, "sensor", 0));
        // A new producer, and a client without one, go to the key's partition of now.
        Assert.Equal((HttpStatusCode.Created, 4, 0), await ProduceAsync("d", key, "q", 0));
        using var plain = await _server.PostAsync("/topics/t", "text/plain", "e", ("Record-Key", key));
        Assert.Equal(4, (await TestServer.JsonAsync(plain)).GetProperty("partition").GetInt32());

        _server.Restart();
        Assert.Equal((HttpStatusCode.OK, 1, 0), await ProduceAsync("a", key, "p", 0));
        Assert.Equal(HttpStatusCode.Conflict, (await ProduceAsync("f", key, "p", 7)).Status);
    }

    [Fact]
    public async Task Produce_KeysThatPartAfterGrowth_FindsRepeat()
    {
        await PutAsync(3);
        var body = $$"""
            {"key":"{{Key(1, 4)}}","value":1}
            {"key":"{{Key(1, 1)}}","value":2}
            """;
        Assert.Equal(HttpStatusCode.Created, (await SendAsync("p")).StatusCode);
        await GrowAsync(6);

        Assert.Equal(HttpStatusCode.OK, (await SendAsync("p")).StatusCode);
        await TestServer.ProblemAsync(await SendAsync("q"), HttpStatusCode.BadRequest, "invalid_producer", "go to 2");

        Task<HttpResponseMessage> SendAsync(string producer) =>
            _server.PostAsync(
                "/topics/t",
                "application/vnd.loghttp.records+ndjson",
                body,
                ("Producer-Id", producer),
                ("Producer-Epoch", "0"),
                ("Producer-Seq", "0")
            );
    }

    [Fact]
    public async Task ProduceStream_SentAgainAfterGrowth_AppendsRestOnly()
    {
        await PutAsync(3);
        using var first = await StreamAsync("1\n2\n3\n");
        await GrowAsync(6);
        using var second = await StreamAsync("1\n2\n3\n4\n5\n");

        Assert.Contains("\"nextSequence\":5", await second.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(["1", "2", "3", "4", "5"], (await ReadAllAsync(6)).Select(static record => record.GetRawText()));

        Task<HttpResponseMessage> StreamAsync(string body) =>
            _server.PostAsync(
                "/topics/t?stream=true",
                "application/x-ndjson",
                body,
                ("Producer-Id", "p"),
                ("Producer-Epoch", "0"),
                ("Producer-Seq", "0")
            );
    }

    [Fact]
    public async Task Produce_TopicGrowsDuringBody_AppendsWhereItBegan()
    {
        var key = MovingKey(2);
        await PutAsync(3);
        var body = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/topics/t")
        {
            Content = new StreamContent(body.Reader.AsStream()),
        };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse("application/vnd.loghttp.records+ndjson");
        var sending = _server.Client.SendAsync(request);
        // Small bodies do not count as being read.
        var text = new string('x', 300_000);
        await body.Writer.WriteAsync(Encoding.UTF8.GetBytes($$"""{"key":"{{key}}","value":"{{text}}"}""" + "\n"));
        await TestServer.UntilAsync(() => _server.ReadingBytes > 0);
        await GrowAsync(6);
        await body.Writer.WriteAsync(Encoding.UTF8.GetBytes($$"""{"key":"{{key}}","value":2}""" + "\n"));
        await body.Writer.CompleteAsync();

        using var response = await sending;
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(2, (await TestServer.JsonAsync(response)).GetProperty("partition").GetInt32());
    }

    [Fact]
    public async Task IfMatch_RetryAfterGrowthFromOne_IsRepeat()
    {
        await PutAsync(1);
        Assert.Equal(HttpStatusCode.Created, (await SendAsync("p", 0, 0)).StatusCode);
        await GrowAsync(3);

        Assert.Equal(HttpStatusCode.OK, (await SendAsync("p", 0, 0)).StatusCode);
        using var next = await SendAsync("p", 1, 1);
        Assert.Equal(HttpStatusCode.Created, next.StatusCode);
        Assert.Equal(0, (await TestServer.JsonAsync(next)).GetProperty("partition").GetInt32());
        await TestServer.ProblemAsync(await SendAsync("q", 0, 2), HttpStatusCode.BadRequest, "partition_required");
        // A record may name its partition.
        using var named = await SendAsync("p", 0, 0, """{"partition":2,"value":"x"}""");
        Assert.Equal(2, (await TestServer.JsonAsync(named)).GetProperty("partition").GetInt32());
        await TestServer.ProblemAsync(
            await SendAsync("p", 2, 2, """{"value":1}""" + "\n" + """{"partition":2,"value":2}"""),
            HttpStatusCode.BadRequest,
            "invalid_producer",
            "go to 2"
        );

        Task<HttpResponseMessage> SendAsync(string producer, int sequence, long offset, string? records = null) =>
            _server.PostAsync(
                "/topics/t",
                records is null ? "text/plain" : "application/vnd.loghttp.records+ndjson",
                records ?? "x",
                ("Producer-Id", producer),
                ("Producer-Epoch", "0"),
                ("Producer-Seq", $"{sequence}"),
                ("If-Match", $"\"{offset}\"")
            );
    }

    [Theory]
    [InlineData("")]
    [InlineData("&wait=1ms&minBytes=10")]
    [InlineData("&limit=1")]
    public async Task FetchKey_OnePartitionThatGrows_LinkFindsAll(string query)
    {
        await PutAsync(1);
        await AppendAsync("k", "a");
        var (found, next) = await SearchAsync($"/topics/t/earliest?key=k{query}");
        Assert.Equal("a", Assert.Single(found).Value);
        await GrowAsync(3);
        foreach (var partition in (int[])[1, 0, 2])
            await _server.PostAsync($"/topics/t?partition={partition}", "text/plain", "b", ("Record-Key", "k"));

        Assert.Equal([(0, "b"), (1, "b"), (2, "b")], (await SearchAsync(next)).Found);
    }

    [Fact]
    public async Task FetchKey_OnePartition_LinkHasSearchUnlessItIsNamed()
    {
        await PutAsync(1);
        await AppendAsync("k", "a");
        await AppendAsync("k", "b");
        Assert.EndsWith("&search=0", await LinkAsync(""), StringComparison.Ordinal);
        foreach (var query in (string[])["&partition=0", "&until=latest", "&partition=0&search=7&until=latest"])
            Assert.DoesNotContain("search", await LinkAsync(query), StringComparison.Ordinal);

        async Task<string> LinkAsync(string query)
        {
            using var response = await _server.Client.GetAsync($"/topics/t/0?key=k&limit=1{query}");
            Assert.NotNull(response.Headers.ETag);
            return TestServer.NextLink(response);
        }
    }

    [Fact]
    public async Task FetchKey_OnePartitionGrowsDuringWait_LinkFindsNew()
    {
        await PutAsync(1);
        var waiting = _server.Client.GetAsync("/topics/t/latest?key=k&wait=30s");
        await TestServer.UntilAsync(() => _server.Waiting == 1);
        await GrowAsync(3);
        await _server.PostAsync("/topics/t?partition=2", "text/plain", "found", ("Record-Key", "k"));

        using var response = await waiting.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        using var next = await _server.Client.GetAsync(TestServer.NextLink(response));
        Assert.Equal("2", TestServer.Header(next, "Log-Partition"));
    }

    [Fact]
    public async Task FetchKey_SeveralPartitions_FindsAllInOrder()
    {
        var key = MovingKey(1);
        await PutAsync(3);
        await AppendAsync(key, "a");
        await _server.PostAsync("/topics/t?partition=0", "text/plain", "other", ("Record-Key", "other"));
        await _server.PostAsync("/topics/t?partition=2", "text/plain", "by another client", ("Record-Key", key));
        await GrowAsync(6);
        await AppendAsync(key, "b");

        var (found, next) = await SearchAsync($"/topics/t/earliest?key={key}");
        Assert.Equal([(1, "a"), (2, "by another client"), (4, "b")], found);
        // What comes later is found from the last link on, wherever it is. So is a record of a further partition.
        await _server.PostAsync("/topics/t?partition=0", "text/plain", "c", ("Record-Key", key));
        await GrowAsync(7);
        await _server.PostAsync("/topics/t?partition=6", "text/plain", "d", ("Record-Key", key));
        (found, next) = await SearchAsync(next);
        Assert.Equal([(0, "c"), (6, "d")], found);
        Assert.Empty((await SearchAsync(next)).Found);

        Assert.Equal([(1, "a")], (await SearchAsync($"/topics/t/earliest?key={key}&partition=1")).Found);
        Assert.Equal("c\n", await ValuesAsync($"/topics/t/0?key={key}&view=values"));
        Assert.Equal("", await ValuesAsync($"/topics/t/latest?key={key}&view=values"));

        async Task<string> ValuesAsync(string path)
        {
            using var response = await _server.SendAsync(HttpMethod.Get, path, ("Accept", "text/plain"));
            return await response.Content.ReadAsStringAsync();
        }
    }

    [Fact]
    public async Task FetchKey_Search_IsNotCached()
    {
        await PutAsync(3);
        await AppendAsync("k", "a");
        using var response = await _server.Client.GetAsync("/topics/t/earliest?key=k");
        Assert.Equal("no-store", TestServer.Header(response, "Cache-Control"));
        Assert.Null(response.Headers.ETag);
        using var again = await _server.SendAsync(HttpMethod.Get, "/topics/t/0?key=k", ("If-None-Match", "*"));
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
    }

    [Theory]
    [InlineData("0?key=k&search=1.2")]
    [InlineData("earliest?partition=0&key=k&search=1.2")]
    [InlineData("0?partition=0&search=1.2")]
    [InlineData("0?partition=0&key=k&search=1.x")]
    [InlineData("0?partition=0&key=k&search=")]
    [InlineData("0?key=k&wait=1s&minBytes=10")]
    [InlineData("0?key=k&until=5")]
    public async Task FetchKey_InvalidSearch_IsRejected(string reference)
    {
        await PutAsync(3);
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync($"/topics/t/{reference}"),
            HttpStatusCode.BadRequest,
            "invalid_parameter"
        );
    }

    [Fact]
    public async Task FetchKey_SeveralPartitionsWithLimit_ContinuesBehindIt()
    {
        await PutAsync(3);
        foreach (var partition in (int[])[0, 0, 2, 2, 2])
            await _server.PostAsync($"/topics/t?partition={partition}", "text/plain", "x", ("Record-Key", "k"));

        List<(int, int)> found = [];
        for (var path = "/topics/t/earliest?key=k&limit=2"; ; )
        {
            using var response = await _server.Client.GetAsync(path);
            if (response.StatusCode == HttpStatusCode.NoContent)
                break;
            var lines = (await response.Content.ReadAsStringAsync()).Count(static character => character == '\n');
            found.Add((TestServer.Header(response, "Log-Partition") == "0" ? 0 : 2, lines));
            path = TestServer.NextLink(response);
        }
        Assert.Equal([(0, 2), (2, 2), (2, 1)], found);
    }

    [Fact]
    public async Task FetchKey_SmallBudget_ContinuesBehindOtherRecords()
    {
        await PutAsync(3);
        for (var number = 0; number < 30; number++)
            await _server.PostAsync("/topics/t?partition=0", "text/plain", new string('x', 1_000), ("Record-Key", "o"));
        await _server.PostAsync("/topics/t?partition=2", "text/plain", "found", ("Record-Key", "k"));

        var requests = 0;
        for (var path = "/topics/t/earliest?key=k&maxBytes=4096"; ; requests++)
        {
            using var response = await _server.Client.GetAsync(path);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            if ((await response.Content.ReadAsStringAsync()).Contains("found", StringComparison.Ordinal))
                break;
            path = TestServer.NextLink(response);
        }
        Assert.InRange(requests, 5, 20);
    }

    [Fact]
    public async Task FetchKey_WaitsForAnyPartition_FindsNewOne()
    {
        await PutAsync(3);
        await AppendAsync("other", "x");
        var waiting = _server.Client.GetAsync("/topics/t/latest?key=k&wait=30s");
        await TestServer.UntilAsync(() => _server.Waiting == 1);
        await AppendAsync("other", "y");
        await GrowAsync(4);
        await _server.PostAsync("/topics/t?partition=3", "text/plain", "found", ("Record-Key", "k"));

        using var response = await waiting;
        Assert.Equal("3", TestServer.Header(response, "Log-Partition"));
        Assert.Contains("found", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(0, _server.Waiting);
    }

    [Fact]
    public async Task Stream_WholeTopicGrows_EndsAndResumesWithAll()
    {
        await PutAsync(2);
        await _server.PostAsync("/topics/t?partition=1", "text/plain", "a");
        string id;
        using (var whole = await OpenAsync("/stream?topics=t:earliest"))
        using (var part = await OpenAsync("/stream?topics=t/0-1:earliest"))
        {
            using var wholeLines = new StreamReader(whole);
            using var partLines = new StreamReader(part);
            id = await EventIdAsync(wholeLines, "\"value\":\"a\"");
            await EventIdAsync(partLines, "\"value\":\"a\"");
            await GrowAsync(3);
            await _server.PostAsync("/topics/t?partition=2", "text/plain", "b");
            await _server.PostAsync("/topics/t?partition=0", "text/plain", "c");
            // The response ends, perhaps behind the new record of an old partition.
            var rest = await wholeLines.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(30));
            Assert.DoesNotContain("\"b\"", rest, StringComparison.Ordinal);
            if (rest.Contains("id: ", StringComparison.Ordinal))
                id = rest.Split('\n').Last(static line => line.StartsWith("id: ", StringComparison.Ordinal))[4..];
            // A stream that names its partitions goes on.
            await EventIdAsync(partLines, "\"value\":\"c\"");
        }
        Assert.StartsWith("t/0-1/", id, StringComparison.Ordinal);

        foreach (var path in new[] { "/stream?topics=t", $"/stream?topics=t&lastEventId={id}" })
        {
            using var resumed = path.Contains("lastEventId", StringComparison.Ordinal)
                ? await OpenAsync(path)
                : await OpenAsync(path, ("Last-Event-ID", id));
            using var lines = new StreamReader(resumed);
            var next = await EventIdAsync(lines, "\"value\":\"b\"");
            Assert.StartsWith("t/0-2/", next, StringComparison.Ordinal);
        }
    }

    async Task<Stream> OpenAsync(string path, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", Events);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        var response = await _server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadAsStreamAsync();
    }

    /// <summary>Reads events up to one with a text. Returns its id.</summary>
    static async Task<string> EventIdAsync(StreamReader lines, string text)
    {
        for (var id = ""; ; )
        {
            var line = await lines.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30));
            Assert.NotNull(line);
            if (line.StartsWith("id: ", StringComparison.Ordinal))
                id = line[4..];
            if (line.Contains(text, StringComparison.Ordinal))
                return id;
        }
    }

    async Task AppendAsync(string key, string value) =>
        (await _server.PostAsync("/topics/t", "text/plain", value, ("Record-Key", key))).EnsureSuccessStatusCode();

    async Task<List<JsonElement>> ReadAllAsync(int partitions)
    {
        var values = new List<JsonElement>();
        for (var partition = 0; partition < partitions; partition++)
            values.AddRange(
                (await _server.ReadAllAsync("t", $"?partition={partition}")).Select(static record =>
                    record.GetProperty("value")
                )
            );
        return values;
    }

    /// <summary>Follows the links of a search to its 204. Returns the records, and the last link.</summary>
    async Task<(List<(int Partition, string Value)> Found, string Next)> SearchAsync(string path)
    {
        var found = new List<(int, string)>();
        while (true)
        {
            using var response = await _server.Client.GetAsync(path);
            response.EnsureSuccessStatusCode();
            path = TestServer.NextLink(response);
            if (response.StatusCode == HttpStatusCode.NoContent)
                return (found, path);
            var partition = TestServer.Header(response, "Log-Partition") is { } text
                ? int.Parse(text, System.Globalization.CultureInfo.InvariantCulture)
                : 1;
            foreach (
                var line in (await response.Content.ReadAsStringAsync()).Split(
                    '\n',
                    StringSplitOptions.RemoveEmptyEntries
                )
            )
                found.Add((partition, JsonDocument.Parse(line).RootElement.GetProperty("value").GetString()!));
        }
    }
}
