using System.Net;
using LogHttp.Storage.Files;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>Records that are sent twice, and a batch with an expected offset.</summary>
public sealed class Section11ProducersTests : IDisposable
{
    readonly TestServer _server = new();

    public void Dispose() => _server.Dispose();

    Task<HttpResponseMessage> PostAsync(
        string path,
        string body,
        string id,
        long epoch,
        long sequence,
        params (string Name, string Value)[] headers
    ) =>
        _server.PostAsync(
            $"/topics/{path}",
            "application/x-ndjson",
            body,
            [("Producer-Id", id), ("Producer-Epoch", $"{epoch}"), ("Producer-Seq", $"{sequence}"), .. headers]
        );

    async Task<string> ValuesAsync(string path) =>
        await _server.Client.GetStringAsync($"/topics/{path}/earliest?view=values");

    [Fact]
    public async Task Retry_AfterRestart_Returns200WithOriginalResult()
    {
        using var first = await PostAsync("t", "1\n2\n", "p", 0, 0);
        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        using var again = await PostAsync("t", "1\n2\n", "p", 0, 0);
        _server.Restart();
        using var later = await PostAsync("t", "1\n2\n", "p", 0, 0);
        foreach (var repeat in new[] { again, later })
        {
            Assert.Equal(HttpStatusCode.OK, repeat.StatusCode);
            Assert.Equal(await first.Content.ReadAsStringAsync(), await repeat.Content.ReadAsStringAsync());
            Assert.Equal(TestServer.Header(first, "Location"), TestServer.Header(repeat, "Location"));
        }
        Assert.Equal("1\n2\n", await ValuesAsync("t"));
    }

    [Fact]
    public async Task PartialOverlap_OfBatch_IsConflict()
    {
        (await PostAsync("t", "1\n2\n", "p", 0, 0)).EnsureSuccessStatusCode();
        foreach (var (body, sequence) in new[] { ("2\n", 1), ("2\n3\n", 1), ("1\n2\n3\n", 0), ("1\n", 0) })
            await TestServer.ProblemAsync(
                await PostAsync("t", body, "p", 0, sequence),
                HttpStatusCode.Conflict,
                "batch_differs",
                "in a batch that overlaps"
            );
        Assert.Equal("1\n2\n", await ValuesAsync("t"));
    }

    [Fact]
    public async Task Sequence_BeyondMaximum_IsRejected()
    {
        await TestServer.ProblemAsync(
            await PostAsync("t", "1\n2\n", "p", 0, (1L << 53) - 1),
            HttpStatusCode.BadRequest,
            "invalid_producer",
            "can't count beyond 9007199254740991"
        );
    }

    [Fact]
    public async Task Retry_OtherEncodingOrSpacing_IsRepeat()
    {
        (await PostAsync("t", "{\"a\":1}\n2\n", "p", 0, 0)).EnsureSuccessStatusCode();
        using var spaced = await PostAsync("t", " {\"a\":1}\r\n\n2", "p", 0, 0);
        Assert.Equal(HttpStatusCode.OK, spaced.StatusCode);
        using var packed = new MemoryStream();
        using (
            var gzip = new System.IO.Compression.GZipStream(
                packed,
                System.IO.Compression.CompressionLevel.Fastest,
                leaveOpen: true
            )
        )
            gzip.Write("{\"a\":1}\n2\n"u8);
        using var unpacked = await _server.PostAsync(
            "/topics/t",
            "application/x-ndjson",
            packed.ToArray(),
            ("Content-Encoding", "gzip"),
            ("Producer-Id", "p"),
            ("Producer-Epoch", "0"),
            ("Producer-Seq", "0")
        );
        Assert.Equal(HttpStatusCode.OK, unpacked.StatusCode);
        Assert.Equal("{\"a\":1}\n2\n", await ValuesAsync("t"));
    }

    [Theory]
    [InlineData("sensor-7", "sensor-7")]
    [InlineData("a/b", "a/b")]
    [InlineData("a/b", "a%2Fb")]
    [InlineData("a%2Fb?", "a%252Fb%3F")]
    public async Task GetProducer_AfterAppends_ReturnsItsPositions(string id, string path)
    {
        (await _server.SendAsync(HttpMethod.Put, "/topics/producers", """{"partitions":3}""")).Dispose();
        (await PostAsync("producers?partition=2", "1\n2\n3\n", id, 0, 0)).EnsureSuccessStatusCode();
        (await PostAsync("producers?partition=1", "1\n", id, 5, 0)).EnsureSuccessStatusCode();
        for (var time = 0; time < 2; time++)
        {
            using var request = new HttpRequestMessage(
                HttpMethod.Get,
                new Uri(
                    $"{_server.Client.BaseAddress}topics/producers/producers/{path}",
                    new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }
                )
            );
            using var answer = await _server.Client.SendAsync(request);
            Assert.Equal(
                $$"""{"topic":"producers","producer":"{{id}}","partitions":[{"partition":1,"epoch":5,"nextSequence":1},{"partition":2,"epoch":0,"nextSequence":3}]}"""
                    + "\n",
                await answer.Content.ReadAsStringAsync()
            );
            _server.Restart();
        }
    }

    [Fact]
    public async Task GetProducer_Unknown_Returns404()
    {
        (await PostAsync("t", "1\n", "p", 0, 0)).EnsureSuccessStatusCode();
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync("/topics/t/producers/q"),
            HttpStatusCode.NotFound,
            "producer_unknown",
            "\"q\""
        );
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync("/topics/u/producers/p"),
            HttpStatusCode.NotFound,
            "unknown_topic"
        );
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync("/topics/t/producers/p%20q"),
            HttpStatusCode.BadRequest,
            "invalid_producer",
            "visible ASCII"
        );
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync("/topics/t/producers/p?x=1"),
            HttpStatusCode.BadRequest,
            "invalid_parameter"
        );
    }

    [Theory]
    [InlineData("l1\nl2\nl3")]
    [InlineData("other")]
    public async Task Retry_OtherContent_IsConflictWithoutLoss(string changed)
    {
        Task<HttpResponseMessage> SendAsync(string lines, long sequence) =>
            _server.PostAsync(
                "/topics/t?split=lines",
                "text/plain",
                lines,
                ("Producer-Id", "p"),
                ("Producer-Epoch", "0"),
                ("Producer-Seq", $"{sequence}")
            );

        (await SendAsync("l1", 0)).EnsureSuccessStatusCode();
        using var differs = await SendAsync(changed, 0);
        Assert.Equal("1", TestServer.Header(differs, "Producer-Expected-Seq"));
        var problem = await TestServer.ProblemAsync(differs, HttpStatusCode.Conflict, "batch_differs");
        Assert.Equal(1, problem.GetProperty("expectedSequence").GetInt64());
        (await SendAsync("l2\nl3", 1)).EnsureSuccessStatusCode();
        (await SendAsync("l4", 3)).EnsureSuccessStatusCode();
        Assert.Equal("\"l1\"\n\"l2\"\n\"l3\"\n\"l4\"\n", await ValuesAsync("t"));
    }

    [Fact]
    public async Task Retry_RecordsTrimmed_IsStillRepeat()
    {
        (await PostAsync("t", "1\n", "p", 0, 0)).Dispose();
        (await _server.SendAsync(HttpMethod.Delete, "/topics/t/records?before=latest")).Dispose();
        _server.Restart();
        using var repeat = await PostAsync("t", "1\n", "p", 0, 0);
        Assert.Equal(HttpStatusCode.OK, repeat.StatusCode);
        Assert.Equal("", await ValuesAsync("t"));
    }

    [Fact]
    public async Task Sequence_Gap_IsConflictNamingNext()
    {
        (await PostAsync("t", "1\n", "p", 0, 0)).Dispose();
        using var gap = await PostAsync("t", "3\n", "p", 0, 2);
        Assert.Equal("1", TestServer.Header(gap, "Producer-Expected-Seq"));
        var problem = await TestServer.ProblemAsync(
            gap,
            HttpStatusCode.Conflict,
            "sequence_gap",
            "sequence 2; the next one is 1"
        );
        Assert.Equal(1, problem.GetProperty("expectedSequence").GetInt64());
        Assert.Equal("1\n", await ValuesAsync("t"));
    }

    [Fact]
    public async Task Retry_AfterFiveBatches_IsConflict()
    {
        for (var sequence = 0; sequence < 6; sequence++)
            (await PostAsync("t", "1\n", "p", 0, sequence)).Dispose();
        await TestServer.ProblemAsync(
            await PostAsync("t", "1\n", "p", 0, 0),
            HttpStatusCode.Conflict,
            "sequence_forgotten",
            "higher epoch"
        );
    }

    [Fact]
    public async Task Epoch_Superseded_IsRejected()
    {
        (await PostAsync("t", "1\n", "p", 0, 0)).Dispose();
        await TestServer.ProblemAsync(
            await PostAsync("t", "2\n", "p", 1, 1),
            HttpStatusCode.Conflict,
            "sequence_gap",
            "begins with sequence 0"
        );
        (await PostAsync("t", "2\n", "p", 1, 0)).EnsureSuccessStatusCode();
        using var ended = await PostAsync("t", "3\n", "p", 0, 1);
        Assert.Equal("1", TestServer.Header(ended, "Producer-Epoch"));
        var problem = await TestServer.ProblemAsync(
            ended,
            HttpStatusCode.Forbidden,
            "epoch_ended",
            "continues with epoch 1"
        );
        Assert.Equal(1, problem.GetProperty("epoch").GetInt64());
        Assert.Equal("1\n2\n", await ValuesAsync("t"));
    }

    [Fact]
    public async Task Produce_KeylessByProducer_UsesOnePartition()
    {
        (await _server.SendAsync(HttpMethod.Put, "/topics/many", """{"partitions":5}""")).Dispose();
        var partitions = new HashSet<int>();
        for (var sequence = 0; sequence < 5; sequence++)
        {
            using var answer = await PostAsync("many", "1\n2\n", "p", 0, 2 * sequence);
            partitions.Add((await TestServer.JsonAsync(answer)).GetProperty("partition").GetInt32());
        }
        Assert.Single(partitions);
    }

    [Fact]
    public async Task Produce_NumberedForSeveralPartitions_IsRejected()
    {
        (await _server.SendAsync(HttpMethod.Put, "/topics/many", """{"partitions":5}""")).Dispose();
        using var refused = await _server.PostAsync(
            "/topics/many",
            "application/vnd.loghttp.records+ndjson",
            """{"partition":0,"value":1}""" + "\n" + """{"partition":1,"value":1}""",
            ("Producer-Id", "p"),
            ("Producer-Epoch", "0"),
            ("Producer-Seq", "0")
        );
        await TestServer.ProblemAsync(refused, HttpStatusCode.BadRequest, "invalid_producer", "go to 2");
    }

    [Theory]
    [InlineData("Producer-Id: p", "each once")]
    [InlineData("Producer-Id: p|Producer-Epoch: 0", "there are 1, 1 and 0")]
    [InlineData("Producer-Id: p|Producer-Epoch: 0|Producer-Seq: 0|Producer-Seq: 1", "Producer-Seq is \"0, 1\"")]
    [InlineData("Producer-Id: p|Producer-Epoch: -1|Producer-Seq: 0", "Producer-Epoch is \"-1\"")]
    [InlineData("Producer-Id: p|Producer-Epoch: 0|Producer-Seq: one", "Producer-Seq is \"one\"")]
    [InlineData("Producer-Id: p|Producer-Epoch: 0|Producer-Seq: 9007199254740992", "from 0 to 9007199254740991")]
    [InlineData("Producer-Id: p q|Producer-Epoch: 0|Producer-Seq: 0", "visible ASCII")]
    [InlineData("Producer-Id: kafka:7|Producer-Epoch: 0|Producer-Seq: 0", "reserved for producers of Kafka's protocol")]
    [InlineData("Producer-Id: |Producer-Epoch: 0|Producer-Seq: 0", "1 to 256")]
    public async Task Produce_InvalidProducerHeaders_NamesReason(string headers, string mentions)
    {
        using var refused = await _server.PostAsync(
            "/topics/t",
            "text/plain",
            "x",
            [.. headers.Split('|').Select(header => header.Split(": ")).Select(parts => (parts[0], parts[1]))]
        );
        await TestServer.ProblemAsync(refused, HttpStatusCode.BadRequest, "invalid_producer", mentions);
    }

    [Fact]
    public async Task Produce_IfMatch_AppendsAtOffsetOrReturnsNext()
    {
        (await _server.PostAsync("/topics/t", "text/plain", "a", ("If-Match", "\"0\""))).EnsureSuccessStatusCode();
        using var refused = await _server.PostAsync("/topics/t", "text/plain", "b", ("If-Match", "\"0\""));
        Assert.Equal("1", TestServer.Header(refused, "Log-Next-Offset"));
        var problem = await TestServer.ProblemAsync(
            refused,
            HttpStatusCode.PreconditionFailed,
            "offset_not_next",
            "The next offset is 1, not 0."
        );
        Assert.Equal(1, problem.GetProperty("endOffset").GetInt64());
        (await _server.PostAsync("/topics/t", "text/plain", "b", ("If-Match", "\"1\""))).EnsureSuccessStatusCode();
        Assert.Equal(
            "a\nb\n",
            await ValuesAsync("t")
                .ContinueWith(
                    values => values.Result.Replace("\"", "", StringComparison.Ordinal),
                    TaskScheduler.Default
                )
        );
    }

    [Fact]
    public async Task Produce_ConcurrentIfMatch_SucceedsOnce()
    {
        var answers = await Task.WhenAll(
            Enumerable
                .Range(0, 20)
                .Select(_ => _server.PostAsync("/topics/t", "text/plain", "x", ("If-Match", "\"0\"")))
        );
        Assert.Single(answers, answer => answer.StatusCode == HttpStatusCode.Created);
        Assert.Equal(19, answers.Count(answer => answer.StatusCode == HttpStatusCode.PreconditionFailed));
    }

    [Fact]
    public async Task Retry_WithIfMatch_IsRepeat()
    {
        Assert.Equal(
            HttpStatusCode.Created,
            (await PostAsync("t", "1\n", "p", 0, 0, ("If-Match", "\"0\""))).StatusCode
        );
        Assert.Equal(HttpStatusCode.OK, (await PostAsync("t", "1\n", "p", 0, 0, ("If-Match", "\"0\""))).StatusCode);
    }

    [Theory]
    [InlineData("*")]
    [InlineData("0")]
    [InlineData("W/\"0\"")]
    [InlineData("\"0\", \"1\"")]
    [InlineData("\"-1\"")]
    [InlineData("\"one\"")]
    public async Task Produce_IfMatchWithoutOffset_IsRejected(string condition) =>
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/t", "text/plain", "x", ("If-Match", condition)),
            HttpStatusCode.BadRequest,
            "invalid_header",
            "one offset in quotes"
        );

    [Fact]
    public async Task Produce_IfMatchOnSeveralPartitions_RequiresPartition()
    {
        (await _server.SendAsync(HttpMethod.Put, "/topics/many", """{"partitions":2}""")).Dispose();
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/many", "text/plain", "x", ("If-Match", "\"0\"")),
            HttpStatusCode.BadRequest,
            "partition_required",
            "has 2"
        );
        (
            await _server.PostAsync("/topics/many?partition=1", "text/plain", "x", ("If-Match", "\"0\""))
        ).EnsureSuccessStatusCode();
    }
}
