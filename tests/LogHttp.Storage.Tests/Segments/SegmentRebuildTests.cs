using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Segments;

/// <summary>Readers of a segment while one of them rebuilds its index, with real threads.</summary>
public class SegmentRebuildTests
{
    static readonly TimeSpan LongEnough = TimeSpan.FromMinutes(1);

    readonly PowerCutFileSystem _fileSystem;
    readonly Segment _segment;
    readonly string _dataPath;
    readonly string _indexPath;
    int _dataReads;

    public SegmentRebuildTests()
    {
        var log = new ModelLog(new TopicConfiguration { SegmentBytes = 64 << 10 });
        for (var batch = 0; batch < 4; batch++)
            log.Append(Enumerable.Repeat(new string('a', 500), 60));
        log.Close();
        _fileSystem = log.FileSystem;
        _dataPath = $"{ModelLog.PartitionDirectory}/{SegmentLayout.DataName(0)}";
        _indexPath = $"{ModelLog.PartitionDirectory}/{SegmentLayout.IndexName(0)}";
        _fileSystem.DeleteFile(_indexPath);
        _segment = Create();
    }

    Segment Create() =>
        new(new StorageEnvironment { FileSystem = _fileSystem }, new OpenSegments(16), ModelLog.PartitionDirectory, 0);

    [Fact]
    public async Task Acquire_WhileIndexIsRebuilt_BlocksNobodyElse()
    {
        StrikeFirstDataRead();
        var rebuilding = StartThread(() => _segment.Acquire(isSealed: true));
        Assert.True(_fileSystem.WaitForHang(LongEnough));

        Assert.Throws<WouldWaitException>(() => _segment.Acquire(isSealed: true, mayWait: false));
        var other = StartThread(() => _segment.Acquire(isSealed: false, mayWait: false));
        (await other.WaitAsync(LongEnough)).Dispose();
        Assert.False(_segment.IsRetired);

        _fileSystem.ReleaseHangs();
        (await rebuilding.WaitAsync(LongEnough)).Dispose();
        _segment.Acquire(isSealed: true, mayWait: false).Dispose();
    }

    [Fact]
    public async Task Acquire_SeveralWaiting_RebuildsOnce()
    {
        StrikeFirstDataRead();
        var acquiring = Enumerable
            .Range(0, 3)
            .Select(_ => StartThread(() => _segment.Acquire(isSealed: true)))
            .ToArray();
        Assert.True(_fileSystem.WaitForHang(LongEnough));

        _fileSystem.ReleaseHangs();
        foreach (var lease in await Task.WhenAll(acquiring).WaitAsync(LongEnough))
            lease.Dispose();

        var readsOfThree = _dataReads;
        _fileSystem.DeleteFile(_indexPath);
        Create().Acquire(isSealed: true).Dispose();
        Assert.Equal(_dataReads - readsOfThree, readsOfThree);
    }

    [Fact]
    public async Task Retire_WhileIndexIsRebuilt_DoesNotWait()
    {
        StrikeFirstDataRead();
        var rebuilding = StartThread(() => _segment.Acquire(isSealed: true));
        Assert.True(_fileSystem.WaitForHang(LongEnough));

        await StartThread(() =>
            {
                _segment.Retire();
                return _segment;
            })
            .WaitAsync(LongEnough);

        _fileSystem.ReleaseHangs();
        (await rebuilding.WaitAsync(LongEnough)).Dispose();
        Assert.Equal(0, _segment.TryClose());
        Assert.Throws<LogClosedException>(() => _segment.Acquire(isSealed: true));
    }

    void StrikeFirstDataRead() =>
        _fileSystem.Faults = call =>
            call.Kind is FileSystemCallKind.Read && call.Path == _dataPath && ++_dataReads == 1
                ? Fault.Hang
                : Fault.None;

    static Task<TResult> StartThread<TResult>(Func<TResult> act) =>
        Task.Factory.StartNew(act, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
