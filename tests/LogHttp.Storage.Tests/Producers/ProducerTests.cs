using System.Globalization;
using System.Text;
using CsCheck;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests;

/// <summary>Producers that number their batches: each is appended once, however often it is sent.</summary>
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
    public void ARepeat_IsAnsweredAsTheFirstTime_AndAppendsNothing()
    {
        var log = new ModelLog();
        log.Append("before");
        var first = Append(log, 0, 0, "a", "b");
        log.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(first with { Status = AppendStatus.Repeated }, Append(log, 0, 0, "a", "b"));
        Assert.Equal((1, 3, 3), (first.FirstOffset, first.NextOffset, log.Partition.EndOffset));
    }

    [Fact]
    public void TheFirstLineOfABatch_SaysWhoSentIt()
    {
        var log = new ModelLog();
        log.Append(Batch(new("a\"\\b", 3, 0), "x", "y"));
        var lines = Encoding.UTF8.GetString(log.ReadAll()).Split('\n');
        Assert.Contains(""","batch":2,"producer":["a\"\\b",3,0],"value":"x"}""", lines[0], StringComparison.Ordinal);
        Assert.DoesNotContain("producer", lines[1], StringComparison.Ordinal);
        Assert.True(RecordView.TryParse(Encoding.UTF8.GetBytes(lines[0] + "\n"), out var view));
        Assert.Equal("\"x\""u8, view.Value);
    }

    [Fact]
    public void ABatchThatLeavesAGap_IsRefused_AndSaysWhichOneIsMissing()
    {
        var log = new ModelLog();
        Append(log, 0, 0);
        var gap = Append(log, 0, 2);
        Assert.Equal((AppendStatus.SequenceGap, 1), (gap.Status, gap.ExpectedSequence));
        Assert.Contains("sequence 2; the next one is 1", gap.Reason, StringComparison.Ordinal);
        Assert.Equal(1, log.Partition.EndOffset);
        Assert.Equal(AppendStatus.SequenceGap, log.Append(Batch(new("unknown", 0, 1), "x")).Status);
    }

    [Fact]
    public void AnEpochBeginsAtZero_AndShutsOutThoseBeforeIt()
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
    public void ARepeatFromLongAgo_IsRefused_RatherThanAppendedOrInvented()
    {
        var log = new ModelLog();
        for (var sequence = 0; sequence < 6; sequence++)
            Append(log, 0, sequence);
        Assert.Equal((AppendStatus.SequenceForgotten, 6), (Append(log, 0, 0).Status, Append(log, 0, 0).ExpectedSequence));
        for (var sequence = 1; sequence < 6; sequence++)
            Assert.Equal((AppendStatus.Repeated, sequence), (Append(log, 0, sequence).Status, Append(log, 0, sequence).FirstOffset));
    }

    [Fact]
    public async Task RetriesThatRaceEachOther_AppendOnce()
    {
        await using var log = await TestLog.OpenAsync();
        for (var sequence = 0; sequence < 50; sequence++)
        {
            var racing = Enumerable.Range(0, 8).Select(_ => Task.Run(() => log.Partition.AppendAsync(Batch(new("p", 0, sequence), "x")))).ToArray();
            var results = await Task.WhenAll(racing);
            Assert.Single(results, result => result.Status == AppendStatus.Appended);
            Assert.Equal(7, results.Count(result => result.Status == AppendStatus.Repeated));
            Assert.Single(results.Select(result => (result.FirstOffset, result.NextOffset, result.TimestampMs)).Distinct());
        }
        Assert.Equal(50, log.Partition.EndOffset);
    }

    [Fact]
    public void ABatchThatWasRefusedByTheDisk_CanBeSentAgain()
    {
        var log = new ModelLog(SmallSegments);
        Append(log, 0, 0);
        log.FileSystem.CapacityBytes = log.FileSystem.UsedBytes;
        Assert.Equal(AppendStatus.DiskFull, Append(log, 0, 1, new string('x', 10_000)).Status);
        log.FileSystem.CapacityBytes = long.MaxValue;
        Assert.Equal(AppendStatus.Appended, Append(log, 0, 1, new string('x', 10_000)).Status);
    }

    [Fact]
    public void ARepeatOfABatchThatAPowerCutTook_IsAppended()
    {
        var log = new ModelLog(new TopicConfiguration { Flush = FlushPolicy.Os, SegmentBytes = 64 << 10 });
        // Enough for a checkpoint to be written by and by; the last batches come after it.
        var sequence = 0;
        for (; sequence < 10; sequence++)
            Append(log, 0, sequence, new string('x', 20_000));
        log.CutPower();
        var next = log.Partition.EndOffset;
        for (var repeated = next; repeated < sequence; repeated++)
            Assert.Equal((AppendStatus.Appended, repeated), (Append(log, 0, repeated).Status, log.Partition.EndOffset - 1));
        Assert.Equal(AppendStatus.Repeated, Append(log, 0, sequence - 1).Status);
    }

    [Fact]
    public void AProducerThatWasSilentForLong_IsForgotten_AndSaidSo()
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
    public void AProducerThatWasForgotten_AndBeginsAnew_IsKnownAgain_AlsoAfterAPowerCut(long epoch)
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
    public void OfMoreProducersThanMayBe_ThoseLongestSilentAreForgotten()
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
    public void OfMoreProducersThanMayBe_ThoseLongestSilentAreForgotten_AlsoWhereAStartHasReadThem()
    {
        var log = new ModelLog(adjust: options => options with { MaxProducers = 8 });
        foreach (var id in (string[])["a", "b", "c", "d", "e", "f", "g", "h"])
            log.Append(Batch(new(id, 0, 0), "x"));
        log.CutPower();
        Assert.Equal(AppendStatus.Appended, log.Append(Batch(new("new", 0, 0), "x")).Status);
        // All were heard of when the log was started; this one was forgotten for its name, and appended twice.
        Assert.Equal(AppendStatus.Repeated, log.Append(Batch(new("h", 0, 0), "x")).Status);
        Assert.Equal(AppendStatus.SequenceGap, log.Append(Batch(new("a", 0, 1), "x")).Status);
    }

    [Fact]
    public void AClockThatWasAhead_AndSetBack_ForgetsNobody_AlsoAfterAPowerCut()
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
    public void AClockThatIsAheadAtACheckpoint_TakesNobodyOutOfIt()
    {
        var log = new ModelLog(adjust: options => options with { ProducerExpiry = TimeSpan.FromMinutes(1) });
        Append(log, 0, 0);
        log.Time.MoveWallClock(TimeSpan.FromHours(1));
        log.Trim(1);
        log.Time.MoveWallClock(TimeSpan.FromHours(-1));
        Assert.Equal(AppendStatus.Appended, Append(log, 0, 1).Status);
        log.CutPower();
        // Seed 2793: the start knew of the batch after the checkpoint alone.
        Assert.Equal(AppendStatus.Repeated, Append(log, 0, 0).Status);
    }

    [Fact]
    public void AnAppendAtAnOffset_HappensThereOrNotAtAll()
    {
        var log = new ModelLog();
        Assert.Equal(AppendStatus.Appended, log.Append(ModelLog.Batch("a", "b"), expectedNextOffset: 0).Status);
        var refused = log.Append(ModelLog.Batch("c"), expectedNextOffset: 1);
        Assert.Equal((AppendStatus.NotNext, 2), (refused.Status, refused.NextOffset));
        Assert.Equal(AppendStatus.Appended, log.Append(ModelLog.Batch("c"), expectedNextOffset: 2).Status);
        Assert.Equal(3, log.Partition.EndOffset);
    }

    [Fact]
    public void ARepeatOfAnAppendAtAnOffset_IsARepeat_ThoughTheOffsetIsTaken()
    {
        var log = new ModelLog();
        Assert.Equal(AppendStatus.Appended, log.Append(Batch(new("p", 0, 0), "a"), expectedNextOffset: 0).Status);
        Assert.Equal(AppendStatus.Repeated, log.Append(Batch(new("p", 0, 0), "a"), expectedNextOffset: 0).Status);
        // Refused for the offset, it is not taken for appended.
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

    /// <summary>A model that keeps every batch in a list and looks there; the log has a table, a checkpoint and recovery.</summary>
    [Fact]
    public void AnyHistory_IsAnsweredAsAListOfAllBatchesWouldAnswer() =>
        Gen.Select(
            Gen.Frequency((20, Gen.Const(Turn.Append)), (1, Gen.Const(Turn.CleanRestart)), (1, Gen.Const(Turn.PowerCut)), (1, Gen.Const(Turn.Trim))),
            Gen.Int[0, 2], Gen.Int[-7, 2], Gen.Frequency((12, Gen.Const(0)), (1, Gen.Const(1)), (1, Gen.Const(-1))), Gen.Int[1, 20_000])
        .Array[1, 200].Sample(turns =>
        {
            var log = new ModelLog(SmallSegments);
            var appended = new List<(string Id, long Epoch, long Sequence, AppendResult Result)>();
            foreach (var (turn, number, sequenceStep, epochStep, sizeBytes) in turns)
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
                    var epoch = of.Count == 0 ? 0 : of.Max(batch => batch.Epoch);
                    var ofEpoch = of.Where(batch => batch.Epoch == epoch + epochStep).ToList();
                    var stamp = new ProducerStamp(id, Math.Max(0, epoch + epochStep), Math.Max(0, (ofEpoch.Count == 0 ? 0 : ofEpoch[^1].Sequence + 1) + Math.Min(sequenceStep, 1)));
                    var expected = Expected(appended, stamp);
                    var result = log.Append(Batch(stamp, new string('x', sizeBytes)));
                    Assert.Equal(expected.Status, result.Status);
                    if (result.Status == AppendStatus.Repeated)
                        Assert.Equal(expected, result);
                    if (result.Status == AppendStatus.Appended)
                        appended.Add((id, stamp.Epoch, stamp.Sequence, result));
                }
                log.Time.Advance(TimeSpan.FromMilliseconds(1));
            }
            Assert.Equal(appended.Count, log.Partition.EndOffset);
        }, iter: 60, threads: 2);

    static AppendResult Expected(List<(string Id, long Epoch, long Sequence, AppendResult Result)> appended, ProducerStamp stamp)
    {
        var of = appended.Where(batch => batch.Id == stamp.Id).ToList();
        var epoch = of.Count == 0 ? -1 : of.Max(batch => batch.Epoch);
        if (stamp.Epoch < epoch)
            return new(AppendStatus.EpochEnded);
        var ofEpoch = of.Where(batch => batch.Epoch == stamp.Epoch).ToList();
        var next = ofEpoch.Count == 0 ? 0 : ofEpoch[^1].Sequence + 1;
        return stamp.Sequence == next ? new(AppendStatus.Appended)
            : stamp.Sequence > next ? new(AppendStatus.SequenceGap)
            : stamp.Sequence < next - 5 ? new(AppendStatus.SequenceForgotten)
            : ofEpoch.Single(batch => batch.Sequence == stamp.Sequence).Result with { Status = AppendStatus.Repeated };
    }
}
