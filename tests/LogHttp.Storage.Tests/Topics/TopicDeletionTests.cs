using System.IO.Pipelines;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Topics;
using LogHttp.Storage.Waiting;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Topics;

/// <summary>
/// Topics that are changed and deleted, on the real file system. The simulation has the crashes in between.
/// </summary>
public sealed class TopicDeletionTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly PhysicalFileSystem _fileSystem;

    public TopicDeletionTests() => _fileSystem = new PhysicalFileSystem(_directory.Path);

    [Fact]
    public async Task Delete_Topic_RemovesFilesAndFreesName()
    {
        await using var catalog = Open();
        var first = (await catalog.GetOrCreateAsync("t")).Topic;
        await AppendAsync(first, "one");
        Assert.True(await catalog.DeleteAsync("t"));
        Assert.Null(catalog.Find("t"));
        Assert.Empty(Directory.GetDirectories(Path.Combine(_directory.Path, "topics")));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_directory.Path, "deleted")));
        Assert.False(await catalog.DeleteAsync("t"));
        var second = (await catalog.GetOrCreateAsync("t")).Topic;
        Assert.NotEqual(first.Id, second.Id);
        Assert.Equal(0, second.Partitions[0].EndOffset);
    }

    [Fact]
    public async Task Delete_UnderReader_CompletesItWithoutNewRecords()
    {
        await using var catalog = Open();
        var first = (await catalog.GetOrCreateAsync("t")).Topic;
        await AppendAsync(first, "one");
        using var page = first.Partitions[0].Fetch(LogPlace.Earliest, PageSize.Default);
        await catalog.DeleteAsync("t");
        await AppendAsync((await catalog.GetOrCreateAsync("t")).Topic, "two");
        Assert.Contains("one", TestLog.Text(page.Region!), StringComparison.Ordinal);
        page.Dispose();
        Assert.Throws<LogClosedException>(() => first.Partitions[0].Fetch(LogPlace.Earliest, PageSize.Default));
        var refused = await first.Partitions[0].AppendAsync(TestLog.Batch("three"));
        Assert.Equal(AppendStatus.Closed, refused.Status);
    }

    [Fact]
    public async Task Delete_DamagedTopic_Succeeds()
    {
        await using (var catalog = Open())
            await catalog.GetOrCreateAsync("t");
        await File.WriteAllTextAsync(Path.Combine(_directory.Path, "topics", "t", "topic.json"), "{");
        // With the manifest, topic.json would be rebuilt.
        File.Delete(Path.Combine(_directory.Path, "topics", "t", "0", "manifest"));
        await using (var catalog = Open())
        {
            Assert.Throws<TopicDamagedException>(() => catalog.Find("t"));
            Assert.True(await catalog.DeleteAsync("t"));
            Assert.Null(catalog.Find("t"));
        }
    }

    [Fact]
    public async Task Delete_KilledThenPowerCut_LeavesAllOrNothing()
    {
        for (var seed = 1; seed <= 30; seed++)
        {
            var fileSystem = new PowerCutFileSystem(new Random(seed));
            var catalog = Open(fileSystem);
            await catalog.GetOrCreateAsync("t");
            fileSystem.Faults = call =>
                call is { Kind: FileSystemCallKind.SyncDirectory, Path: "/data/topics" }
                    ? throw new InvalidOperationException("killed")
                    : Fault.None;
            await Assert.ThrowsAsync<InvalidOperationException>(() => catalog.DeleteAsync("t"));
            fileSystem = fileSystem.Kill();
            // The content of deleted/ is removed by now.
            fileSystem.Faults = call =>
                call is { Kind: FileSystemCallKind.CreateDirectory, Path: "/data/deleted" }
                    ? Fault.PowerCutBefore
                    : Fault.None;
            Assert.Throws<PowerCutException>(() => Open(fileSystem));
            fileSystem = fileSystem.PowerCut();
            fileSystem.Faults = null;
            await using var last = Open(fileSystem);
            Assert.Empty(last.DamagedTopics);
            Assert.Equal(0, last.Find("t")?.Partitions[0].EndOffset ?? 0);
        }
    }

    [Fact]
    public async Task Delete_FailsAfterWaitsStopped_LetsNobodyWait()
    {
        var fileSystem = new PowerCutFileSystem(new Random(1));
        await using var catalog = Open(fileSystem);
        await catalog.GetOrCreateAsync("t");
        catalog.StopWaiting();
        fileSystem.Faults = static call =>
            call.Kind == FileSystemCallKind.Rename && call.Path.EndsWith("topics/t", StringComparison.Ordinal)
                ? Fault.InputOutputError
                : Fault.None;
        await Assert.ThrowsAnyAsync<IOException>(() => catalog.DeleteAsync("t"));
        var follower = new LogFollower(catalog.Find("t")!.Partitions[0], LogPlace.Latest);
        follower.Read(PageSize.Default).Dispose();
        Assert.Equal(
            LogWake.Closed,
            await new LogWaiter().WaitAsync(follower).AsTask().WaitAsync(TimeSpan.FromSeconds(30))
        );
    }

    [Fact]
    public async Task Configure_AfterRestart_KeepsConfigurationAndRecords()
    {
        var configuration = new TopicConfiguration { Flush = FlushPolicy.Os, SegmentBytes = 1 << 20 };
        await using (var catalog = Open())
        {
            var topic = (await catalog.GetOrCreateAsync("t")).Topic;
            await AppendAsync(topic, "one");
            Assert.Same(topic, await catalog.ConfigureAsync("t", _ => configuration));
            Assert.Equal(configuration, topic.Configuration);
            await AppendAsync(topic, "two");
            Assert.Null(await catalog.ConfigureAsync("none", _ => configuration));
        }
        await using (var catalog = Open())
        {
            Assert.Equal(configuration, catalog.Find("t")!.Configuration);
            Assert.Equal(2, catalog.Find("t")!.Partitions[0].EndOffset);
        }
    }

    [Fact]
    public async Task Configure_OutOfRange_IsRejected()
    {
        await using var catalog = Open();
        await catalog.GetOrCreateAsync("t");
        await Assert.ThrowsAsync<ArgumentException>(() =>
            catalog.ConfigureAsync("t", before => before with { SegmentBytes = 1 })
        );
        Assert.Equal(new TopicConfiguration(), catalog.Find("t")!.Configuration);
    }

    [Fact]
    public async Task Configure_StricterFlush_SyncsPendingRecordsAtOnce()
    {
        await using var catalog = Open();
        var topic = (
            await catalog.GetOrCreateAsync(
                "t",
                new TopicConfiguration { Flush = FlushPolicy.Every(TimeSpan.FromHours(1)) }
            )
        ).Topic;
        await AppendAsync(topic, "one");
        Assert.False(IsDurable());
        // Also if nothing changes or the new policy is laxer, because an earlier promise remains.
        await catalog.ConfigureAsync("t", before => before with { Flush = FlushPolicy.Os });
        for (var started = DateTime.UtcNow; !IsDurable(); )
        {
            Assert.True(DateTime.UtcNow - started < TimeSpan.FromSeconds(30));
            await Task.Yield();
        }

        bool IsDurable()
        {
            using var page = topic.Partitions[0].Fetch(LogPlace.Earliest, PageSize.Default);
            return page.IsDurable;
        }
    }

    [Fact]
    public async Task Changes_ClosedCatalog_AreRejected()
    {
        var catalog = Open();
        await catalog.GetOrCreateAsync("t");
        await catalog.DisposeAsync();
        await Assert.ThrowsAsync<LogClosedException>(() => catalog.DeleteAsync("t"));
        await Assert.ThrowsAsync<LogClosedException>(() => catalog.GetOrCreateAsync("u"));
    }

    public void Dispose()
    {
        _fileSystem.Dispose();
        _directory.Dispose();
    }

    TopicCatalog Open() =>
        TopicCatalog.Open(
            new StorageEnvironment { FileSystem = _fileSystem },
            new StorageOptions { Directory = _directory.Path }
        );

    static TopicCatalog Open(PowerCutFileSystem fileSystem) =>
        TopicCatalog.Open(
            new StorageEnvironment { FileSystem = fileSystem, CommitScheduler = PipeScheduler.Inline },
            new StorageOptions { Directory = "/data" }
        );

    static async Task AppendAsync(Topic topic, string value) =>
        Assert.Equal(AppendStatus.Appended, (await topic.Partitions[0].AppendAsync(TestLog.Batch(value))).Status);
}
