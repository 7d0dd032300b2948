using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Appending;

/// <summary>A segment whose sync failed beside the turns, while the journal has its bytes.</summary>
public class AppenderRepairTests
{
    static readonly string Text = new('x', 6_000);

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

    static ModelLog NewLog(int seed, int partitions = 1) => new(
        new TopicConfiguration { Partitions = partitions },
        seed: seed,
        adjust: static options => options with
        {
            MinJournalFileBytes = 64 << 10,
            MaxJournalFileBytes = 64 << 10,
            CheckpointBytes = 1 << 20,
        });

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
