using System.Net;
using System.Text;

namespace LogHttp.Server.Tests.Protocol;

public sealed class Section10FollowTests : IDisposable
{
    const string Events = "text/event-stream";

    readonly TestServer _server = new(
        ("SegmentBytes", "65536"),
        ("HeartbeatInterval", "1s"),
        ("MaxStreamPartitions", "3")
    );

    public void Dispose() => _server.Dispose();

    async Task AppendAsync(string value, string topic = "t") =>
        (await _server.PostAsync($"/topics/{topic}", "text/plain", value)).EnsureSuccessStatusCode();

    async Task<Stream> OpenAsync(string path, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        var response = await _server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(
            (HttpStatusCode.OK, "no-store"),
            (response.StatusCode, TestServer.Header(response, "Cache-Control"))
        );
        return await response.Content.ReadAsStreamAsync();
    }

    sealed class Lines(Stream stream) : IDisposable
    {
        readonly StreamReader _reader = new(stream, Encoding.UTF8);

        /// <summary>Reads the next line. Null at the end.</summary>
        public async Task<string?> ReadAsync() => await _reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30));

        /// <summary>Reads the next line that is no heartbeat and no bookmark.</summary>
        public async Task<string?> RecordAsync()
        {
            var line = await ReadAsync();
            while (line is "" or ":" || line?.StartsWith("{\"lastEventId\":", StringComparison.Ordinal) == true)
                line = await ReadAsync();
            return line;
        }

        /// <summary>Reads the next event: its id and data.</summary>
        public async Task<(string Id, string Data)> EventAsync()
        {
            var (id, data) = ("", "");
            while (true)
            {
                var line = await ReadAsync();
                if (line!.StartsWith("id: ", StringComparison.Ordinal))
                    id = line[4..];
                else if (line.StartsWith("data: ", StringComparison.Ordinal))
                    data = line[6..];
                else if (line.Length == 0 && data.Length > 0)
                    return (id, data);
            }
        }

        public void Dispose() => _reader.Dispose();
    }

    [Fact]
    public async Task Follow_LiveLog_SendsExistingThenNewRecords()
    {
        for (var i = 0; i < 200; i++)
            await AppendAsync($"{i} {new string('x', 1_000)}");
        using var lines = new Lines(await OpenAsync("/topics/t/earliest?follow=true"));
        for (var i = 0; i < 400; i++)
        {
            if (i >= 200)
                await AppendAsync($"{i} {new string('y', i * 20)}");
            Assert.StartsWith($"{{\"offset\":{i},", await lines.RecordAsync(), StringComparison.Ordinal);
        }
        // Nothing comes for a while except a heartbeat.
        Assert.Equal("", await lines.ReadAsync());
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Follow_AnyTransport_IsFramedAsDocumented(string version)
    {
        using var certificate = TestCertificate.Create();
        using var server = new TestServer(certificate, ("SegmentBytes", "65536"));
        using var client = new HttpClient(
            new SocketsHttpHandler
            {
                SslOptions =
                {
                    RemoteCertificateValidationCallback = (_, shown, _, _) =>
                        shown!.GetCertHashString() == certificate.GetCertHashString(),
                },
            }
        )
        {
            BaseAddress = server.AddressOf("https"),
            DefaultRequestVersion = Version.Parse(version),
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        for (var i = 0; i < 100; i++)
            await server.PostAsync("/topics/t", "text/plain", new string('x', i * 500));
        using var response = await client.GetAsync(
            "/topics/t/earliest?follow=true",
            HttpCompletionOption.ResponseHeadersRead
        );
        using var lines = new Lines(await response.Content.ReadAsStreamAsync());
        for (var i = 0; i < 110; i++)
        {
            if (i >= 100)
                await server.PostAsync("/topics/t", "text/plain", "more");
            Assert.StartsWith($"{{\"offset\":{i},", await lines.RecordAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Follow_Http10Client_EndsWithConnection()
    {
        await AppendAsync("one");
        using var connection = new RawRequest.Connection(_server.Client.BaseAddress!);
        await connection.WriteAsync(
            $"GET /topics/t/0?follow=true HTTP/1.0\r\nHost: {_server.Client.BaseAddress!.Authority}\r\n\r\n"
        );
        while ((await connection.ReadLineAsync()).Length > 0) { }
        Assert.StartsWith("{\"offset\":0,", await connection.ReadLineAsync(), StringComparison.Ordinal);
        await AppendAsync("two");
        var line = await connection.ReadLineAsync();
        while (line.Length == 0)
            line = await connection.ReadLineAsync();
        Assert.StartsWith("{\"offset\":1,", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_ResumedById_ContinueExactly()
    {
        for (var i = 0; i < 20; i++)
            await AppendAsync($"{i}");
        var id = await _server.TopicIdAsync("t");
        var (last, seen) = ("", new List<string>());
        while (seen.Count < 20)
        {
            // Cut off after some events, also between those of one piece. The position in the URL counts only the first
            // time.
            using var lines = new Lines(
                await OpenAsync(
                    "/topics/t/earliest",
                    last.Length == 0 ? [("Accept", Events)] : [("Accept", Events), ("Last-Event-ID", last)]
                )
            );
            for (var i = 0; i < 7 && seen.Count < 20; i++)
            {
                (last, var data) = await lines.EventAsync();
                seen.Add(data);
                Assert.Equal($"t/0/{id}:{seen.Count}", last);
            }
        }
        Assert.Equal(
            (await _server.Client.GetStringAsync("/topics/t/earliest")).Split(
                '\n',
                StringSplitOptions.RemoveEmptyEntries
            ),
            seen
        );
    }

    /// <summary>event-source-polyfill reconnects so, because it cannot set the header.</summary>
    [Theory]
    [InlineData("/topics/t/earliest?")]
    [InlineData("/topics/t/earliest?follow=true&")]
    [InlineData("/stream?topics=t:earliest&")]
    public async Task LastEventId_InQuery_CountsUnlessHeaderIsSet(string path)
    {
        for (var i = 0; i < 5; i++)
            await AppendAsync($"value {i}");
        var id = await _server.TopicIdAsync("t");
        foreach (
            var (query, header, first) in new[]
            {
                ($"t/0/{id}:2", "", 2),
                ($"t/0/{id}:2", $"t/0/{id}:3", 3),
                ("", "", 0),
            }
        )
        {
            using var lines = new Lines(
                await OpenAsync(
                    $"{path}lastEventId={Uri.EscapeDataString(query)}",
                    header.Length == 0 ? [("Accept", Events)] : [("Accept", Events), ("Last-Event-ID", header)]
                )
            );
            Assert.Contains($"\"value\":\"value {first}\"", (await lines.EventAsync()).Data, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task LastEventId_WithoutFollow_IsRejected()
    {
        await AppendAsync("one");
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync("/topics/t/0?lastEventId=t/0/x:1"),
            HttpStatusCode.BadRequest,
            "invalid_parameter",
            "lastEventId"
        );
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync("/topics/t/0?follow=true&lastEventId=nonsense"),
            HttpStatusCode.BadRequest,
            "invalid_header",
            "nonsense"
        );
    }

    [Fact]
    public async Task Events_Start_HaveIdThenHeartbeat()
    {
        await AppendAsync("one");
        using var lines = new Lines(await OpenAsync("/topics/t/latest", ("Accept", Events)));
        Assert.Equal($"id: t/0/{await _server.TopicIdAsync("t")}:1", await lines.ReadAsync());
        Assert.Equal("retry: 1000", await lines.ReadAsync());
        Assert.Equal("", await lines.ReadAsync());
        Assert.Equal(":", await lines.ReadAsync());
    }

    [Fact]
    public async Task Stream_SeveralTopics_IsResumedInAll()
    {
        await _server.SendAsync(HttpMethod.Put, "/topics/two", "{\"partitions\":2}");
        await AppendAsync("a0", "a");
        await _server.PostAsync("/topics/two?partition=1", "text/plain", "b0");
        using (var plain = new Lines(await OpenAsync("/stream?topics=a:earliest,two/1:earliest")))
        {
            var first = new[] { await plain.RecordAsync(), await plain.RecordAsync() };
            Assert.Contains(
                first,
                line => line!.StartsWith("{\"topic\":\"a\",\"partition\":0,\"offset\":0,", StringComparison.Ordinal)
            );
            Assert.Contains(
                first,
                line => line!.StartsWith("{\"topic\":\"two\",\"partition\":1,\"offset\":0,", StringComparison.Ordinal)
            );
        }
        string last;
        using (var events = new Lines(await OpenAsync("/stream?topics=a:earliest,two", ("Accept", Events))))
        {
            (last, var data) = await events.EventAsync();
            Assert.Contains("\"value\":\"a0\"", data, StringComparison.Ordinal);
            await AppendAsync("a1", "a");
            (last, data) = await events.EventAsync();
            Assert.Contains("\"value\":\"a1\"", data, StringComparison.Ordinal);
        }
        await AppendAsync("a2", "a");
        await _server.PostAsync("/topics/two?partition=0", "text/plain", "c0");
        using (
            var resumed = new Lines(
                await OpenAsync("/stream?topics=a:earliest,two", ("Accept", Events), ("Last-Event-ID", last))
            )
        )
        {
            var data = new[] { (await resumed.EventAsync()).Data, (await resumed.EventAsync()).Data };
            Assert.Contains(data, record => record.Contains("\"value\":\"a2\"", StringComparison.Ordinal));
            Assert.Contains(
                data,
                record =>
                    record.Contains("\"topic\":\"two\",\"partition\":0,", StringComparison.Ordinal)
                    && record.Contains("\"value\":\"c0\"", StringComparison.Ordinal)
            );
        }
    }

    [Fact]
    public async Task Stream_OnePartition_NamesItInEveryRecord()
    {
        await AppendAsync("one");
        using var lines = new Lines(await OpenAsync("/stream?topics=t:earliest"));
        using var events = new Lines(await OpenAsync("/stream?topics=t:earliest", ("Accept", Events)));
        Assert.StartsWith(
            "{\"topic\":\"t\",\"partition\":0,\"offset\":0,",
            await lines.RecordAsync(),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "{\"topic\":\"t\",\"partition\":0,\"offset\":0,",
            (await events.EventAsync()).Data,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Stream_FromEventId_ContinuesAfterIt()
    {
        // As a reloaded page does: it kept the id, and can't send it as a header.
        await _server.SendAsync(HttpMethod.Put, "/topics/t");
        await _server.SendAsync(HttpMethod.Put, "/topics/two", "{\"partitions\":2}");
        string place;
        using (var events = new Lines(await OpenAsync("/stream?topics=t:earliest,two", ("Accept", Events))))
        {
            await AppendAsync("t0");
            (place, _) = await events.EventAsync();
        }
        await _server.PostAsync("/topics/two?partition=1", "text/plain", "two0");
        using (var events = new Lines(await OpenAsync($"/stream?topics={place}", ("Accept", Events))))
        {
            (place, var data) = await events.EventAsync();
            Assert.Contains("\"value\":\"two0\"", data, StringComparison.Ordinal);
            await AppendAsync("t1");
            (_, data) = await events.EventAsync();
            Assert.Contains("\"value\":\"t1\"", data, StringComparison.Ordinal);
        }
        // After a break the browser sends a position of its own, which is newer than its URL.
        using (
            var events = new Lines(
                await OpenAsync(
                    $"/stream?topics={place}",
                    ("Accept", Events),
                    ("Last-Event-ID", place.Replace(":1,", ":2,", StringComparison.Ordinal))
                )
            )
        )
        {
            await AppendAsync("t2");
            Assert.Contains("\"value\":\"t2\"", (await events.EventAsync()).Data, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Stream_FromIdOfDeletedTopic_ReportsReplacement()
    {
        await _server.SendAsync(HttpMethod.Put, "/topics/t", "{\"partitions\":2}");
        var place = $"t/1/{await _server.TopicIdAsync("t")}:0";
        using (await OpenAsync($"/stream?topics={place}")) { }
        await _server.SendAsync(HttpMethod.Delete, "/topics/t");
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync($"/stream?topics={place}"),
            HttpStatusCode.NotFound,
            "unknown_topic"
        );
        // The topic's successor may not even have that partition.
        await AppendAsync("another");
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync($"/stream?topics={place}"),
            HttpStatusCode.Gone,
            "topic_replaced"
        );
    }

    [Theory]
    [InlineData("two/0-2/{id}:1.0.1")]
    [InlineData("two/0/{id}:1,two/1/{id}:0,two/2/{id}:1")]
    public async Task Stream_ResumedByEitherIdForm_GetsEachRecordOnce(string form)
    {
        await _server.SendAsync(HttpMethod.Put, "/topics/two", "{\"partitions\":3}");
        var id = form.Replace("{id}", await _server.TopicIdAsync("two"), StringComparison.Ordinal);
        foreach (var partition in new[] { 0, 1, 2 })
            await _server.PostAsync(
                $"/topics/two?partition={partition}&split=lines",
                "text/plain",
                $"{partition}a\n{partition}b"
            );
        using var resumed = new Lines(await OpenAsync("/stream?topics=two", ("Accept", Events), ("Last-Event-ID", id)));
        using var kept = new Lines(await OpenAsync($"/stream?topics={id}", ("Accept", Events)));
        foreach (var events in new[] { resumed, kept })
        {
            var seen = new List<string>();
            while (seen.Count < 4)
            {
                (var last, var data) = await events.EventAsync();
                seen.Add(data[(data.IndexOf("\"value\":\"", StringComparison.Ordinal) + 9)..^2]);
                Assert.Matches($"^two/0-2/{id.Split('/', ':')[2]}:[12]\\.[012]\\.[12]$", last);
            }
            Assert.Equal(["0b", "1a", "1b", "2b"], seen.Order(StringComparer.Ordinal));
        }
    }

    [Theory]
    [InlineData("", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("?topics=", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("?topics=t,t/0", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("?topics=t/1", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("?topics=t/0/:0", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("?topics=wide/0-1:1.1.1", HttpStatusCode.BadRequest, "invalid_place")]
    [InlineData("?topics=wide/1-0", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("?topics=wide/2-4", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("?topics=t:soon", HttpStatusCode.BadRequest, "invalid_place")]
    [InlineData("?topics=t!", HttpStatusCode.BadRequest, "invalid_topic")]
    [InlineData("?topics=none", HttpStatusCode.NotFound, "unknown_topic")]
    [InlineData("?topics=t:7", HttpStatusCode.RequestedRangeNotSatisfiable, "offset_beyond_end")]
    [InlineData("?topics=wide", HttpStatusCode.BadRequest, "invalid_parameter")]
    public async Task Stream_InvalidQuery_ReportsReason(string query, HttpStatusCode status, string code)
    {
        await AppendAsync("one");
        await _server.SendAsync(HttpMethod.Put, "/topics/wide", "{\"partitions\":4}");
        await TestServer.ProblemAsync(await _server.Client.GetAsync($"/stream{query}"), status, code);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("t/0/x:1,t/0/x:1")]
    [InlineData("t/0:1")]
    [InlineData("t/0-1/x:1")]
    [InlineData("t/0-1/x:1.2.3")]
    [InlineData("t/1-0/x:1.2")]
    [InlineData("t/0-2147483647/x:1")]
    [InlineData("t/0-1/x:1.2,t/1/x:3")]
    public async Task Events_InvalidId_AreRejected(string id)
    {
        await AppendAsync("one");
        await TestServer.ProblemAsync(
            await _server.SendAsync(HttpMethod.Get, "/topics/t/0", ("Accept", Events), ("Last-Event-ID", id)),
            HttpStatusCode.BadRequest,
            "invalid_header",
            "Last-Event-ID"
        );
    }

    [Fact]
    public async Task Follow_TopicDeleted_EndsAndItsIdsExpire()
    {
        await AppendAsync("one");
        string last;
        using (var lines = new Lines(await OpenAsync("/topics/t/earliest", ("Accept", Events))))
        {
            (last, _) = await lines.EventAsync();
            await _server.SendAsync(HttpMethod.Delete, "/topics/t");
            var line = await lines.ReadAsync();
            while (line is "" or ":")
                line = await lines.ReadAsync();
            Assert.Null(line);
        }
        await AppendAsync("another");
        await TestServer.ProblemAsync(
            await _server.SendAsync(HttpMethod.Get, "/topics/t/earliest", ("Accept", Events), ("Last-Event-ID", last)),
            HttpStatusCode.Gone,
            "topic_replaced"
        );
    }

    [Theory]
    [InlineData("/topics/t/earliest?follow=true", "*/*")]
    [InlineData("/topics/t/earliest", Events)]
    [InlineData("/stream?topics=t:earliest,u", "*/*")]
    [InlineData("/stream?topics=t:earliest,u", Events)]
    public async Task Follow_UnreadableSegment_AbortsAndLogsOnce(string path, string accept)
    {
        var log = new LogCapture();
        using var server = new TestServer(log, ("SegmentBytes", "65536"));
        await server.PostAsync("/topics/u", "text/plain", "of no concern");
        for (var i = 0; i < 4; i++)
            await server.PostAsync("/topics/t", "text/plain", new string('x', 40_000));
        // Another program cuts one of the sealed segments while the server runs.
        var segment = Directory
            .GetFiles(Path.Combine(server.DataDirectory, "topics", "t", "0"), "*.ndjson")
            .Order(StringComparer.Ordinal)
            .ElementAt(2);
        using (var file = new FileStream(segment, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.SetLength(10_000);

        var answer = await ReadUntilBrokenOffAsync(server, path, accept);
        Assert.StartsWith("HTTP/1.1 200 OK", answer, StringComparison.Ordinal);
        Assert.Contains("\"offset\":1,", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("\"offset\":2,", answer, StringComparison.Ordinal);
        // Without a last chunk no client takes it for a complete response.
        Assert.False(answer.EndsWith("0\r\n\r\n", StringComparison.Ordinal), "The answer was ended in good order.");
        await TestServer.UntilAsync(() => server.Waiting == 0);
        var alarm = Assert.Single(log.Alarms);
        Assert.Contains("follows \"t\"/0 was broken off at offset 2", alarm, StringComparison.Ordinal);
        Assert.Contains($"{Path.GetFileName(segment)}, position ", alarm, StringComparison.Ordinal);
    }

    /// <summary>Reads all bytes until the connection ends in any way.</summary>
    static async Task<string> ReadUntilBrokenOffAsync(TestServer server, string path, string accept)
    {
        using var connection = new RawRequest.Connection(server.Client.BaseAddress!);
        await connection.WriteAsync(
            $"GET {path} HTTP/1.1\r\nHost: {server.Client.BaseAddress!.Authority}\r\nAccept: {accept}\r\n\r\n"
        );
        var answer = new StringBuilder();
        try
        {
            while (await connection.ReadSomeAsync().WaitAsync(TimeSpan.FromSeconds(30)) is { Length: > 0 } text)
                answer.Append(text);
        }
        catch (IOException)
        {
            // The server may also end it with a reset.
        }
        return answer.ToString();
    }

    [Fact]
    public async Task Follow_ServerStops_EndsCleanly()
    {
        await AppendAsync("one");
        using var lines = new Lines(await OpenAsync("/topics/t/earliest?follow=true"));
        Assert.NotNull(await lines.RecordAsync());
        await _server.StopAsync();
        Assert.Null(await lines.RecordAsync());
    }

    [Theory]
    [InlineData("/topics/t/0", Events)]
    [InlineData("/topics/t/0?follow=true", "application/vnd.loghttp.records+ndjson")]
    [InlineData("/stream?topics=t", "application/x-ndjson")]
    public async Task Head_OfFollow_EndsAndKeepsConnection(string path, string type)
    {
        await AppendAsync("one");
        for (var count = 0; count < 2; count++)
        {
            using var head = await _server.SendAsync(HttpMethod.Head, path, ("Accept", type));
            Assert.Equal((HttpStatusCode.OK, type), (head.StatusCode, head.Content.Headers.ContentType!.MediaType));
        }
        await TestServer.UntilAsync(() => _server.Waiting == 0);
    }
}
