using LogHttp.Storage.Appending;
using LogHttp.Storage.Committing;
using LogHttp.Storage.Reading;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Appending;

/// <summary>A segment whose sync failed outside of the appender's turns, while the journal has its bytes.</summary>
public class AppenderRepairTests
{
    const string Segment = $"{ModelLog.PartitionDirectory}/00000000000000000000.ndjson";
    const long SmallSegmentBytes = 64 << 10;

    static readonly string Text = new('x', 6_000);
    static readonly string RollingText = new('x', 50_000);

    readonly ModelLog _log = NewLog(seed: 1);

    [Fact]
    public async Task Fetch_RepairDue_Waits()
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
    public void Repair_AfterFailedSync_SurvivesPowerCut()
    {
        FailASync(_log);
        _log.Release();
        var before = _log.ReadAll();

        _log.CutPower();

        Assert.Equal(before, _log.ReadAll());
    }

    [Fact]
    public void Repair_Fails_KeepsJournalEntries()
    {
        // The seed chooses the part of the segment that a power cut loses.
        for (var seed = 1; seed <= 8; seed++)
        {
            var log = NewLog(seed, partitions: 2);
            FailASync(log, failsRepair: true);
            Assert.NotNull(log.Partition.StoppedReason);
            // The files with the records are used again.
            AppendAll(log, 64, partition: 1);

            log.CutPower();

            Assert.Null(log.Partition.StoppedReason);
            Assert.Equal(16, log.Partition.EndOffset);
        }
    }

    [Fact]
    public void Repair_FailsOnFullDisk_KeepsFiles()
    {
        for (var seed = 1; seed <= 8; seed++)
        {
            var log = NewLog(seed, partitions: 2, SmallSegmentBytes);
            FailARepair(log, partition: 0);
            // A file that is not used again holds up the others. No append waits for it.
            var other = AppendUntilRefused(log, partition: 1);
            Assert.NotNull(ModelLog.StatusOf(other));

            log.CutPower();

            Assert.Null(log.Partition.StoppedReason);
            Assert.Equal(4, log.Partition.EndOffset);
        }
    }

    [Fact]
    public void Repair_FailedOnFullDisk_BlocksNobodyOnceThereIsRoom()
    {
        for (var seed = 1; seed <= 8; seed++)
        {
            var log = NewLog(seed, partitions: 2, SmallSegmentBytes);
            FailARepair(log, partition: 0);
            // Fewer than the journal has files for.
            AppendAll(log, 8, partition: 1);

            log.Pass(TimeSpan.FromSeconds(10));

            AppendAll(log, 64, partition: 1);
            log.CutPower();
            Assert.Null(log.Partition.StoppedReason);
            Assert.Equal(4, log.Partition.EndOffset);
        }
    }

    [Fact]
    public void Repair_Failed_DoesNotCountAsUnsyncedPartition()
    {
        var log = NewLog(seed: 1, partitions: 3, SmallSegmentBytes, maxOpenSegments: 4);
        // Half of the bound causes a sync, which fails.
        log.FileSystem.Faults = FailSegmentsAndDirectories;
        log.BeginAppend(Text, partition: 0);
        log.BeginAppend(Text, partition: 1);
        log.FileSystem.Faults = null;
        Assert.All(log.Partitions.Take(2), static partition => Assert.NotNull(partition.StoppedReason));

        Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(log.BeginAppend(Text, partition: 2)));

        log.Delete();
    }

    [Fact]
    public void Delete_PartitionWithoutRepair_FreesJournalFiles()
    {
        var log = NewLog(seed: 1, partitions: 1, SmallSegmentBytes);
        FailARepair(log, partition: 0);
        log.Delete();
        log.Recreate();

        AppendAll(log, 64);
    }

    /// <summary>
    /// In some orders, a round carries the end once more before the repair. Then it is kept in any case.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void Repair_OfSyncedSegmentFails_KeepsEnd(int order)
    {
        var log = NewLog(seed: 1, partitions: 2, SmallSegmentBytes, order: order);
        log.Append("first");
        // From now on the journal has the checkpoint's end.
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
        // The files with the end are used again.
        AppendAll(log, 64, partition: 1);

        log.CutPower();

        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal(5, log.Partition.EndOffset);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Repair_WhileSyncRuns_WaitsForIt(bool failsToo)
    {
        for (var seed = 1; seed <= 8; seed++)
        {
            var log = NewLog(seed, partitions: 2, SmallSegmentBytes);
            for (var appended = 0; appended < 4; appended++)
                log.Append(Text);
            log.Commits.Hold<SegmentSyncer>();
            var rolling = log.BeginAppend(RollingText);
            var syncs = 0;
            log.FileSystem.Faults = call =>
            {
                if (call is not { Kind: FileSystemCallKind.Sync, Path: Segment })
                    return Fault.None;
                syncs++;
                if (syncs == 1)
                {
                    // While the roll's sync is under way, the journal wants both partitions synced.
                    log.Commits.Hold<SegmentSyncer>();
                    for (var appended = 0; appended < 16; appended++)
                        log.BeginAppend(Text, partition: 1);
                }
                return syncs == 1 || (syncs == 2 && failsToo) ? Fault.InputOutputError : Fault.None;
            };
            log.Commits.RunHeld<SegmentSyncer>();
            log.Pass(TimeSpan.Zero);
            Assert.Equal(1, syncs);

            log.Release();

            Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(rolling));
            log.FileSystem.Faults = null;
            // The journal's files are used again.
            AppendAll(log, 64, partition: 1);
            log.CutPower();
            Assert.Null(log.Partition.StoppedReason);
            Assert.Equal(5, log.Partition.EndOffset);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Repair_WithFullJournal_Ends(bool canSyncAll)
    {
        var log = NewLog(seed: 1, partitions: 2, canSyncAll: canSyncAll);
        log.Append("first");
        log.Commits.Hold<SegmentSyncer>();
        var appends = new List<Task<AppendResult>>();
        while (appends.Count(static append => !append.IsCompleted) < 40)
            appends.Add(log.BeginAppend(Text, appends.Count % 2));
        var hasFailed = false;
        log.FileSystem.Faults = call =>
        {
            var fails = !hasFailed && call is { Kind: FileSystemCallKind.Sync, Path: Segment };
            hasFailed |= fails;
            return fails ? Fault.InputOutputError : Fault.None;
        };

        log.Release();

        Assert.True(hasFailed);
        Assert.All(appends, static append => Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(append)));
    }

    [Fact]
    public void Checkpoint_AfterRolledBackSlice_Ends()
    {
        var log = NewLog(seed: 1, partitions: 2);
        log.Append(Text);
        var writes = 0;
        log.FileSystem.Faults = call =>
            call is { Kind: FileSystemCallKind.Write, Path: Segment } && ++writes >= 3 ? Fault.DiskFull : Fault.None;
        // A batch of several slices: the first one is synced.
        Assert.Equal(AppendStatus.DiskFull, log.Append(Enumerable.Repeat(Text, 60)).Status);
        log.FileSystem.Faults = null;

        // The journal's files are used again and again.
        AppendAll(log, 256, partition: 1);
    }

    [Fact]
    public void Sync_FailsAfterPartitionStopped_StartsNoRepair()
    {
        var log = NewLog(seed: 1, partitions: 2, SmallSegmentBytes);
        for (var appended = 0; appended < 4; appended++)
            log.Append(Text);
        log.Commits.Hold<SegmentSyncer>();
        log.BeginAppend(RollingText);
        var syncs = 0;
        log.FileSystem.Faults = call =>
        {
            if (call is { Kind: FileSystemCallKind.Sync, Path: Segment } && ++syncs == 1)
            {
                log.Commits.Hold<SegmentSyncer>();
                for (var appended = 0; appended < 16; appended++)
                    log.BeginAppend(Text, partition: 1);
            }
            return FailSegmentsAndDirectories(call);
        };
        log.Commits.RunHeld<SegmentSyncer>();
        log.Release();
        // The turn's, the one beside it, and the repair's.
        Assert.Equal(3, syncs);
        Assert.NotNull(log.Partition.StoppedReason);
        log.FileSystem.Faults = null;

        log.CutPower();

        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal(4, log.Partition.EndOffset);
    }

    static ModelLog NewLog(
        int seed,
        int partitions = 1,
        long segmentBytes = 256 << 20,
        int maxOpenSegments = 2048,
        bool canSyncAll = false,
        int order = 1
    ) =>
        new(
            new TopicConfiguration { Partitions = partitions, SegmentBytes = segmentBytes },
            canSyncAll: canSyncAll,
            seed: seed,
            order: order,
            adjust: options =>
                options with
                {
                    MaxOpenSegments = maxOpenSegments,
                    MinJournalFileBytes = 64 << 10,
                    MaxJournalFileBytes = 64 << 10,
                    CheckpointBytes = 1 << 20,
                }
        );

    /// <summary>
    /// Fails the sync of a roll, then its repair, then the move to <c>unplaced/</c>. The disk has room afterwards.
    /// </summary>
    static void FailARepair(ModelLog log, int partition)
    {
        AppendAll(log, 4, partition);
        log.FileSystem.Faults = FailSegmentsAndDirectories;
        var rolling = log.BeginAppend(RollingText, partition);
        Assert.Equal(AppendStatus.PartitionStopped, ModelLog.StatusOf(rolling));
        log.FileSystem.Faults = null;
    }

    static Fault FailSegmentsAndDirectories(FileSystemCall call) =>
        call.Kind switch
        {
            FileSystemCallKind.Sync when call.Path.EndsWith(".ndjson", StringComparison.Ordinal) =>
                Fault.InputOutputError,
            FileSystemCallKind.CreateDirectory => Fault.DiskFull,
            _ => Fault.None,
        };

    static void AppendAll(ModelLog log, int count, int partition = 0)
    {
        for (var appended = 0; appended < count; appended++)
            Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(log.BeginAppend(Text, partition)));
    }

    static Task<AppendResult> AppendUntilRefused(ModelLog log, int partition)
    {
        var append = log.BeginAppend(Text, partition);
        for (var appended = 0; appended < 64 && ModelLog.StatusOf(append) is AppendStatus.Appended; appended++)
            append = log.BeginAppend(Text, partition);
        Assert.NotEqual(AppendStatus.Appended, ModelLog.StatusOf(append));
        return append;
    }

    /// <summary>Appends until the journal requests a sync of the segment, and fails that.</summary>
    static void FailASync(ModelLog log, bool failsRepair = false)
    {
        log.Commits.Hold<SegmentSyncer>();
        AppendAll(log, 16);
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
