using System.Text;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Producers;

/// <summary>Requests with an idempotency key: each is appended once, as long as the key is remembered.</summary>
public class IdempotencyTests
{
    static readonly TopicConfiguration SmallSegments = new() { SegmentBytes = 64 << 10 };

    static RecordBatch Batch(string key, params string[] values) => Batch(key, 1, default, values);

    static RecordBatch Batch(string key, int partitions, RecordMetadata first, params string[] values)
    {
        var batch = new RecordBatch(new RecordLimits(), idempotencyKey: key);
        foreach (var value in values)
            Assert.Null(batch.AddText(Encoding.UTF8.GetBytes(value), batch.Count == 0 ? first : default));
        batch.Stamp(IdempotencyStamp.Of(key, partitions, [new(0, batch)]));
        return batch;
    }

    static ModelLog SmallTable(int maxKeys = 2) =>
        new(adjust: options => options with { MaxIdempotencyKeys = maxKeys });

    [Fact]
    public void Append_Repeat_ReturnsOriginalResult()
    {
        var log = new ModelLog();
        log.Append("before");
        var first = log.Append(Batch("k", "a", "b"));
        for (var time = 0; time < 3; time++)
        {
            log.Time.Advance(TimeSpan.FromMinutes(1));
            Assert.Equal(first with { Status = AppendStatus.Repeated }, log.Append(Batch("k", "a", "b")));
            log.Die(cutsPower: time == 0);
        }
        log.Restart();
        Assert.Equal(first with { Status = AppendStatus.Repeated }, log.Append(Batch("k", "a", "b")));
        Assert.Equal((AppendStatus.Appended, 3), (first.Status, log.Partition.EndOffset));
    }

    [Fact]
    public void Append_Batch_WritesKeyOnFirstLine()
    {
        var log = new ModelLog();
        log.Append(Batch("a \"\\", 7, default, "x", "y"));
        var lines = Encoding.UTF8.GetString(log.ReadAll()).Split('\n');
        // Partition 0, the length of the content, and the content.
        Assert.Contains(
            ""","batch":2,"idempotency":["a \"\\","7:HASH"],"value":"x"}""".Replace(
                "HASH",
                Convert.ToHexStringLower(
                    System.Security.Cryptography.SHA256.HashData([
                        .. new byte[4],
                        28,
                        .. new byte[7],
                        .. ",\"value\":\"x\"}\n,\"value\":\"y\"}\n"u8,
                    ])
                )[..32],
                StringComparison.Ordinal
            ),
            lines[0],
            StringComparison.Ordinal
        );
        Assert.DoesNotContain("idempotency", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Append_OwnTimestamp_KeepsServersOneInKey()
    {
        var log = new ModelLog();
        var first = log.Append(Batch("k", 1, new RecordMetadata { TimestampMs = 5 }, "a"));
        Assert.Equal(ModelLog.Now.ToUnixTimeMilliseconds(), first.TimestampMs);
        log.Time.Advance(TimeSpan.FromMinutes(59));
        log.CutPower();
        // Times are no part of the payload.
        Assert.Equal(first with { Status = AppendStatus.Repeated }, log.Append(Batch("k", "a")));
        log.Time.Advance(TimeSpan.FromMinutes(1));
        log.CutPower();
        Assert.Equal(AppendStatus.Appended, log.Append(Batch("k", "a")).Status);
    }

    [Fact]
    public void Append_OtherPayload_IsRejected()
    {
        var log = new ModelLog();
        log.Append(Batch("k", "a", "b"));
        for (var time = 0; time < 2; time++)
        {
            Assert.Equal(AppendStatus.KeyReused, log.Append(Batch("k", "ab")).Status);
            Assert.Equal(AppendStatus.KeyReused, log.Append(Batch("k", "a")).Status);
            Assert.Equal(AppendStatus.KeyReused, log.Append(Batch("k", 1, new() { Key = "a" }, "a", "b")).Status);
            Assert.Equal(AppendStatus.RoutedOtherwise, log.Append(Batch("k", 2, default, "a", "b")).Status);
            Assert.Equal(2, log.Partition.EndOffset);
            log.CutPower();
        }
    }

    [Fact]
    public void Append_RepeatAtTakenOffset_IsRepeat()
    {
        var log = new ModelLog();
        Assert.Equal(AppendStatus.Appended, log.Append(Batch("k", "a"), expectedNextOffset: 0).Status);
        Assert.Equal(AppendStatus.Repeated, log.Append(Batch("k", "a"), expectedNextOffset: 0).Status);
        Assert.Equal(AppendStatus.NotNext, log.Append(Batch("l", "b"), expectedNextOffset: 0).Status);
        Assert.Equal(AppendStatus.Appended, log.Append(Batch("l", "b"), expectedNextOffset: 1).Status);
    }

    [Fact]
    public async Task Append_ConcurrentRepeats_AppendOnce()
    {
        await using var log = await TestLog.OpenAsync();
        for (var number = 0; number < 50; number++)
        {
            var results = await Task.WhenAll(
                Enumerable.Range(0, 8).Select(_ => Task.Run(() => log.Partition.AppendAsync(Batch($"k{number}", "x"))))
            );
            Assert.Single(results, result => result.Status == AppendStatus.Appended);
            Assert.Single(results.Select(result => (result.FirstOffset, result.TimestampMs)).Distinct());
        }
        Assert.Equal(50, log.Partition.EndOffset);
    }

    [Fact]
    public void Append_ExpiredKey_IsAppendedAgain()
    {
        var log = new ModelLog();
        log.Append(Batch("k", "a"));
        log.Time.Advance(TimeSpan.FromHours(1) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(AppendStatus.Repeated, log.Append(Batch("k", "a")).Status);
        log.Time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Null(log.Partition.FindKeyPartitions("k"));
        Assert.Equal(AppendStatus.Appended, log.Append(Batch("k", "b")).Status);
        log.CutPower();
        Assert.Equal((AppendStatus.Repeated, 1), (log.Append(Batch("k", "b")).Status, log.Partition.EndOffset - 1));
    }

    [Fact]
    public void Append_FullTable_IsRejectedUntilOldestExpires()
    {
        var log = SmallTable();
        log.Append(Batch("a", "1"));
        log.Time.Advance(TimeSpan.FromMinutes(30));
        log.Append(Batch("b", "2"));
        for (var time = 0; time < 2; time++)
        {
            var full = log.Append(Batch("c", "3"));
            Assert.Equal((AppendStatus.KeysFull, 30 * 60_000), (full.Status, full.RetryAfterMs));
            Assert.Equal(AppendStatus.Repeated, log.Append(Batch("a", "1")).Status);
            Assert.Equal(AppendStatus.Repeated, log.Append(Batch("b", "2")).Status);
            // Others are not affected.
            Assert.Equal(AppendStatus.Appended, log.Append("x").Status);
            log.CutPower();
        }
        log.Time.Advance(TimeSpan.FromMinutes(30));
        Assert.Equal(AppendStatus.Appended, log.Append(Batch("c", "3")).Status);
        Assert.Equal(AppendStatus.Repeated, log.Append(Batch("b", "2")).Status);
        Assert.Equal(AppendStatus.KeysFull, log.Append(Batch("d", "4")).Status);
    }

    [Fact]
    public void Keys_AfterTrimAndPowerCut_AreKnown()
    {
        var log = new ModelLog(SmallSegments);
        var first = log.Append(Batch("k", new string('x', 50_000)));
        log.Append(ModelLog.Batch(new string('y', 50_000)));
        log.Trim(2);
        Assert.Equal(2, log.Partition.EarliestOffset);
        for (var time = 0; time < 2; time++)
        {
            log.CutPower();
            Assert.Equal(
                first with
                {
                    Status = AppendStatus.Repeated,
                },
                log.Append(Batch("k", new string('x', 50_000)))
            );
        }
    }

    [Fact]
    public void Checkpoint_Keys_AreInLogOrder()
    {
        var log = SmallTable(maxKeys: 100);
        for (var number = 0; number < 50; number++)
            log.Append(Batch($"{number * 7 % 50}", "x"));
        log.Restart();
        var limits = ProducerLimits.None;
        var checkpoint = Checkpoint.Decode(log.ReadFile($"{ModelLog.PartitionDirectory}/checkpoint"), limits, out _)!;
        Assert.Equal(
            Enumerable.Range(0, 50).Select(static number => $"{number * 7 % 50}"),
            checkpoint.Producers.Keys!.Alive().Select(static key => key.Stamp.Key)
        );
    }

    [Fact]
    public void Append_AfterDiskError_IsAppendedOnce()
    {
        var log = new ModelLog(SmallSegments);
        log.Append(Batch("a", "1"));
        log.FileSystem.CapacityBytes = log.FileSystem.UsedBytes;
        Assert.Equal(AppendStatus.DiskFull, log.Append(Batch("b", new string('x', 10_000))).Status);
        Assert.Null(log.Partition.FindKeyPartitions("b"));
        Assert.Equal(AppendStatus.Repeated, log.Append(Batch("a", "1")).Status);
        log.FileSystem.CapacityBytes = long.MaxValue;
        Assert.Equal(AppendStatus.Appended, log.Append(Batch("b", new string('x', 10_000))).Status);
        Assert.Equal(AppendStatus.Repeated, log.Append(Batch("b", new string('x', 10_000))).Status);
    }

    [Fact]
    public void Append_KeyWithoutStamp_Throws()
    {
        var batch = new RecordBatch(new RecordLimits(), idempotencyKey: "k");
        Assert.Null(batch.AddText("x"u8));
        Assert.Throws<ArgumentException>(() => new ModelLog().Append(batch));
        Assert.Throws<ArgumentException>(() => batch.Stamp(new("l", 1, 0)));
        Assert.Throws<ArgumentException>(() =>
            new RecordBatch(new RecordLimits(), new ProducerStamp("p", 0, 0), idempotencyKey: "k")
        );
        Assert.Throws<ArgumentException>(() => new RecordBatch(new RecordLimits(), idempotencyKey: "\n"));
    }

    [Fact]
    public async Task EnterAsync_KeyUnderWay_WaitsForIt()
    {
        await using var log = await TestLog.OpenAsync();
        var keyed = log.Topic.KeyedAppends;
        var first = await keyed.EnterAsync("k", CancellationToken.None);
        using (await keyed.EnterAsync("other", CancellationToken.None))
        {
            var second = keyed.EnterAsync("k", CancellationToken.None).AsTask();
            using var gone = new CancellationTokenSource();
            var third = keyed.EnterAsync("k", gone.Token).AsTask();
            await gone.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => third);
            Assert.False(second.IsCompleted);
            first.Dispose();
            (await second).Dispose();
        }
        (await keyed.EnterAsync("k", CancellationToken.None)).Dispose();
    }
}
