using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Topics;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Appending;

/// <summary>
/// Appends to all partitions hold a bounded number of bytes together, and return them however they end.
/// </summary>
public class AppendBudgetTests
{
    static readonly StorageOptions Options = new()
    {
        Directory = "/data",
        Records = new RecordLimits { MaxRecordBytes = 64 << 10, MaxBatchBytes = 100_000 },
        MaxQueuedBytes = 100_000,
        MaxAppendingBytes = 150_000,
    };

    readonly SimulatedScheduler _scheduler = new(new Random(1));
    readonly PowerCutFileSystem _fileSystem = new(new Random(1));
    readonly TopicCatalog _catalog;
    Topic _topic = null!;

    public AppendBudgetTests() =>
        _catalog = TopicCatalog.Open(
            new StorageEnvironment
            {
                FileSystem = _fileSystem,
                Time = new SimulatedTime(DateTimeOffset.UnixEpoch),
                AppendScheduler = _scheduler,
                CommitScheduler = _scheduler,
            },
            Options
        );

    async Task MakeTopicAsync() =>
        _topic = (await _catalog.GetOrCreateAsync("t", new TopicConfiguration { Partitions = 3 })).Topic;

    Task<AppendResult> Append(int partition) =>
        _topic.Partitions[partition].AppendAsync(TestLog.Batch(new string('x', 60_000)));

    [Fact]
    public async Task Append_AboveMaxAppendingBytes_IsRejectedAtOnce()
    {
        await MakeTopicAsync();
        var (first, second) = (Append(0), Append(1));
        var refused = Append(2);
        Assert.True(refused.IsCompleted);
        Assert.Equal(AppendStatus.Overloaded, (await refused).Status);
        Assert.Contains("MaxAppendingBytes", (await refused).Reason, StringComparison.Ordinal);
        _scheduler.RunAll();
        Assert.Equal((AppendStatus.Appended, AppendStatus.Appended), ((await first).Status, (await second).Status));
        var later = Append(2);
        _scheduler.RunAll();
        Assert.Equal(AppendStatus.Appended, (await later).Status);
        Assert.Equal(0, _catalog.AppendingBytes);
    }

    [Fact]
    public void TryTake_EmptyBudget_AcceptsAnySize()
    {
        var budget = new AppendBudget(100);
        Assert.True(budget.HasRoomFor(1_000) && budget.TryTake(1_000));
        Assert.False(budget.HasRoomFor(1) || budget.TryTake(1));
        Assert.Contains(
            "hold 1000 bytes; the most is 100 (MaxAppendingBytes)",
            budget.Refusal().Reason,
            StringComparison.Ordinal
        );
        budget.Release(1_000);
        Assert.True(budget.TryTake(1));
    }

    [Fact]
    public async Task CheckRoom_BeforeReadingBatch_ReportsFullBudget()
    {
        await MakeTopicAsync();
        Assert.Null(_topic.Partitions[0].CheckRoom(60_000));
        var appends = new[] { Append(0), Append(1) };
        Assert.Contains("MaxQueuedBytes", _topic.Partitions[0].CheckRoom(60_000)?.Reason, StringComparison.Ordinal);
        Assert.Contains("MaxAppendingBytes", _topic.Partitions[2].CheckRoom(60_000)?.Reason, StringComparison.Ordinal);
        _scheduler.RunAll();
        await Task.WhenAll(appends);
        Assert.Null(_topic.Partitions[0].CheckRoom(60_000));
    }

    [Fact]
    public async Task Append_Rejected_ReleasesBudget()
    {
        await MakeTopicAsync();
        _fileSystem.CapacityBytes = _fileSystem.UsedBytes;
        var full = Append(0);
        _scheduler.RunAll();
        Assert.Equal((AppendStatus.DiskFull, 0), ((await full).Status, _catalog.AppendingBytes));
        _fileSystem.CapacityBytes = long.MaxValue;
        _fileSystem.Faults = call => call.Kind == FileSystemCallKind.Sync ? Fault.InputOutputError : Fault.None;
        var (failing, waiting) = (Append(1), Append(1));
        _scheduler.RunAll();
        // No journal file can be created: the append is refused before anything is written.
        Assert.Equal(
            (AppendStatus.WriteFailed, AppendStatus.Overloaded, 0),
            ((await failing).Status, (await waiting).Status, _catalog.AppendingBytes)
        );
        var closing = _catalog.DisposeAsync().AsTask();
        _scheduler.RunAll();
        await closing;
        Assert.Equal((AppendStatus.Closed, 0), ((await Append(2)).Status, _catalog.AppendingBytes));
    }
}
