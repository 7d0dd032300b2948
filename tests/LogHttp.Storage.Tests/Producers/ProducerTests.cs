using System.Globalization;
using System.Text;
using CsCheck;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Producers;

/// <summary>Producers that number their records: each is appended once, however often it is sent.</summary>
public class ProducerTests
{
    static readonly TopicConfiguration SmallSegments = new() { SegmentBytes = 64 << 10 };

    static RecordBatch Batch(ProducerStamp producer, params string[] values)
    {
        var batch = new RecordBatch(new RecordLimits(), producer);
        foreach (var value in values)
            Assert.Null(batch.AddText(Encoding.UTF8.GetBytes(value)));
        return batch;
    }

    static AppendResult Append(ModelLog log, long epoch, long sequence, params string[] values) =>
        log.Append(Batch(new("p", epoch, sequence), values.Length == 0 ? ["x"] : values));

    [Fact]
    public void Append_Repeat_ReturnsOriginalResult()
    {
        var log = new ModelLog();
        log.Append("before");
        var first = Append(log, 0, 0, "a", "b");
        log.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(first with { Status = AppendStatus.Repeated }, Append(log, 0, 0, "a", "b"));
        Assert.Equal((1, 3, 3), (first.FirstOffset, first.NextOffset, log.Partition.EndOffset));
    }

    [Fact]
    public void Append_Batch_WritesProducerOnFirstLine()
    {
        var log = new ModelLog();
        log.Append(Batch(new("a\"\\b", 3, 0), "x", "y"));
        var lines = Encoding.UTF8.GetString(log.ReadAll()).Split('\n');
        Assert.Contains(
            ""","batch":2,"producer":["a\"\\b",3,0,"8827b953"],"value":"x"}""",
            lines[0],
            StringComparison.Ordinal
        );
        Assert.DoesNotContain("producer", lines[1], StringComparison.Ordinal);
        Assert.True(RecordView.TryParse(Encoding.UTF8.GetBytes(lines[0] + "\n"), out var view));
        Assert.Equal("\"x\""u8, view.Value);
    }

    [Fact]
    public void Append_SequenceGap_IsRejectedNamingMissing()
    {
        var log = new ModelLog();
        Append(log, 0, 0, "a", "b", "c");
        var gap = Append(log, 0, 4);
        Assert.Equal((AppendStatus.SequenceGap, 3), (gap.Status, gap.ExpectedSequence));
        Assert.Contains("sequence 4; the next one is 3", gap.Reason, StringComparison.Ordinal);
        Assert.Equal(3, log.Partition.EndOffset);
        Assert.Equal(AppendStatus.SequenceGap, log.Append(Batch(new("unknown", 0, 1), "x")).Status);
    }

    [Fact]
    public void Append_NewEpoch_StartsAtZeroAndEndsOlder()
    {
        var log = new ModelLog();
        Append(log, 0, 0);
        Assert.Equal((AppendStatus.SequenceGap, 0), (Append(log, 5, 1).Status, Append(log, 5, 1).ExpectedSequence));
        Assert.Equal(AppendStatus.Appended, Append(log, 5, 0).Status);
        var ended = Append(log, 0, 1);
        Assert.Equal((AppendStatus.EpochEnded, 5), (ended.Status, ended.Epoch));
        Assert.Equal(AppendStatus.EpochEnded, Append(log, 0, 0).Status);
        Assert.Equal(2, log.Partition.EndOffset);
    }

    [Fact]
    public void Append_ForgottenRepeat_IsRejected()
    {
        var log = new ModelLog();
        for (var sequence = 0; sequence < 6; sequence++)
            Append(log, 0, sequence);
        Assert.Equal(
            (AppendStatus.SequenceForgotten, 6),
            (Append(log, 0, 0).Status, Append(log, 0, 0).ExpectedSequence)
        );
        for (var sequence = 1; sequence < 6; sequence++)
            Assert.Equal(
                (AppendStatus.Repeated, sequence),
                (Append(log, 0, sequence).Status, Append(log, 0, sequence).FirstOffset)
            );
    }

    [Fact]
    public void Sequence_AfterBatch_CountsRecords()
    {
        var log = new ModelLog();
        Assert.Equal(AppendStatus.Appended, Append(log, 0, 0, "a", "b").Status);
        Assert.Equal(AppendStatus.Appended, Append(log, 0, 2, "c", "d", "e").Status);
        Assert.Equal((0, 5), log.Partition.FindProducer("p"));
        Assert.Null(log.Partition.FindProducer("q"));
        log.CutPower();
        Assert.Equal((0, 5), log.Partition.FindProducer("p"));
        Assert.Equal(
            (AppendStatus.Repeated, 2, 5),
            (
                Append(log, 0, 2, "c", "d", "e").Status,
                Append(log, 0, 2, "c", "d", "e").FirstOffset,
                log.Partition.EndOffset
            )
        );
    }

    [Theory]
    [InlineData(0, "a b c", "has 2 records from sequence 0, in a batch that overlaps")]
    [InlineData(0, "a", "has 2 records from sequence 0, in a batch that overlaps")]
    [InlineData(0, "a x", "has 2 records from sequence 0, with other content")]
    [InlineData(1, "b", "has 2 records from sequence 0, in a batch that overlaps")]
    [InlineData(1, "b c d", "has 2 records from sequence 0, in a batch that overlaps")]
    [InlineData(2, "c d", "has 1 records from sequence 2, in a batch that overlaps")]
    public void Append_ChangedRepeatAfterPowerCut_IsRejected(long sequence, string values, string reason)
    {
        var log = new ModelLog();
        Append(log, 0, 0, "a", "b");
        Append(log, 0, 2, "c");
        for (var time = 0; time < 2; time++)
        {
            var differs = Append(log, 0, sequence, values.Split(' '));
            Assert.Equal(
                (AppendStatus.BatchDiffers, 3, 3),
                (differs.Status, differs.ExpectedSequence, log.Partition.EndOffset)
            );
            Assert.Contains(reason, differs.Reason, StringComparison.Ordinal);
            log.CutPower();
        }
    }

    [Fact]
    public void Append_RepeatWithOtherKeyOrHeader_IsRejected()
    {
        var log = new ModelLog();
        AppendResult Send(RecordMetadata metadata)
        {
            var batch = new RecordBatch(new RecordLimits(), new("p", 0, 0));
            Assert.Null(batch.AddText("x"u8, metadata));
            return log.Append(batch);
        }

        Assert.Equal(AppendStatus.Appended, Send(new() { Key = "k", TimestampMs = 1 }).Status);
        // The record has a time of its own, which is not content: a client may stamp a record again when it retries.
        Assert.Equal(AppendStatus.Repeated, Send(new() { Key = "k", TimestampMs = 2 }).Status);
        Assert.Equal(AppendStatus.BatchDiffers, Send(new() { Key = "other", TimestampMs = 1 }).Status);
        Assert.Equal(AppendStatus.BatchDiffers, Send(new() { Key = "k", Headers = [new("a", "1")] }).Status);
    }

    [Theory]
    [InlineData(0, "a b c d", AppendStatus.Appended, 2, 3, 4)]
    [InlineData(0, "a b c d e f", AppendStatus.Appended, 3, 3, 6)]
    [InlineData(1, "b c d", AppendStatus.Appended, 2, 3, 4)]
    [InlineData(3, "d", AppendStatus.Appended, 0, 3, 4)]
    [InlineData(0, "a b c", AppendStatus.Repeated, 0, 0, 3)]
    [InlineData(1, "b c", AppendStatus.Repeated, 0, 1, 3)]
    [InlineData(1, "b", AppendStatus.Repeated, 0, 1, 3)]
    [InlineData(0, "a x c d", AppendStatus.BatchDiffers, 0, 0, 3)]
    [InlineData(5, "f", AppendStatus.SequenceGap, 0, 0, 3)]
    public void Append_StreamOverlap_AppendsRest(
        long sequence,
        string values,
        AppendStatus status,
        int repeatedCount,
        long firstOffset,
        long endOffset
    )
    {
        var log = new ModelLog();
        Append(log, 0, 0, "a", "b");
        Append(log, 0, 2, "c");
        var result = log.Append(Batch(new("p", 0, sequence), values.Split(' ')), mayOverlap: true);
        if (status == AppendStatus.Appended)
            repeatedCount = (int)(3 - sequence);
        Assert.Equal(
            (status, repeatedCount, endOffset),
            (result.Status, result.RepeatedCount, log.Partition.EndOffset)
        );
        if (status is AppendStatus.Appended or AppendStatus.Repeated)
            Assert.Equal(firstOffset, result.FirstOffset);
        // The appended rest is a batch of its own, with its own stamp.
        log.CutPower();
        Assert.Equal((0, endOffset), log.Partition.FindProducer("p"));
        Assert.Equal(
            string.Concat("abcdef".Take((int)endOffset)),
            string.Concat(
                Encoding
                    .UTF8.GetString(log.ReadAll())
                    .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                    .Select(static line => line[^3])
            )
        );
    }

    [Fact]
    public void Append_OverlapLargerThanSlice_AppendsRest()
    {
        var log = new ModelLog();
        string[] values = [.. Enumerable.Range(0, 30).Select(static number => $"{number}".PadRight(10_000, 'x'))];
        Append(log, 0, 0, values[..7]);
        var result = log.Append(Batch(new("p", 0, 0), values), mayOverlap: true);
        Assert.Equal(
            (AppendStatus.Appended, 7, 7, 30),
            (result.Status, result.RepeatedCount, result.FirstOffset, result.NextOffset)
        );
        log.CutPower();
        Assert.Equal((0, 30), log.Partition.FindProducer("p"));
        Assert.Equal(AppendStatus.Repeated, log.Append(Batch(new("p", 0, 7), values[7..])).Status);
    }

    [Fact]
    public void Append_OverlapWithOwnOffsets_Throws()
    {
        var log = new ModelLog();
        var batch = new RecordBatch(new RecordLimits(), new("p", 0, 0));
        Assert.Null(batch.AddText("x"u8, new RecordMetadata { Offset = 7 }));
        Assert.Throws<ArgumentException>(() => log.Append(batch, mayOverlap: true));
    }

    [Fact]
    public void Append_SequenceBeyondMaximum_IsRejected()
    {
        using var batch = new RecordBatch(new RecordLimits(), new("p", 0, ProducerStamp.MaxNumber));
        Assert.Null(batch.AddText("x"u8));
        Assert.Equal(RecordFaultCode.InvalidProducer, batch.AddText("y"u8)!.Code);
    }

    [Fact]
    public void KafkaProducers_OwnLimits_ExpireSeparately()
    {
        var log = new ModelLog(adjust: options =>
            options with
            {
                MaxProducers = 8,
                MaxKafkaProducers = 2,
                KafkaProducerExpiry = TimeSpan.FromMinutes(1),
            }
        );
        Append(log, 0, 0);
        foreach (var id in (string[])["kafka:1", "kafka:2", "kafka:3"])
            Assert.Equal(AppendStatus.Appended, log.Append(Batch(new(id, 0, 0), "x")).Status);
        log.Restart();
        Assert.Null(log.Partition.FindProducer("kafka:1"));
        Assert.Equal((0, 1), log.Partition.FindProducer("kafka:3"));
        log.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(log.Partition.FindProducer("kafka:3"));
        Assert.Equal(AppendStatus.Repeated, Append(log, 0, 0).Status);
    }

    [Fact]
    public async Task Append_ConcurrentRetries_AppendOnce()
    {
        await using var log = await TestLog.OpenAsync();
        for (var sequence = 0; sequence < 50; sequence++)
        {
            var racing = Enumerable
                .Range(0, 8)
                .Select(_ => Task.Run(() => log.Partition.AppendAsync(Batch(new("p", 0, sequence), "x"))))
                .ToArray();
            var results = await Task.WhenAll(racing);
            Assert.Single(results, result => result.Status == AppendStatus.Appended);
            Assert.Equal(7, results.Count(result => result.Status == AppendStatus.Repeated));
            Assert.Single(
                results.Select(result => (result.FirstOffset, result.NextOffset, result.TimestampMs)).Distinct()
            );
        }
        Assert.Equal(50, log.Partition.EndOffset);
    }

    [Fact]
    public void Append_RetryAfterDiskError_IsAppended()
    {
        var log = new ModelLog(SmallSegments);
        Append(log, 0, 0);
        log.FileSystem.CapacityBytes = log.FileSystem.UsedBytes;
        Assert.Equal(AppendStatus.DiskFull, Append(log, 0, 1, new string('x', 10_000)).Status);
        log.FileSystem.CapacityBytes = long.MaxValue;
        Assert.Equal(AppendStatus.Appended, Append(log, 0, 1, new string('x', 10_000)).Status);
    }

    [Fact]
    public void Append_RepeatOfBatchLostInPowerCut_IsAppended()
    {
        var log = new ModelLog(new TopicConfiguration { Flush = FlushPolicy.Os, SegmentBytes = 64 << 10 });
        // Enough records for checkpoints at intervals. The last batches come after them.
        var sequence = 0;
        for (; sequence < 10; sequence++)
            Append(log, 0, sequence, new string('x', 20_000));
        log.CutPower();
        var next = log.Partition.EndOffset;
        for (var repeated = next; repeated < sequence; repeated++)
            Assert.Equal(
                (AppendStatus.Appended, repeated),
                (Append(log, 0, repeated).Status, log.Partition.EndOffset - 1)
            );
        Assert.Equal(AppendStatus.Repeated, Append(log, 0, sequence - 1).Status);
    }

    [Fact]
    public void Append_ExpiredProducer_IsRejectedAsForgotten()
    {
        var log = new ModelLog(adjust: options => options with { ProducerExpiry = TimeSpan.FromHours(1) });
        Append(log, 0, 0);
        log.Time.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(AppendStatus.Repeated, Append(log, 0, 0).Status);
        log.Time.Advance(TimeSpan.FromMinutes(1));
        var refused = Append(log, 0, 1);
        Assert.Equal((AppendStatus.SequenceGap, 0), (refused.Status, refused.ExpectedSequence));
        Assert.Contains("not known here, or no more", refused.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void Append_ForgottenProducerRestarts_IsKnownAgain(long epoch)
    {
        var log = new ModelLog(adjust: options => options with { ProducerExpiry = TimeSpan.FromHours(1) });
        Append(log, 3, 0);
        Append(log, 3, 1);
        log.Time.Advance(TimeSpan.FromHours(1));
        // Seed 43: this was appended again and again.
        Assert.Equal((AppendStatus.Appended, 2), (Append(log, epoch, 0).Status, log.Partition.EndOffset - 1));
        Assert.Equal((AppendStatus.Repeated, 2), (Append(log, epoch, 0).Status, Append(log, epoch, 0).FirstOffset));
        log.CutPower();
        Assert.Equal((AppendStatus.Repeated, 2), (Append(log, epoch, 0).Status, Append(log, epoch, 0).FirstOffset));
        Assert.Equal((AppendStatus.Appended, 3), (Append(log, epoch, 1).Status, log.Partition.EndOffset - 1));
    }

    [Fact]
    public void Producers_AboveMaximum_DropLongestSilent()
    {
        var log = new ModelLog(adjust: options => options with { MaxProducers = 8 });
        for (var producer = 0; producer < 9; producer++)
        {
            Assert.Equal(AppendStatus.Appended, log.Append(Batch(new($"p{producer}", 0, 0), "x")).Status);
            log.Time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.Equal(AppendStatus.Repeated, log.Append(Batch(new("p8", 0, 0), "x")).Status);
        Assert.Equal(AppendStatus.Appended, log.Append(Batch(new("p7", 0, 1), "x")).Status);
        Assert.Equal(AppendStatus.SequenceGap, log.Append(Batch(new("p0", 0, 1), "x")).Status);
    }

    [Fact]
    public void Producers_AboveMaximumAfterRestart_DropLongestSilent()
    {
        var log = new ModelLog(adjust: options => options with { MaxProducers = 8 });
        foreach (var id in (string[])["a", "b", "c", "d", "e", "f", "g", "h"])
            log.Append(Batch(new(id, 0, 0), "x"));
        log.CutPower();
        Assert.Equal(AppendStatus.Appended, log.Append(Batch(new("new", 0, 0), "x")).Status);
        // The start counts as the last message of all of them. This one was forgotten because of its name, and appended
        // twice.
        Assert.Equal(AppendStatus.Repeated, log.Append(Batch(new("h", 0, 0), "x")).Status);
        Assert.Equal(AppendStatus.SequenceGap, log.Append(Batch(new("a", 0, 1), "x")).Status);
    }

    [Fact]
    public void Producers_ClockSetBack_AreKept()
    {
        var log = new ModelLog();
        log.Time.MoveWallClock(TimeSpan.FromDays(30));
        Append(log, 0, 0);
        log.Restart();
        log.Append(Batch(new("q", 0, 0), "x"));
        log.Time.MoveWallClock(TimeSpan.FromDays(-30));
        log.CutPower();
        Assert.Equal(AppendStatus.Repeated, log.Append(Batch(new("q", 0, 0), "x")).Status);
        Assert.Equal(AppendStatus.Repeated, Append(log, 0, 0).Status);
    }

    [Fact]
    public void Checkpoint_ClockAhead_KeepsProducers()
    {
        var log = new ModelLog(adjust: options => options with { ProducerExpiry = TimeSpan.FromMinutes(1) });
        Append(log, 0, 0);
        log.Time.MoveWallClock(TimeSpan.FromHours(1));
        log.Trim(1);
        log.Time.MoveWallClock(TimeSpan.FromHours(-1));
        Assert.Equal(AppendStatus.Appended, Append(log, 0, 1).Status);
        log.CutPower();
        // Seed 2793: the start knew only the batch after the checkpoint.
        Assert.Equal(AppendStatus.Repeated, Append(log, 0, 0).Status);
    }

    [Fact]
    public void Append_ExpectedOffset_AppendsThereOrNotAtAll()
    {
        var log = new ModelLog();
        Assert.Equal(AppendStatus.Appended, log.Append(ModelLog.Batch("a", "b"), expectedNextOffset: 0).Status);
        var refused = log.Append(ModelLog.Batch("c"), expectedNextOffset: 1);
        Assert.Equal((AppendStatus.NotNext, 2), (refused.Status, refused.NextOffset));
        Assert.Equal(AppendStatus.Appended, log.Append(ModelLog.Batch("c"), expectedNextOffset: 2).Status);
        Assert.Equal(3, log.Partition.EndOffset);
    }

    [Fact]
    public void Append_RepeatAtTakenOffset_IsRepeat()
    {
        var log = new ModelLog();
        Assert.Equal(AppendStatus.Appended, log.Append(Batch(new("p", 0, 0), "a"), expectedNextOffset: 0).Status);
        Assert.Equal(AppendStatus.Repeated, log.Append(Batch(new("p", 0, 0), "a"), expectedNextOffset: 0).Status);
        // A batch refused for its offset does not count as appended.
        Assert.Equal(AppendStatus.NotNext, log.Append(Batch(new("p", 0, 1), "b"), expectedNextOffset: 0).Status);
        Assert.Equal(AppendStatus.Appended, log.Append(Batch(new("p", 0, 1), "b"), expectedNextOffset: 1).Status);
    }

    enum Turn
    {
        Append,
        CleanRestart,
        PowerCut,
        Trim,
    }

    /// <summary>
    /// Compares the log with a model that searches a list of all batches. The log has a table, a checkpoint and
    /// recovery.
    /// </summary>
    [Fact]
    public void Append_AnyHistory_MatchesModel() =>
        Gen.Select(
                Gen.Frequency(
                    (20, Gen.Const(Turn.Append)),
                    (1, Gen.Const(Turn.CleanRestart)),
                    (1, Gen.Const(Turn.PowerCut)),
                    (1, Gen.Const(Turn.Trim))
                ),
                Gen.Int[0, 2],
                Gen.Int[-7, 2],
                Gen.Frequency((12, Gen.Const(0)), (1, Gen.Const(1)), (1, Gen.Const(-1))),
                Gen.Int[1, 4],
                Gen.Int[12, 8_000],
                Gen.Bool,
                Gen.Frequency((6, Gen.Const(false)), (1, Gen.Const(true)))
            )
            .Array[1, 200]
            .Sample(
                turns =>
                {
                    var log = new ModelLog(SmallSegments);
                    var appended = new List<SentBatch>();
                    foreach (
                        var (turn, number, sequenceStep, epochStep, count, sizeBytes, mayOverlap, isChanged) in turns
                    )
                    {
                        if (turn == Turn.CleanRestart)
                            log.Restart();
                        else if (turn == Turn.PowerCut)
                            log.CutPower();
                        else if (turn == Turn.Trim)
                            log.Trim(Math.Max(0, log.Partition.EndOffset - number));
                        else
                        {
                            var id = number.ToString(CultureInfo.InvariantCulture);
                            var of = appended.Where(batch => batch.Id == id).ToList();
                            var epoch = Math.Max(0, (of.Count == 0 ? 0 : of.Max(batch => batch.Epoch)) + epochStep);
                            var ofEpoch = of.Where(batch => batch.Epoch == epoch).ToList();
                            var next = ofEpoch.Count == 0 ? 0 : ofEpoch[^1].NextSequence;
                            // Mostly at the beginning of an existing batch.
                            var step = Math.Min(sequenceStep, 1);
                            var sequence =
                                step >= 0 || ofEpoch.Count == 0 ? next + step
                                : step % 3 == 0 ? next + step
                                : ofEpoch[Math.Max(0, ofEpoch.Count + step)].Sequence;
                            sequence = Math.Max(0, sequence);
                            var repeated = ofEpoch.Find(batch => batch.Sequence == sequence);
                            var values = Enumerable
                                .Range(0, repeated is not null && count != 4 ? repeated.Values.Length : count)
                                .Select(record =>
                                    $"{id}.{epoch}.{sequence + record}{(isChanged ? "!" : "")}".PadRight(
                                        sizeBytes,
                                        'x'
                                    )[..sizeBytes]
                                )
                                .ToArray();
                            var expected = Expected(appended, id, epoch, sequence, values, mayOverlap);
                            var result = log.Append(Batch(new(id, epoch, sequence), values), mayOverlap: mayOverlap);
                            Assert.Equal(
                                (expected.Status, expected.RepeatedCount),
                                (result.Status, result.RepeatedCount)
                            );
                            if (result.Status == AppendStatus.Repeated)
                                Assert.Equal(expected, result);
                            if (result.Status == AppendStatus.Appended)
                                appended.Add(
                                    new(
                                        id,
                                        epoch,
                                        sequence + result.RepeatedCount,
                                        values[result.RepeatedCount..],
                                        result
                                    )
                                );
                            Assert.Equal(
                                appended.FindLast(batch => batch.Id == id) is { } last
                                    ? (last.Epoch, last.NextSequence)
                                    : null,
                                log.Partition.FindProducer(id)
                            );
                        }
                        log.Time.Advance(TimeSpan.FromMilliseconds(1));
                    }
                    Assert.Equal(appended.Sum(batch => batch.Values.Length), log.Partition.EndOffset);
                },
                iter: 60,
                threads: 2
            );

    sealed record SentBatch(string Id, long Epoch, long Sequence, string[] Values, AppendResult Result)
    {
        public long NextSequence => Sequence + Values.Length;
    }

    static AppendResult Expected(
        List<SentBatch> appended,
        string id,
        long epoch,
        long sequence,
        string[] values,
        bool mayOverlap
    )
    {
        var of = appended.Where(batch => batch.Id == id).ToList();
        if (of.Count > 0 && epoch < of.Max(batch => batch.Epoch))
            return new(AppendStatus.EpochEnded);
        var ofEpoch = of.Where(batch => batch.Epoch == epoch).ToList();
        var next = ofEpoch.Count == 0 ? 0 : ofEpoch[^1].NextSequence;
        if (sequence >= next)
            return new(sequence == next ? AppendStatus.Appended : AppendStatus.SequenceGap);
        var remembered = ofEpoch.TakeLast(5).ToList();
        var end = sequence + values.Length;
        if (end <= remembered[0].Sequence)
            return new(AppendStatus.SequenceForgotten);
        // Whether a remembered batch is the same as its part of this one, which includes all of it.
        bool IsSame(SentBatch batch) =>
            values.AsSpan((int)(batch.Sequence - sequence), batch.Values.Length).SequenceEqual(batch.Values);
        if (remembered.Find(batch => batch.Sequence == sequence && batch.NextSequence == end) is { } exact)
            return IsSame(exact)
                ? exact.Result with
                {
                    Status = AppendStatus.Repeated,
                    RepeatedCount = 0,
                }
                : new(AppendStatus.BatchDiffers);
        if (
            !mayOverlap
            || remembered.Exists(batch => batch.Sequence >= sequence && batch.NextSequence <= end && !IsSame(batch))
        )
            return new(AppendStatus.BatchDiffers);
        if (end > next)
            return new(AppendStatus.Appended) { RepeatedCount = (int)(next - sequence) };
        var first = remembered.FindLast(batch => batch.Sequence <= sequence);
        var last = remembered.Find(batch => batch.NextSequence >= end)!;
        return first is null
            ? new(AppendStatus.SequenceForgotten)
            : new(
                AppendStatus.Repeated,
                first.Result.FirstOffset + sequence - first.Sequence,
                last.Result.FirstOffset + end - last.Sequence,
                first.Result.TimestampMs
            );
    }
}
