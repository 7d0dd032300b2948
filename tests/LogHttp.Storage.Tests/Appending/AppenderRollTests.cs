using System.Text;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Records;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Appending;

/// <summary>An append that will be written begins a segment. A refused append begins none.</summary>
public class AppenderRollTests
{
    static readonly TopicConfiguration SmallSegments = new() { SegmentBytes = 64 << 10 };

    /// <summary>Appends more than fits behind itself.</summary>
    static AppendResult AppendLarge(ModelLog log, long sequence)
    {
        var batch = new RecordBatch(new RecordLimits(), new("p", 0, sequence));
        Assert.Null(batch.AddText(Encoding.UTF8.GetBytes(new string('x', 40_000))));
        return log.Append(batch);
    }

    [Fact]
    public void Append_RepeatThatWouldNotFit_CreatesNoSegment()
    {
        var log = new ModelLog(SmallSegments);
        AppendLarge(log, 0);
        Assert.Equal(AppendStatus.Repeated, AppendLarge(log, 0).Status);
        Assert.Equal(AppendStatus.SequenceGap, AppendLarge(log, 2).Status);
        Assert.Equal(1, log.Partition.SegmentCount);
        Assert.Equal(AppendStatus.Appended, AppendLarge(log, 1).Status);
        Assert.Equal(2, log.Partition.SegmentCount);
    }

    [Fact]
    public void Append_ConditionFails_CreatesNoSegment()
    {
        var log = new ModelLog(SmallSegments);
        AppendLarge(log, 0);
        Assert.Equal(
            AppendStatus.NotNext,
            log.Append(ModelLog.Batch(new string('x', 40_000)), expectedNextOffset: 7).Status
        );
        Assert.Equal(1, log.Partition.SegmentCount);
    }

    [Fact]
    public void Append_RepeatOnFullDisk_IsRepeat()
    {
        var log = new ModelLog(SmallSegments);
        AppendLarge(log, 0);
        log.FileSystem.CapacityBytes = log.FileSystem.UsedBytes;
        Assert.Equal(AppendStatus.Repeated, AppendLarge(log, 0).Status);
        Assert.Equal(AppendStatus.DiskFull, AppendLarge(log, 1).Status);
    }

    [Fact]
    public void Append_RejectedInEmptySegment_DoesNotAgeIt()
    {
        var log = new ModelLog(new() { RetentionMs = 3_600_000 });
        Assert.Equal(AppendStatus.NotNext, log.Append(ModelLog.Batch("x"), expectedNextOffset: 7).Status);
        log.Pass(TimeSpan.FromDays(1));
        log.Append("a");
        log.Append("b");
        Assert.Equal(1, log.Partition.SegmentCount);
    }

    [Fact]
    public void Roll_AfterWriteWasRolledBack_SurvivesPowerCut()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var log = new ModelLog(SmallSegments, seed: seed);
            AppendLarge(log, 0);
            // The first roll after a start syncs in any case.
            AppendLarge(log, 1);
            // A trim syncs the segment, so that the roll has nothing to sync but the cut.
            log.Trim(0);
            AppendShort(log);
            AppendLarge(log, 2);
            Assert.Equal(3, log.Partition.SegmentCount);
            var acknowledged = log.ReadAll();

            log.CutPower();

            AssertHolds(log, acknowledged);
        }
    }

    [Fact]
    public void Roll_AfterKillWithRolledBackWrite_SurvivesPowerCut()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var log = new ModelLog(SmallSegments, seed: seed);
            AppendLarge(log, 0);
            // No round follows, so the next start has no reason to look at the segment.
            log.Restart();
            AppendShort(log);
            log.Kill();
            AppendLarge(log, 1);
            Assert.Equal(2, log.Partition.SegmentCount);
            var acknowledged = log.ReadAll();

            log.CutPower();

            AssertHolds(log, acknowledged);
        }
    }

    /// <summary>An append whose write ends early and is undone.</summary>
    static void AppendShort(ModelLog log)
    {
        log.FileSystem.Faults = static call =>
            call.Kind is FileSystemCallKind.Write && call.Path.EndsWith(".ndjson", StringComparison.Ordinal)
                ? Fault.ShortWrite
                : Fault.None;
        Assert.NotEqual(AppendStatus.Appended, log.Append("refused").Status);
        log.FileSystem.Faults = null;
    }

    /// <summary>Checks that readers get these bytes, and that the segments' files hold no others.</summary>
    static void AssertHolds(ModelLog log, byte[] acknowledged)
    {
        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal(acknowledged, log.ReadAll());
        Assert.Equal(acknowledged, SegmentBytes(log));
    }

    static byte[] SegmentBytes(ModelLog log) =>
        [
            .. log
                .FileSystem.List(ModelLog.PartitionDirectory)
                .Where(static entry => entry.Name.EndsWith(".ndjson", StringComparison.Ordinal))
                .OrderBy(static entry => entry.Name, StringComparer.Ordinal)
                .SelectMany(entry => log.ReadFile($"{ModelLog.PartitionDirectory}/{entry.Name}")),
        ];
}
