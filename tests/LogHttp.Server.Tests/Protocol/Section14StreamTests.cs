using System.Net;
using System.Text;
using System.Text.Json;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>Bodies without end, committed as they arrive.</summary>
public sealed class Section14StreamTests : IDisposable
{
    const string Lines = "application/x-ndjson";

    /// <summary>
    /// Here batches are cut by their size alone, however slow the machine is. Tests of the time limit have servers of
    /// their own.
    /// </summary>
    readonly TestServer _server = new(("ProduceStreamLinger", "60000ms"));

    public void Dispose() => _server.Dispose();

    static (string Name, string Value)[] Producer(long sequence, long epoch = 0) =>
        [("Producer-Id", "p"), ("Producer-Epoch", $"{epoch}"), ("Producer-Seq", $"{sequence}")];

    Task<HttpResponseMessage> PostAsync(string body, string query = "", params (string Name, string Value)[] headers) =>
        _server.PostAsync($"/topics/t?stream=true{query}", Lines, body, headers);

    static string Numbers(int first, int count) =>
        string.Concat(Enumerable.Range(first, count).Select(number => $"{number}\n"));

    static async Task<List<JsonElement>> ReportsAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType?.MediaType);
        return
        [
            .. text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonDocument.Parse(line).RootElement),
        ];
    }

    [Fact]
    public async Task Stream_EveryBatch_IsReportedThenSummary()
    {
        using var response = await PostAsync(Numbers(0, 25_000));
        Assert.Equal(
            """
            {"firstLine":1,"lastLine":10000,"partition":0,"offset":0,"count":10000}
            {"firstLine":10001,"lastLine":20000,"partition":0,"offset":10000,"count":10000}
            {"firstLine":20001,"lastLine":25000,"partition":0,"offset":20000,"count":5000}
            {"done":true,"lastCommittedLine":25000,"count":25000}

            """.ReplaceLineEndings("\n"),
            await response.Content.ReadAsStringAsync()
        );
        var records = await _server.ReadAllAsync("t");
        Assert.Equal(Enumerable.Range(0, 25_000), records.Select(record => record.GetProperty("value").GetInt32()));
        Assert.Equal(3, records.Count(record => record.TryGetProperty("batch", out _)));
    }

    [Fact]
    public async Task Batch_AtOneMebibyte_EndsWithThatLine()
    {
        var line = $"\"{new string('a', 300_000)}\"\n";
        using var response = await PostAsync(string.Concat(Enumerable.Repeat(line, 6)));
        Assert.Equal(
            [4, 6, 6],
            (await ReportsAsync(response)).Select(report =>
                report.TryGetProperty("lastLine", out var last)
                    ? last.GetInt32()
                    : report.GetProperty("lastCommittedLine").GetInt32()
            )
        );
    }

    [Fact]
    public async Task Batch_SmallLimit_EndsBeforeLineThatOverflows()
    {
        using var server = new TestServer(
            ("MaxRecordBytes", "4096"),
            ("MaxBatchBytes", "5120"),
            ("ProduceStreamLinger", "60000ms")
        );
        using var response = await server.PostAsync(
            "/topics/t?stream=true",
            Lines,
            $"\"{new string('a', 1_500)}\"\n\"{new string('b', 3_900)}\"\n1\n2\n\"{new string('c', 3_900)}\"\n"
        );
        Assert.Equal(
            (true, 5),
            (
                (await ReportsAsync(response))[^1].GetProperty("done").GetBoolean(),
                (await server.ReadAllAsync("t")).Count
            )
        );
    }

    [Fact]
    public async Task Stream_AboveMaxBodyBytes_IsAppended()
    {
        using var server = new TestServer(("MaxBodyBytes", "1000000"), ("MaxBatchBytes", "1200000"));
        var body = string.Concat(Enumerable.Repeat($"\"{new string('b', 98)}\"\n", 30_000));
        using var response = await server.PostAsync("/topics/t?stream=true", Lines, body);
        Assert.Equal(30_000, (await ReportsAsync(response))[^1].GetProperty("count").GetInt32());
        Assert.Equal(30_000, (await server.ReadAllAsync("t")).Count);
    }

    [Fact]
    public async Task Stream_BodyContinues_CommitsAndReportsReceivedLines()
    {
        using var server = new TestServer();
        using var connection = new RawRequest.Connection(server.Client.BaseAddress!);
        await connection.WriteAsync(
            "POST /topics/t?stream=true HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                + "application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n1\n2\n3\n\r\n"
        );
        Assert.StartsWith("HTTP/1.1 200", await connection.ReadLineAsync(), StringComparison.Ordinal);
        await SkipHeadersAsync(connection);
        Assert.Equal(
            """{"firstLine":1,"lastLine":3,"partition":0,"offset":0,"count":3}""",
            await ChunkAsync(connection)
        );
        Assert.Equal("1\n2\n3\n", await server.Client.GetStringAsync("/topics/t/earliest?view=values"));
        // Half of a line is not a record yet.
        await connection.WriteAsync("5\r\n4\n5\n6\r\n");
        Assert.Equal(
            """{"firstLine":4,"lastLine":5,"partition":0,"offset":3,"count":2}""",
            await ChunkAsync(connection)
        );
        await connection.WriteAsync("2\r\n66\r\n0\r\n\r\n");
        Assert.Equal(
            """{"firstLine":6,"lastLine":6,"partition":0,"offset":5,"count":1}""",
            await ChunkAsync(connection)
        );
        Assert.Equal("""{"done":true,"lastCommittedLine":6,"count":6}""", await ChunkAsync(connection));
        Assert.Equal("1\n2\n3\n4\n5\n666\n", await server.Client.GetStringAsync("/topics/t/earliest?view=values"));
    }

    [Fact]
    public async Task Stream_BodyBreaks_KeepsWholeLines()
    {
        var log = new LogCapture();
        using var server = new TestServer(log);
        using (var connection = new RawRequest.Connection(server.Client.BaseAddress!))
        {
            await connection.WriteAsync(
                "POST /topics/t?stream=true HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                    + "application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n1\n2\n3\r\n"
            );
            Assert.StartsWith("HTTP/1.1 200", await connection.ReadLineAsync(), StringComparison.Ordinal);
        }
        using var after = await server.PostAsync("/topics/t", Lines, "4\n");
        Assert.Equal("1\n2\n4\n", await server.Client.GetStringAsync("/topics/t/earliest?view=values"));
        Assert.Empty(log.Alarms);
    }

    [Fact]
    public async Task Stream_InvalidLine_KeepsLinesBefore()
    {
        using var response = await PostAsync(Numbers(0, 12_000) + "{\n" + Numbers(0, 10));
        var end = (await ReportsAsync(response))[^1];
        Assert.Equal(
            (false, 12_000, 12_000, "invalid_json", 12_001),
            (
                end.GetProperty("done").GetBoolean(),
                end.GetProperty("lastCommittedLine").GetInt32(),
                end.GetProperty("count").GetInt32(),
                end.GetProperty("error").GetProperty("code").GetString(),
                end.GetProperty("error").GetProperty("line").GetInt32()
            )
        );
        Assert.Equal(12_000, (await _server.ReadAllAsync("t")).Count);
    }

    [Fact]
    public async Task Stream_InvalidFirstLine_IsOrdinaryProblem()
    {
        using (var response = await PostAsync("{\n1\n"))
            Assert.Equal(
                1,
                (await TestServer.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid_json", "Line 1:"))
                    .GetProperty("line")
                    .GetInt32()
            );
        using (var response = await PostAsync("\n\n"))
            await TestServer.ProblemAsync(response, HttpStatusCode.BadRequest, "no_records");
        using (var response = await PostAsync("1\n", headers: ("If-Match", "\"0\"")))
            await TestServer.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid_header", "If-Match");
        using (var response = await PostAsync("1\n", "&partition=7"))
            await TestServer.ProblemAsync(response, HttpStatusCode.NotFound, "unknown_partition");
        using (var response = await _server.PostAsync("/topics/t?stream=true", "application/json", "1"))
            await TestServer.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid_parameter", "lines");
        using (var response = await _server.PostAsync("/topics/t?stream=yes", Lines, "1"))
            await TestServer.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid_parameter", "stream");
        Assert.False(Directory.Exists(Path.Combine(_server.DataDirectory, "topics", "t")));
    }

    [Fact]
    public async Task Stream_SeveralPartitions_AreReportedSeparately()
    {
        (await _server.SendAsync(HttpMethod.Put, "/topics/t", """{"partitions":3}""")).Dispose();
        var body = string.Concat(
            Enumerable.Range(0, 12_000).Select(number => $$"""{"partition":{{number % 3}},"value":{{number}}}""" + "\n")
        );
        using var response = await _server.PostAsync(
            "/topics/t?stream=true",
            "application/vnd.loghttp.records+ndjson",
            body
        );
        var reports = await ReportsAsync(response);
        Assert.Equal(
            [
                (1, 10_000, 0, 0, 3_334),
                (1, 10_000, 1, 0, 3_333),
                (1, 10_000, 2, 0, 3_333),
                (10_001, 12_000, 0, 3_334, 666),
                (10_001, 12_000, 1, 3_333, 667),
                (10_001, 12_000, 2, 3_333, 667),
            ],
            reports
                .SkipLast(1)
                .Select(report =>
                    (
                        report.GetProperty("firstLine").GetInt32(),
                        report.GetProperty("lastLine").GetInt32(),
                        report.GetProperty("partition").GetInt32(),
                        report.GetProperty("offset").GetInt32(),
                        report.GetProperty("count").GetInt32()
                    )
                )
        );
        using var keyless = await PostAsync(Numbers(0, 25_000));
        Assert.Single(
            (await ReportsAsync(keyless))
                .SkipLast(1)
                .Select(report => report.GetProperty("partition").GetInt32())
                .Distinct()
        );
    }

    [Fact]
    public async Task NumberedStream_Retried_ContinuesAfterRepeat()
    {
        // As after a break behind the seventh batch: two forgotten batches, five remembered ones and two new ones.
        using (var first = await PostAsync(Numbers(0, 70_000), headers: Producer(0)))
            Assert.Equal(70_000, (await ReportsAsync(first))[^1].GetProperty("nextSequence").GetInt32());
        using var again = await PostAsync(Numbers(0, 85_000), headers: Producer(0));
        var reports = await ReportsAsync(again);
        Assert.Equal(
            """{"firstLine":1,"lastLine":10000,"partition":0,"count":10000,"sequence":0,"repeat":true}""",
            reports[0].GetRawText()
        );
        Assert.Equal(
            """{"firstLine":20001,"lastLine":30000,"partition":0,"offset":20000,"count":10000,"sequence":20000,"repeat":true}""",
            reports[2].GetRawText()
        );
        Assert.Equal(
            """{"firstLine":70001,"lastLine":80000,"partition":0,"offset":70000,"count":10000,"sequence":70000}""",
            reports[7].GetRawText()
        );
        Assert.Equal(
            """{"done":true,"lastCommittedLine":85000,"count":15000,"nextSequence":85000}""",
            reports[^1].GetRawText()
        );
        Assert.Equal(
            Enumerable.Range(0, 85_000),
            (await _server.ReadAllAsync("t")).Select(record => record.GetProperty("value").GetInt32())
        );
    }

    [Fact]
    public async Task NumberedStream_Grown_AppendsNewLines()
    {
        (await PostAsync(Numbers(0, 500), headers: Producer(0))).Dispose();
        using var grown = await PostAsync(Numbers(0, 700), headers: Producer(0));
        var reports = await ReportsAsync(grown);
        Assert.Equal(
            """{"firstLine":1,"lastLine":700,"partition":0,"offset":500,"count":200,"sequence":500,"repeated":500}""",
            reports[0].GetRawText()
        );
        Assert.Equal(
            """{"done":true,"lastCommittedLine":700,"count":200,"nextSequence":700}""",
            reports[^1].GetRawText()
        );
        using var rest = await PostAsync(Numbers(700, 200), headers: Producer(700));
        Assert.Equal(900, (await ReportsAsync(rest))[^1].GetProperty("nextSequence").GetInt32());
        Assert.Equal(
            Enumerable.Range(0, 900),
            (await _server.ReadAllAsync("t")).Select(record => record.GetProperty("value").GetInt32())
        );
    }

    [Fact]
    public async Task NumberedStream_CutDifferently_IsAppendedOnce()
    {
        using var server = new TestServer(("ProduceStreamLinger", "1ms"));
        // First as batches, and then as one stream, which time cuts anywhere, depending on the machine's pace.
        for (var first = 0; first < 60; first += 20)
            (await server.PostAsync("/topics/t", Lines, Numbers(first, 20), Producer(first))).EnsureSuccessStatusCode();
        using var connection = new RawRequest.Connection(server.Client.BaseAddress!);
        await connection.WriteAsync(
            "POST /topics/t?stream=true HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                + "application/x-ndjson\r\nTransfer-Encoding: chunked\r\nProducer-Id: p\r\nProducer-Epoch: "
                + "0\r\nProducer-Seq: 0\r\n\r\n"
        );
        foreach (var piece in Numbers(0, 100).Chunk(37))
            await connection.WriteAsync($"{piece.Length:x}\r\n{new string(piece)}\r\n");
        await connection.WriteAsync("0\r\n\r\n");
        await connection.ReadLineAsync();
        await SkipHeadersAsync(connection);
        JsonElement report;
        do report = JsonDocument.Parse(await ChunkAsync(connection)).RootElement;
        while (!report.TryGetProperty("done", out _));
        Assert.Equal("""{"done":true,"lastCommittedLine":100,"count":40,"nextSequence":100}""", report.GetRawText());
        Assert.Equal(
            Enumerable.Range(0, 100),
            (await server.ReadAllAsync("t")).Select(record => record.GetProperty("value").GetInt32())
        );
    }

    [Fact]
    public async Task NumberedStream_OtherContent_IsConflict()
    {
        (await PostAsync(Numbers(0, 500), headers: Producer(0))).Dispose();
        using var differs = await PostAsync(Numbers(1, 700), headers: Producer(0));
        await TestServer.ProblemAsync(
            differs,
            HttpStatusCode.Conflict,
            "batch_differs",
            "has 500 records from sequence 0"
        );
        Assert.Equal("500", TestServer.Header(differs, "Producer-Expected-Seq"));
    }

    [Fact]
    public async Task NumberedStream_InvalidLine_KeepsLinesBefore()
    {
        using var mistaken = await PostAsync("1\n2\n{\n", headers: Producer(0));
        var reports = await ReportsAsync(mistaken);
        Assert.Equal(
            (2, 3),
            (
                reports[^1].GetProperty("lastCommittedLine").GetInt32(),
                reports[^1].GetProperty("error").GetProperty("line").GetInt32()
            )
        );
        using var mended = await PostAsync("1\n2\n3\n", headers: Producer(0));
        Assert.Equal("1\n2\n3\n", await _server.Client.GetStringAsync("/topics/t/earliest?view=values"));
    }

    [Fact]
    public async Task NumberedStream_Invalid_IsRejectedLikeBatch()
    {
        using (var gap = await PostAsync("1\n", headers: Producer(3)))
        {
            await TestServer.ProblemAsync(gap, HttpStatusCode.Conflict, "sequence_gap");
            Assert.Equal("0", TestServer.Header(gap, "Producer-Expected-Seq"));
        }
        (await PostAsync("1\n", headers: Producer(0, epoch: 2))).Dispose();
        using (var ended = await PostAsync("1\n", headers: Producer(0, epoch: 1)))
            await TestServer.ProblemAsync(ended, HttpStatusCode.Forbidden, "epoch_ended");
        (await _server.SendAsync(HttpMethod.Put, "/topics/many", """{"partitions":2}""")).Dispose();
        using var spread = await _server.PostAsync(
            "/topics/many?stream=true",
            "application/vnd.loghttp.records+ndjson",
            "{\"partition\":0,\"value\":1}\n{\"partition\":1,\"value\":1}\n",
            Producer(0)
        );
        await TestServer.ProblemAsync(spread, HttpStatusCode.BadRequest, "invalid_producer", "lines 1 to 2");
    }

    [Fact]
    public async Task Stream_Pause_IsAllowedBetweenLinesAlone()
    {
        using var server = new TestServer(("BodyTimeout", "1s"));
        using var connection = new RawRequest.Connection(server.Client.BaseAddress!);
        await connection.WriteAsync(
            "POST /topics/t?stream=true HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                + "application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n1\n\r\n"
        );
        await connection.ReadLineAsync();
        await SkipHeadersAsync(connection);
        await ChunkAsync(connection);
        // Longer than BodyTimeout, which would end any other body.
        await Task.Delay(1_500);
        await connection.WriteAsync("3\r\n2\n3\r\n");
        Assert.Contains("\"lastLine\":2", await ChunkAsync(connection), StringComparison.Ordinal);
        var end = JsonDocument.Parse(await ChunkAsync(connection)).RootElement;
        Assert.Equal(
            (2, "body_timeout"),
            (end.GetProperty("lastCommittedLine").GetInt32(), end.GetProperty("error").GetProperty("code").GetString())
        );
    }

    [Fact]
    public async Task Stream_ServerStops_ReportsAppendedLines()
    {
        using var server = new TestServer();
        using var connection = new RawRequest.Connection(server.Client.BaseAddress!);
        await connection.WriteAsync(
            "POST /topics/t?stream=true HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                + "application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n1\n\r\n"
        );
        await connection.ReadLineAsync();
        await SkipHeadersAsync(connection);
        await ChunkAsync(connection);
        await server.StopAsync();
        var end = JsonDocument.Parse(await ChunkAsync(connection)).RootElement;
        Assert.Equal(
            (1, "log_closed"),
            (end.GetProperty("lastCommittedLine").GetInt32(), end.GetProperty("error").GetProperty("code").GetString())
        );
    }

    [Fact]
    public async Task Stream_QueueFull_Waits()
    {
        using var server = new TestServer(
            ("MaxQueuedBytes", "2200000"),
            ("MaxBatchBytes", "2200000"),
            ("MaxReadingBytes", "67108864"),
            ("MaxProduceStreamBatches", "64")
        );
        var body = Encoding.UTF8.GetBytes(Numbers(0, 200_000));
        var responses = await Task.WhenAll(
            Enumerable.Range(0, 4).Select(_ => server.PostAsync("/topics/t?stream=true", Lines, body))
        );
        foreach (var response in responses)
        {
            using (response)
                Assert.Equal(200_000, (await ReportsAsync(response))[^1].GetProperty("count").GetInt32());
        }
        Assert.Equal(800_000, TestServer.Number(await server.Client.GetAsync("/topics/t/latest"), "Log-Next-Offset"));
    }

    static async Task SkipHeadersAsync(RawRequest.Connection connection)
    {
        while ((await connection.ReadLineAsync()).Length > 0) { }
    }

    /// <summary>Reads a line of the response. A chunk has one line or several.</summary>
    static async Task<string> ChunkAsync(RawRequest.Connection connection)
    {
        while (true)
        {
            var line = await connection.ReadLineAsync();
            if (line is ['{', ..])
                return line;
            Assert.NotEqual("0", line);
        }
    }

    /// <summary>Whether the response begins while the body still arrives.</summary>
    [Theory]
    [InlineData("", "", true)]
    [InlineData("", "X-Name: a proxy's", true)]
    [InlineData("", "Via: 1.1 proxy", false)]
    [InlineData("", "forwarded: for=192.0.2.1", false)]
    [InlineData("", "X-Forwarded-For: 192.0.2.1", false)]
    [InlineData("", "x-forwarded-proto: https", false)]
    [InlineData("&reports=end", "", false)]
    [InlineData("&reports=live", "Via: 1.1 proxy", true)]
    public async Task Reports_BehindProxy_AreSentAtEnd(string query, string header, bool areLive)
    {
        using var connection = new RawRequest.Connection(_server.Client.BaseAddress!);
        await connection.WriteAsync(
            $"POST /topics/t?stream=true{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: "
                + $"{Lines}\r\nTransfer-Encoding: chunked\r\n{header}{(header.Length > 0 ? "\r\n" : "")}\r\n"
        );
        // Two batches. The first is committed while the second is not complete.
        var batch = Numbers(0, 10_000);
        await connection.WriteAsync($"{batch.Length:x}\r\n{batch}\r\n2\r\n1\n\r\n");
        var read = HttpStatusCode.NotFound;
        while (read != HttpStatusCode.OK)
        {
            using var page = await _server.Client.GetAsync("/topics/t/0");
            read = page.StatusCode;
        }
        var first = areLive ? await connection.ReadLineAsync() : null;
        Assert.False(!areLive && connection.HasMore);
        await connection.WriteAsync("0\r\n\r\n");
        var rest = await connection.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 200", first ?? rest, StringComparison.Ordinal);
        Assert.Contains(
            "{\"firstLine\":1,\"lastLine\":10000,\"partition\":0,\"offset\":0,\"count\":10000}\n",
            rest,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "{\"done\":true,\"lastCommittedLine\":10001,\"count\":10001}\n",
            rest,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Reports_Http10_AreSentAtEnd()
    {
        var body = Numbers(0, 10_001);
        using var connection = new RawRequest.Connection(_server.Client.BaseAddress!);
        await connection.WriteAsync(
            $"POST /topics/t?stream=true HTTP/1.0\r\nHost: localhost\r\nContent-Type: {Lines}\r\nContent-Length: "
                + $"{body.Length}\r\n\r\n{body}"
        );
        Assert.EndsWith(
            "{\"done\":true,\"lastCommittedLine\":10001,\"count\":10001}\n",
            await connection.ReadToEndAsync(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Reports_FailedStream_StateAppendedLinesAtEnd()
    {
        using var response = await PostAsync(Numbers(0, 10_000) + "{", "&reports=end");
        var reports = await ReportsAsync(response);
        Assert.Equal(
            (2, 10_000, "invalid_json"),
            (
                reports.Count,
                reports[^1].GetProperty("lastCommittedLine").GetInt32(),
                reports[^1].GetProperty("error").GetProperty("code").GetString()
            )
        );
    }

    [Theory]
    [InlineData("stream=true&reports=never", "live, end")]
    [InlineData("reports=end", "stream=true")]
    public async Task Reports_InvalidOrWithoutStream_AreRejected(string query, string mentions)
    {
        using var response = await _server.PostAsync($"/topics/t?{query}", Lines, "1");
        await TestServer.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid_parameter", mentions);
    }
}
