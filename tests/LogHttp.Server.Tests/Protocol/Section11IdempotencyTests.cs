using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;
using LogHttp.Storage;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>Requests with an <c>Idempotency-Key</c>.</summary>
public sealed class Section11IdempotencyTests : IDisposable
{
    const string Lines = "application/x-ndjson";
    const string Records = "application/vnd.loghttp.records+ndjson";
    const string Confluent = "application/vnd.kafka.json.v2+json";

    readonly TestServer _server = new();

    public void Dispose() => _server.Dispose();

    Task<HttpResponseMessage> PostAsync(
        string path,
        string key,
        string body,
        string contentType = Lines,
        params (string Name, string Value)[] headers
    ) => PostAsync(_server, path, key, body, contentType, headers);

    static Task<HttpResponseMessage> PostAsync(
        TestServer server,
        string path,
        string key,
        string body,
        string contentType = Lines,
        params (string Name, string Value)[] headers
    ) => server.PostAsync($"/topics/{path}", contentType, body, [("Idempotency-Key", key), .. headers]);

    async Task CreateAsync(string topic, int partitions) =>
        (await _server.SendAsync(HttpMethod.Put, $"/topics/{topic}", $$"""{"partitions":{{partitions}}}"""))
            .EnsureSuccessStatusCode()
            .Dispose();

    /// <summary>Returns the number of records in each partition.</summary>
    async Task<int[]> CountsAsync(string topic, int partitions)
    {
        var counts = new List<int>();
        for (var partition = 0; partition < partitions; partition++)
            counts.Add((await _server.ReadAllAsync(topic, $"?partition={partition}")).Count);
        return [.. counts];
    }

    /// <summary>Returns each partition's number and status.</summary>
    static async Task<string[]> ResultsAsync(HttpResponseMessage response) =>
        [
            .. (await TestServer.JsonAsync(response))
                .GetProperty("results")
                .EnumerateArray()
                .Select(static part =>
                    $"{part.GetProperty("partition")}:{part.GetProperty("status")}"
                    + (part.TryGetProperty("repeat", out var repeat) ? $" {repeat}" : "")
                ),
        ];

    [Fact]
    public async Task Repeat_AfterRestart_Returns200WithOriginalResult()
    {
        using var first = await PostAsync("t", "k", "1\n2\n");
        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        using var again = await PostAsync("t", "k", "1\n2\n");
        _server.Restart();
        using var later = await PostAsync("t", "k", "1\n2\n");
        foreach (var repeat in new[] { again, later })
        {
            Assert.Equal(HttpStatusCode.OK, repeat.StatusCode);
            Assert.Equal(await first.Content.ReadAsStringAsync(), await repeat.Content.ReadAsStringAsync());
            Assert.Equal(TestServer.Header(first, "Location"), TestServer.Header(repeat, "Location"));
        }
        Assert.Equal(2, (await _server.ReadAllAsync("t")).Count);
        using var other = await PostAsync("t", "l", "1\n2\n");
        Assert.Equal(HttpStatusCode.Created, other.StatusCode);
    }

    [Theory]
    [InlineData("order-4711", "\"order-4711\"")]
    [InlineData("a\"b\\c", "\"a\\\"b\\\\c\"")]
    [InlineData("\"a b\"", "\"a b\"")]
    [InlineData("!~", "\"!~\"")]
    public async Task Key_BareOrQuoted_IsTheSame(string one, string other)
    {
        using var first = await PostAsync("t", one, "1");
        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        using var repeat = await PostAsync("t", other, "1");
        Assert.Equal(HttpStatusCode.OK, repeat.StatusCode);
    }

    [Theory]
    [InlineData("\"")]
    [InlineData("\"\"")]
    [InlineData("a b")]
    [InlineData("\"a")]
    [InlineData("\"a\"b\"")]
    [InlineData("\"a\\b\"")]
    [InlineData("\"a\\\"")]
    [InlineData("\"a\";b=1")]
    [InlineData("\"\t\"")]
    public async Task Key_Invalid_IsRejected(string key) =>
        await TestServer.ProblemAsync(
            await PostAsync("t", key, "1"),
            HttpStatusCode.BadRequest,
            "invalid_idempotency_key",
            "1 to 256 visible ASCII characters"
        );

    [Fact]
    public async Task Key_OfAnyAllowedLength_IsTaken()
    {
        var longest = new string('"', 256);
        using var quoted = await PostAsync("t", $"\"{longest.Replace("\"", "\\\"", StringComparison.Ordinal)}\"", "1");
        Assert.Equal(HttpStatusCode.Created, quoted.StatusCode);
        foreach (var tooLong in (string[])[new('a', 257), $"\"{new string('a', 257)}\""])
            await TestServer.ProblemAsync(
                await PostAsync("t", tooLong, "1"),
                HttpStatusCode.BadRequest,
                "invalid_idempotency_key"
            );
        await TestServer.ProblemAsync(
            await PostAsync("t", "a", "1", Lines, ("Idempotency-Key", "b")),
            HttpStatusCode.BadRequest,
            "invalid_idempotency_key",
            "given once"
        );
    }

    [Fact]
    public async Task Key_WithProducerOrStream_IsRejected()
    {
        await TestServer.ProblemAsync(
            await PostAsync("t", "k", "1", Lines, ("Producer-Id", "p"), ("Producer-Epoch", "0"), ("Producer-Seq", "0")),
            HttpStatusCode.BadRequest,
            "invalid_idempotency_key",
            "Send one"
        );
        await TestServer.ProblemAsync(
            await PostAsync("t?stream=true", "k", "1"),
            HttpStatusCode.BadRequest,
            "invalid_idempotency_key",
            "stream=true"
        );
    }

    [Fact]
    public async Task Repeat_OtherEncodingOrSpacing_IsRepeat()
    {
        (await PostAsync("t", "k", "{\"a\":1}\n2\n")).EnsureSuccessStatusCode();
        using var spaced = await PostAsync("t", "k", " {\"a\":1}\r\n\n2");
        Assert.Equal(HttpStatusCode.OK, spaced.StatusCode);
        using var objects = await PostAsync("t", "k", "{\"value\":{\"a\":1},\"timestamp\":5}\n{\"value\":2}", Records);
        Assert.Equal(HttpStatusCode.OK, objects.StatusCode);
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write("{\"a\":1}\n2\n"u8);
        using var unpacked = await _server.PostAsync(
            "/topics/t",
            Lines,
            packed.ToArray(),
            ("Content-Encoding", "gzip"),
            ("Idempotency-Key", "k")
        );
        Assert.Equal(HttpStatusCode.OK, unpacked.StatusCode);
        Assert.Equal(2, (await _server.ReadAllAsync("t")).Count);
    }

    [Theory]
    [InlineData("1\n2\n", "1\n")]
    [InlineData("1\n2\n", "1\n2\n3\n")]
    [InlineData("1\n2\n", "2\n1\n")]
    [InlineData("{\"a\":1}", "{\"a\": 1}")]
    public async Task Key_OtherPayload_Is422(string first, string second)
    {
        (await PostAsync("t", "k", first)).EnsureSuccessStatusCode();
        for (var time = 0; time < 2; time++)
        {
            await TestServer.ProblemAsync(
                await PostAsync("t", "k", second),
                HttpStatusCode.UnprocessableEntity,
                "idempotency_key_reused",
                "\"k\""
            );
            _server.Restart();
        }
        Assert.Equal(
            first.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length,
            (await _server.ReadAllAsync("t")).Count
        );
    }

    [Fact]
    public async Task OtherPayload_ForOtherPartition_AppendsNothing()
    {
        await CreateAsync("t", 3);
        (await PostAsync("t?partition=2", "k", "1")).EnsureSuccessStatusCode();
        // Partition 2 alone knows the key, and this request does not go there, or not only.
        foreach (
            var body in (string[])
                ["{\"partition\":0,\"value\":1}", "{\"partition\":0,\"value\":1}\n{\"partition\":2,\"value\":1}"]
        )
            await TestServer.ProblemAsync(
                await PostAsync("t", "k", body, Records),
                HttpStatusCode.UnprocessableEntity,
                "idempotency_key_reused"
            );
        Assert.Equal("0 0 1", string.Join(' ', await CountsAsync("t", 3)));
    }

    [Fact]
    public async Task Repeat_OfManyPartitions_Returns200WithAllResults()
    {
        await CreateAsync("t", 3);
        var body = string.Concat(
            Enumerable.Range(0, 9).Select(static number => $$"""{"key":"k{{number}}","value":{{number}}}""" + "\n")
        );
        using var first = await PostAsync("t", "k", body, Records);
        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        Assert.Equal(["0:201", "1:201", "2:201"], await ResultsAsync(first));
        _server.Restart();
        using var repeat = await PostAsync("t", "k", body, Records);
        Assert.Equal(HttpStatusCode.OK, repeat.StatusCode);
        Assert.Equal(["0:200 True", "1:200 True", "2:200 True"], await ResultsAsync(repeat));
        Assert.Equal(9, (await TestServer.JsonAsync(repeat)).GetProperty("count").GetInt32());
        Assert.Equal(9, (await CountsAsync("t", 3)).Sum());
        var offsets = (JsonElement answer) =>
            answer.GetProperty("results").EnumerateArray().Select(static part => part.GetProperty("offset").GetInt64());
        Assert.Equal(offsets(await TestServer.JsonAsync(first)), offsets(await TestServer.JsonAsync(repeat)));
    }

    [Fact]
    public async Task Partial207_Repeated_IsCompleted()
    {
        await _server.SendAsync(HttpMethod.Put, "/topics/t", """{"flush":"os","partitions":3}""");
        (await _server.PostAsync("/topics/t?partition=1", "text/plain", "whole")).EnsureSuccessStatusCode();
        var path = Path.Combine(_server.DataDirectory, "topics", "t", "1", "00000000000000000000.ndjson");
        var sound = Array.Empty<byte>();
        // A broken line with a record behind it: the partition can be read and not written.
        _server.Restart(() =>
        {
            sound = File.ReadAllBytes(path);
            var text = Encoding.UTF8.GetString(sound);
            File.AppendAllText(
                path,
                "broken\n" + text.Replace("\"offset\":0", "\"offset\":1", StringComparison.Ordinal)
            );
        });
        const string Body =
            "{\"partition\":0,\"value\":1}\n{\"partition\":1,\"value\":2}\n{\"partition\":2,\"value\":3}";
        using var partial = await PostAsync("t", "k", Body, Records);
        Assert.Equal(HttpStatusCode.MultiStatus, partial.StatusCode);
        Assert.Equal(["0:201", "1:503", "2:201"], await ResultsAsync(partial));
        using var still = await PostAsync("t", "k", Body, Records);
        Assert.Equal(HttpStatusCode.MultiStatus, still.StatusCode);
        Assert.Equal(["0:200 True", "1:503", "2:200 True"], await ResultsAsync(still));
        _server.Restart(() => File.WriteAllBytes(path, sound));
        using var completed = await PostAsync("t", "k", Body, Records);
        Assert.Equal(HttpStatusCode.Created, completed.StatusCode);
        Assert.Equal(["0:200 True", "1:201", "2:200 True"], await ResultsAsync(completed));
        Assert.Equal("1 2 1", string.Join(' ', await CountsAsync("t", 3)));
    }

    [Fact]
    public async Task Repeats_AtOnce_AppendOnce()
    {
        await CreateAsync("t", 3);
        var body = string.Concat(
            Enumerable.Range(0, 9).Select(static number => $$"""{"key":"{{number}}","value":1}""" + "\n")
        );
        for (var round = 0; round < 10; round++)
        {
            var answers = await Task.WhenAll(
                Enumerable.Range(0, 8).Select(_ => PostAsync("t", $"k{round}", body, Records))
            );
            Assert.Single(answers, static answer => answer.StatusCode == HttpStatusCode.Created);
            Assert.Equal(7, answers.Count(static answer => answer.StatusCode == HttpStatusCode.OK));
        }
        Assert.Equal(90, (await CountsAsync("t", 3)).Sum());
    }

    [Fact]
    public async Task OtherPayloads_AtOnce_AppendOne()
    {
        await CreateAsync("t", 3);
        for (var round = 0; round < 10; round++)
        {
            var before = await CountsAsync("t", 3);
            var answers = await Task.WhenAll(
                Enumerable
                    .Range(0, 6)
                    .Select(number => PostAsync($"t?partition={number % 3}", $"k{round}", $"{number}"))
            );
            Assert.Single(answers, static answer => answer.StatusCode == HttpStatusCode.Created);
            Assert.Equal(5, answers.Count(static answer => answer.StatusCode == HttpStatusCode.UnprocessableEntity));
            Assert.Equal(before.Sum() + 1, (await CountsAsync("t", 3)).Sum());
        }
    }

    [Fact]
    public async Task KeylessRecords_OfRepeats_GoToOnePartition()
    {
        await CreateAsync("t", 3);
        var used = new HashSet<int>();
        for (var number = 0; number < 20; number++)
        {
            using var first = await PostAsync("t", $"k{number}", "1\n2");
            using var repeat = await PostAsync("t", $"k{number}", "1\n2");
            Assert.Equal(await first.Content.ReadAsStringAsync(), await repeat.Content.ReadAsStringAsync());
            used.Add((await TestServer.JsonAsync(first)).GetProperty("partition").GetInt32());
        }
        Assert.Equal(3, used.Count);
    }

    [Fact]
    public async Task Repeat_AfterGrowth_IsRoutedAsBefore()
    {
        await CreateAsync("t", 3);
        // As of a topic that had one partition.
        var topic = _server.Service<TopicCatalog>().Find("t")!;
        var batch = new RecordBatch(new RecordLimits(), idempotencyKey: "k");
        for (var number = 0; number < 9; number++)
            Assert.Null(batch.AddJson("1"u8, new RecordMetadata { Key = $"{number}" }));
        batch.Stamp(IdempotencyStamp.Of("k", partitions: 1, [new(0, batch)]));
        await topic.Partitions[0].AppendAsync(batch);
        var body = string.Concat(
            Enumerable.Range(0, 9).Select(static number => $$"""{"key":"{{number}}","value":1}""" + "\n")
        );
        using var repeat = await PostAsync("t", "k", body, Records);
        Assert.Equal(HttpStatusCode.OK, repeat.StatusCode);
        Assert.Equal("9 0 0", string.Join(' ', await CountsAsync("t", 3)));
        await TestServer.ProblemAsync(
            await PostAsync("t", "k", body + """{"key":"9","value":1}""", Records),
            HttpStatusCode.UnprocessableEntity,
            "idempotency_key_reused"
        );
    }

    [Fact]
    public async Task Repeat_WithIfMatch_IsRepeat()
    {
        using var first = await PostAsync("t", "k", "1", Lines, ("If-Match", "\"0\""));
        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        using var repeat = await PostAsync("t", "k", "1", Lines, ("If-Match", "\"0\""));
        Assert.Equal(HttpStatusCode.OK, repeat.StatusCode);
        await TestServer.ProblemAsync(
            await PostAsync("t", "l", "1", Lines, ("If-Match", "\"0\"")),
            HttpStatusCode.PreconditionFailed,
            "offset_not_next"
        );
    }

    [Fact]
    public async Task Key_Expired_IsAppendedAgain()
    {
        var time = new ShiftedTime();
        using var server = new TestServer(services => TestServer.SetTime(services, time), ("IdempotencyExpiry", "10m"));
        using var first = await PostAsync(server, "t", "k", "1");
        time.Shift = TimeSpan.FromMinutes(9);
        using var repeat = await PostAsync(server, "t", "k", "1");
        Assert.Equal(HttpStatusCode.OK, repeat.StatusCode);
        time.Shift = TimeSpan.FromMinutes(10);
        using var later = await PostAsync(server, "t", "k", "2");
        Assert.Equal(HttpStatusCode.Created, later.StatusCode);
    }

    [Fact]
    public async Task FullTable_OfYoungKeys_Is503()
    {
        var time = new ShiftedTime();
        using var server = new TestServer(
            services => TestServer.SetTime(services, time),
            ("MaxIdempotencyKeys", "2"),
            ("IdempotencyExpiry", "10m")
        );
        (await PostAsync(server, "t", "a", "1")).EnsureSuccessStatusCode();
        (await PostAsync(server, "t", "b", "2")).EnsureSuccessStatusCode();
        foreach (
            var (shift, least, most) in ((TimeSpan, int, int)[])
                [(TimeSpan.Zero, 60, 60), (TimeSpan.FromSeconds(570), 1, 30)]
        )
        {
            time.Shift = shift;
            using var full = await PostAsync(server, "t", "c", "3");
            Assert.InRange(
                int.Parse(TestServer.Header(full, "Retry-After")!, CultureInfo.InvariantCulture),
                least,
                most
            );
            await TestServer.ProblemAsync(
                full,
                HttpStatusCode.ServiceUnavailable,
                "idempotency_table_full",
                "MaxIdempotencyKeys"
            );
        }
        using var repeat = await PostAsync(server, "t", "a", "1");
        Assert.Equal(HttpStatusCode.OK, repeat.StatusCode);
        using var keyless = await server.PostAsync("/topics/t", Lines, "4");
        Assert.Equal(HttpStatusCode.Created, keyless.StatusCode);
        time.Shift = TimeSpan.FromMinutes(11);
        using var taken = await PostAsync(server, "t", "c", "3");
        Assert.Equal(HttpStatusCode.Created, taken.StatusCode);
    }

    [Fact]
    public async Task FullTable_OfOnePartition_AppendsNothing()
    {
        using var server = new TestServer(("MaxIdempotencyKeys", "1"));
        (await server.SendAsync(HttpMethod.Put, "/topics/t", """{"partitions":2}""")).Dispose();
        (await PostAsync(server, "t?partition=1", "a", "1")).EnsureSuccessStatusCode();
        await TestServer.ProblemAsync(
            await PostAsync(server, "t", "b", "{\"partition\":0,\"value\":1}\n{\"partition\":1,\"value\":2}", Records),
            HttpStatusCode.ServiceUnavailable,
            "idempotency_table_full"
        );
        Assert.Empty(await server.ReadAllAsync("t", "?partition=0"));
        using var other = await PostAsync(server, "t?partition=0", "b", "1");
        Assert.Equal(HttpStatusCode.Created, other.StatusCode);
    }

    [Fact]
    public async Task ConfluentBody_Repeated_ReturnsSameOffsets()
    {
        await CreateAsync("t", 2);
        const string Body =
            """{"records":[{"value":1,"partition":0},{"value":2,"partition":1},{"value":3,"partition":0}]}""";
        string[] answers =
        [
            await (await PostAsync("t", "k", Body, Confluent)).EnsureSuccessStatusCode().Content.ReadAsStringAsync(),
            await (await PostAsync("t", "k", Body, Confluent)).EnsureSuccessStatusCode().Content.ReadAsStringAsync(),
        ];
        Assert.Equal(answers[0], answers[1]);
        Assert.Equal("2 1", string.Join(' ', await CountsAsync("t", 2)));
        using var other = await PostAsync("t", "k", """{"records":[{"value":1}]}""", Confluent);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, other.StatusCode);
        // A record with a fault would make the rest another request.
        using var fault = await PostAsync(
            "t",
            "l",
            """{"records":[{"value":1},{"value":2,"partition":7}]}""",
            Confluent
        );
        Assert.Equal(HttpStatusCode.NotFound, fault.StatusCode);
        Assert.Equal("2 1", string.Join(' ', await CountsAsync("t", 2)));
    }

    /// <summary>The machine's clock, set ahead.</summary>
    sealed class ShiftedTime : TimeProvider
    {
        public TimeSpan Shift { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Shift;
    }
}
