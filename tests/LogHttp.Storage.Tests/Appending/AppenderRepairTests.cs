using LogHttp.Storage.Appending;
using LogHttp.Storage.Committing;
using LogHttp.Storage.Reading;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Appending;

/// <summary>A segment whose sync failed beside the turns, while the journal has its bytes.</summary>
public class AppenderRepairTests
{
    const string Segment = $"{ModelLog.PartitionDirectory}/00000000000000000000.ndjson";
    const long SmallSegmentBytes = 64 << 10;

    static readonly string Text = new('x', 6_000);
    static readonly string RollingText = new('x', 50_000);

    readonly ModelLog _log = NewLog(seed: 1);

    [Fact]
    public async Task Fetch_WhileARepairIsDue_Waits()
    {
        FailASync(_log);

        var fetch = _log.Partition.FetchAsync(LogPlace.Earliest, PageSize.Default, CancellationToken.None).AsTask();

        Assert.False(fetch.IsCompleted);
        _log.Release();
        using var page = await fetch.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(FetchStatus.Page, page.Status);
        Assert.Null(_log.Partition.StoppedReason);
    }

    [Fact]
    public void Repair_OfAFailedSync_SurvivesAPowerCut()
    {
        FailASync(_log);
        _log.Release();
        var before = _log.ReadAll();

        _log.CutPower();

        Assert.Equal(before, _log.ReadAll());
    }

    [Fact]
    public void Repair_ThatFails_KeepsWhatTheJournalHad()
    {
        // What a power cut takes of the segment is chosen by the seed.
        for (var seed = 1; seed <= 8; seed++)
        {
            var log = NewLog(seed, partitions: 2);
            FailASync(log, failsRepair: true);
            Assert.NotNull(log.Partition.StoppedReason);
            // The files that had the records are used again.
            for (var appended = 0; appended < 64; appended++)
                Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(log.BeginAppend(Text, partition: 1)));

            log.CutPower();

            Assert.Null(log.Partition.StoppedReason);
            Assert.Equal(16, log.Partition.EndOffset);
        }
    }

    [Fact]
    public void Repair_ThatFailsOnAFullDisk_KeepsTheFiles()
    {
        for (var seed = 1; seed <= 8; seed++)
        {
            var log = NewLog(seed, partitions: 2, SmallSegmentBytes);
            for (var appended = 0; appended < 4; appended++)
                log.Append(Text);
            log.FileSystem.Faults = static call =>
                call.Kind switch
                {
                    FileSystemCallKind.Sync when call.Path == Segment => Fault.InputOutputError,
                    FileSystemCallKind.CreateDirectory => Fault.DiskFull,
                    _ => Fault.None,
                };
            var rolling = log.BeginAppend(RollingText);
            Assert.Equal(AppendStatus.PartitionStopped, ModelLog.StatusOf(rolling));
            log.FileSystem.Faults = null;
            // A file that is not used again holds up the others.
            var other = log.BeginAppend(Text, partition: 1);
            for (var appended = 0; appended < 64 && other.IsCompleted; appended++)
                other = log.BeginAppend(Text, partition: 1);
            Assert.False(other.IsCompleted);

            log.CutPower();

            Assert.Null(log.Partition.StoppedReason);
            Assert.Equal(4, log.Partition.EndOffset);
        }
    }

    [Fact]
    public void Repair_OfASyncedSegmentThatFails_KeepsTheEnd()
    {
        var log = NewLog(seed: 1, partitions: 2, SmallSegmentBytes);
        log.Append("first");
        // The checkpoint's end is the journal's from now on.
        log.Restart();
        for (var appended = 0; appended < 4; appended++)
            log.Append(Text);
        log.Commits.Hold<SegmentSyncer>();
        // The roll's sync is submitted first, and the journal's behind it.
        var rolling = log.BeginAppend(RollingText);
        Assert.False(rolling.IsCompleted);
        for (var appended = 0; appended < 16; appended++)
            log.BeginAppend(Text, partition: 1);
        var syncs = 0;
        log.FileSystem.Faults = call =>
            call is { Kind: FileSystemCallKind.Sync, Path: Segment } && syncs++ > 0
                ? Fault.InputOutputError
                : Fault.None;
        log.Release();
        Assert.True(syncs > 2);
        Assert.NotNull(log.Partition.StoppedReason);
        log.FileSystem.Faults = null;
        // The files that had the end are used again.
        for (var appended = 0; appended < 64; appended++)
            Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(log.BeginAppend(Text, partition: 1)));

        log.CutPower();

        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal(5, log.Partition.EndOffset);
    }

    static ModelLog NewLog(int seed, int partitions = 1, long segmentBytes = 256 << 20) =>
        new(
            new TopicConfiguration { Partitions = partitions, SegmentBytes = segmentBytes },
            seed: seed,
            adjust: static options =>
                options with
                {
                    MinJournalFileBytes = 64 << 10,
                    MaxJournalFileBytes = 64 << 10,
                    CheckpointBytes = 1 << 20,
                }
        );

    /// <summary>Appends until the journal wants the segment synced, and lets that fail.</summary>
    static void FailASync(ModelLog log, bool failsRepair = false)
    {
        log.Commits.Hold<SegmentSyncer>();
        for (var appended = 0; appended < 16; appended++)
            Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(log.BeginAppend(Text)));
        log.FileSystem.Faults = static call =>
            call.Kind is FileSystemCallKind.Sync && call.Path.EndsWith(".ndjson", StringComparison.Ordinal)
                ? Fault.InputOutputError
                : Fault.None;
        log.Commits.RunHeld<SegmentSyncer>();
        if (failsRepair)
            log.Release();
        log.FileSystem.Faults = null;
    }
}
