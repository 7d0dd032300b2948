using LogHttp.Storage.Topics;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Topics;

public class TopicCatalogTests
{
    readonly PowerCutFileSystem _fileSystem = new(new Random(1));

    TopicCatalog Open(StorageOptions? options = null)
    {
        var scheduler = new SimulatedScheduler(new Random(1));
        return TopicCatalog.Open(
            new StorageEnvironment
            {
                FileSystem = _fileSystem,
                AppendScheduler = scheduler,
                CommitScheduler = scheduler,
                Time = new SimulatedTime(DateTimeOffset.UnixEpoch),
            },
            options ?? new StorageOptions { Directory = "/data" }
        );
    }

    /// <summary>A start may take longer than a timer's interval. A long redo did, and the process ended.</summary>
    [Fact]
    public void Open_TimersDueAtOnce_OpensFirst()
    {
        var scheduler = new SimulatedScheduler(new Random(1));
        var environment = new StorageEnvironment
        {
            FileSystem = _fileSystem,
            AppendScheduler = scheduler,
            CommitScheduler = scheduler,
            Time = new TimersDueAtOnce(),
        };
        var catalog = TopicCatalog.Open(environment, new StorageOptions { Directory = "/data" });
        Assert.Empty(catalog.Topics);
    }

    sealed class TimersDueAtOnce : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime != Timeout.InfiniteTimeSpan)
                callback(state);
            return base.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    [Fact]
    public void Create_FailsAnywhere_LeavesNoTopicAndNameIsFree()
    {
        var catalog = Open();
        // One error at the first call, at the second, … until none strikes. Each name is tried again at once.
        for (var number = 1; ; number++)
        {
            var (name, until, hasFailed) = ($"t{number}", _fileSystem.CallCount + number, false);
            _fileSystem.Faults = call =>
            {
                hasFailed |= call.Number == until;
                return call.Number == until ? Fault.InputOutputError : Fault.None;
            };
            var creation = catalog.GetOrCreateAsync(name);
            Assert.True(creation.IsCompleted);
            if (!hasFailed)
                break;
            Assert.IsAssignableFrom<IOException>(creation.Exception?.InnerException);
            Assert.Null(catalog.Find(name));
            Assert.True(catalog.GetOrCreateAsync(name).IsCompletedSuccessfully);
            Assert.True(number < 100);
        }
    }

    [Fact]
    public void Create_UndoFails_IsUndoneByNextAttempt()
    {
        var catalog = Open();
        var renames = 0;
        _fileSystem.Faults = call =>
            call.Kind switch
            {
                FileSystemCallKind.Rename when call.Path == "/data/topics/t" => Fault.InputOutputError,
                FileSystemCallKind.SyncDirectory when call.Path == "/data/topics" && renames++ == 0 =>
                    Fault.InputOutputError,
                _ => Fault.None,
            };
        Assert.True(catalog.GetOrCreateAsync("t").IsFaulted);
        Assert.True(catalog.GetOrCreateAsync("t").IsFaulted);
        _fileSystem.Faults = null;
        Assert.True(catalog.GetOrCreateAsync("t").IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Create_AboveMaxTopics_IsRejected()
    {
        var catalog = Open(new StorageOptions { Directory = "/data", MaxTopics = 1 });
        var first = await catalog.GetOrCreateAsync("a");
        await Assert.ThrowsAsync<TooManyTopicsException>(() => catalog.GetOrCreateAsync("b"));
        Assert.Same(first.Topic, (await catalog.GetOrCreateAsync("a")).Topic);
    }

    [Fact]
    public async Task Create_AboveMaxPartitions_IsRejected()
    {
        var catalog = Open(new StorageOptions { Directory = "/data", MaxPartitions = 5 });
        await catalog.GetOrCreateAsync("a", new TopicConfiguration { Partitions = 3 });
        await Assert.ThrowsAsync<TooManyTopicsException>(() =>
            catalog.GetOrCreateAsync("b", new TopicConfiguration { Partitions = 3 })
        );
        await catalog.GetOrCreateAsync("b", new TopicConfiguration { Partitions = 2 });
    }

    [Fact]
    public async Task Create_InvalidNameOrConfiguration_IsRejected()
    {
        var catalog = Open();
        await Assert.ThrowsAsync<ArgumentException>(() => catalog.GetOrCreateAsync("a/b"));
        await Assert.ThrowsAsync<ArgumentException>(() =>
            catalog.GetOrCreateAsync("a", new TopicConfiguration { Partitions = 0 })
        );
    }

    [Fact]
    public void Open_DirectoryInUse_Throws()
    {
        Open();
        Assert.Throws<IOException>(() => Open());
    }
}
