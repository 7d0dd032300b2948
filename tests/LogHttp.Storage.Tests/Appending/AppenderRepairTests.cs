using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Appending;

/// <summary>A segment whose sync failed beside the turns, while the journal has its bytes.</summary>
public class AppenderRepairTests
{
    static readonly string Text = new('x', 6_000);

    readonly ModelLog _log = new(adjust: static options => options with
    {
        MinJournalFileBytes = 64 << 10,
        MaxJournalFileBytes = 64 << 10,
        CheckpointBytes = 1 << 20,
    });

    [Fact]
    public async Task Fetch_WhileARepairIsDue_Waits()
    {
        FailASync();

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
        FailASync();
        _log.Release();
        var before = _log.ReadAll();

        _log.CutPower();

        Assert.Equal(before, _log.ReadAll());
    }

    /// <summary>Appends until the journal wants the segment synced, and lets that fail.</summary>
    void FailASync()
    {
        _log.Commits.Hold<SegmentSyncer>();
        for (var appended = 0; appended < 16; appended++)
            Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(_log.BeginAppend(Text)));
        _log.FileSystem.Faults = static call =>
            call.Kind is FileSystemCallKind.Sync && call.Path.EndsWith(".ndjson", StringComparison.Ordinal)
                ? Fault.InputOutputError
                : Fault.None;
        _log.Commits.RunHeld<SegmentSyncer>();
        _log.FileSystem.Faults = null;
    }
}
