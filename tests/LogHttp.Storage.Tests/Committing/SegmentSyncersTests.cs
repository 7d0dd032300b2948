using System.Collections.Concurrent;
using LogHttp.Storage.Committing;
using LogHttp.Storage.Files;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Committing;

public class SegmentSyncersTests
{
    static readonly TimeSpan LongEnough = TimeSpan.FromMinutes(1);

    readonly PowerCutFileSystem _fileSystem = new(new Random(1));

    [Fact]
    public void For_SameVolume_ReturnsSameSyncer()
    {
        using var syncers = new SegmentSyncers(
            new StorageEnvironment { FileSystem = _fileSystem },
            syncAllThreshold: 4
        );
        var (volume, other) = (new FakeVolume("8:1"), new FakeVolume("8:2"));

        Assert.Same(syncers.For(volume), syncers.For(volume));
        Assert.NotSame(syncers.For(volume), syncers.For(other));
    }

    [Fact]
    public void Submit_WhileOtherVolumeHangs_Completes()
    {
        using var syncers = new SegmentSyncers(
            new StorageEnvironment { FileSystem = _fileSystem },
            syncAllThreshold: 1
        );
        using var released = new ManualResetEventSlim();
        var hanging = new FakeVolume("8:1") { Syncing = () => Assert.True(released.Wait(LongEnough)) };
        var delayed = new WaitedCommit(_fileSystem.Create("/delayed"));
        var prompt = new WaitedCommit(_fileSystem.Create("/prompt"));

        syncers.For(hanging).Submit(delayed);
        syncers.For(new FakeVolume("8:2")).Submit(prompt);

        Assert.Equal("loghttp sync 8:2", prompt.WaitForThread(LongEnough));
        Assert.False(delayed.IsCompleted);
        released.Set();
        Assert.Equal("loghttp sync 8:1", delayed.WaitForThread(LongEnough));
    }

    [Fact]
    public void For_InjectedScheduler_IsSharedAmongVolumes()
    {
        var scheduler = new SimulatedScheduler(new Random(1));
        var environment = new StorageEnvironment { FileSystem = _fileSystem, CommitScheduler = scheduler };
        using var syncers = new SegmentSyncers(environment, syncAllThreshold: 1);
        List<string> synced = [];
        foreach (var name in new[] { "8:1", "8:2" })
            syncers
                .For(new FakeVolume(name) { Syncing = () => synced.Add(name) })
                .Submit(new WaitedCommit(_fileSystem.Create($"/{name}")));

        Assert.Equal(2, scheduler.Count);
        scheduler.RunAll();

        Assert.Equal(["8:1", "8:2"], synced.Order());
    }

    [Fact]
    public void Dispose_WithPendingCommits_CompletesThem()
    {
        var commit = new WaitedCommit(_fileSystem.Create("/a"));
        using (
            var syncers = new SegmentSyncers(new StorageEnvironment { FileSystem = _fileSystem }, syncAllThreshold: 1)
        )
            syncers.For(new FakeVolume("8:1")).Submit(commit);

        Assert.True(commit.IsCompleted);
    }

    sealed class FakeVolume(string name) : IVolume
    {
        public string Name => name;

        public bool CanSyncAll => true;

        public Action Syncing { get; init; } = static () => { };

        public void SyncAll() => Syncing();
    }

    sealed class WaitedCommit(IFile file) : Commit
    {
        readonly BlockingCollection<string> _threads = [];

        public override IFile File => file;

        public override bool NeedsSyncAll => false;

        public bool IsCompleted => _threads.Count > 0;

        public override void Completed(IOException? error)
        {
            Assert.Null(error);
            _threads.Add(Thread.CurrentThread.Name ?? "");
        }

        public string? WaitForThread(TimeSpan timeout) => _threads.TryTake(out var name, timeout) ? name : null;
    }
}
