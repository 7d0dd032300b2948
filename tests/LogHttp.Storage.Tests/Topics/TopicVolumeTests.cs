using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Topics;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Topics;

/// <summary>A topic on another file system than the data directory.</summary>
public class TopicVolumeTests
{
    const string Topics = "/data/topics";
    const int Partitions = 6;

    readonly SimulatedScheduler _scheduler = new(new Random(1));

    [Fact]
    public void Append_TopicOnOtherVolume_SurvivesPowerCut()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var fileSystem = new PowerCutFileSystem(new Random(seed));
            var (catalog, _) = OpenWithAMountedTopic(fileSystem);
            var topic = catalog.Find("mounted")!;
            var appends = topic
                .Partitions.Select(partition => partition.AppendAsync(TestLog.Batch(["kept"])))
                .ToArray();
            _scheduler.RunAll();
            Assert.All(appends, AssertAppended);
            _scheduler.Clear();

            catalog = Open(fileSystem.PowerCut());

            Assert.All(catalog.Find("mounted")!.Partitions, partition => Assert.Equal(1, partition.EndOffset));
        }
    }

    [Fact]
    public void Append_ManyPartitions_SyncsEachVolumeOnce()
    {
        var fileSystem = new PowerCutFileSystem(new Random(1));
        var (catalog, _) = OpenWithAMountedTopic(fileSystem);
        List<string> synced = [];
        fileSystem.Faults = call =>
        {
            if (call.Kind is FileSystemCallKind.SyncAll)
                synced.Add(call.Path);
            return Fault.None;
        };
        foreach (var partition in catalog.Topics.SelectMany(static topic => topic.Partitions))
            _ = partition.AppendAsync(TestLog.Batch(["kept"]));

        _scheduler.RunAll();

        Assert.Equal(["/", $"{Topics}/mounted"], synced.Distinct().Order());
    }

    [Fact]
    public void Append_OtherVolume_KeepsRecordsOutOfJournal()
    {
        var fileSystem = new PowerCutFileSystem(new Random(1));
        var (catalog, _) = OpenWithAMountedTopic(fileSystem);

        AppendToEachPartition(catalog.Find("mounted")!);

        List<JournalEntryKind> kinds = [];
        var scan = JournalScan.Read(fileSystem, "/data/journal");
        JournalReader.Read(
            fileSystem,
            "/data/journal",
            scan.Rounds,
            1,
            ulong.MaxValue,
            (in entry, _, _) => kinds.Add(entry.Kind)
        );
        Assert.Contains(JournalEntryKind.SyncedUpTo, kinds);
        Assert.DoesNotContain(JournalEntryKind.Records, kinds);
    }

    [Fact]
    public void Open_MissingVolume_ServesOthersUntilItReturns()
    {
        var fileSystem = new PowerCutFileSystem(new Random(1));
        var (catalog, volume) = OpenWithAMountedTopic(fileSystem);
        Close(catalog);
        fileSystem = fileSystem.PowerCut();
        fileSystem.Unmount(volume);

        catalog = Open(fileSystem);

        Assert.Equal(["mounted"], catalog.DamagedTopics.Keys);
        Assert.NotNull(catalog.Find("local"));
        Close(catalog);
        fileSystem.Mount($"{Topics}/mounted", volume);
        Assert.Empty(Open(fileSystem).DamagedTopics);
    }

    [Fact]
    public void Open_MissingVolume_KeepsItsEntries()
    {
        var (fileSystem, volume) = LoseTheTopicsVolume();

        var catalog = Open(fileSystem);

        Assert.Equal(["mounted"], catalog.DamagedTopics.Keys);
        Close(catalog);
        fileSystem.Mount($"{Topics}/mounted", volume);
        catalog = Open(fileSystem);
        Assert.All(catalog.Find("mounted")!.Partitions, partition => Assert.Equal(2, partition.EndOffset));
        Assert.Empty(fileSystem.List("/data/journal/unplaced"));
    }

    [Fact]
    public void Open_ReturnedTopicDoesNotOpen_KeepsItsEntries()
    {
        var (fileSystem, volume) = LoseTheTopicsVolume();
        Close(Open(fileSystem));
        fileSystem.Mount($"{Topics}/mounted", volume);
        // The entries are applied to their segments, but no checkpoint says so.
        fileSystem.Faults = static call =>
            call is { Kind: FileSystemCallKind.Open, Path: $"{Topics}/mounted/0/checkpoint" }
                ? Fault.InputOutputError
                : Fault.None;

        var catalog = Open(fileSystem);

        Assert.Equal(["mounted"], catalog.DamagedTopics.Keys);
        Close(catalog);
        fileSystem.Faults = static _ => Fault.None;
        Assert.All(Open(fileSystem).Find("mounted")!.Partitions, partition => Assert.Equal(2, partition.EndOffset));
    }

    [Theory]
    [InlineData(FileSystemCallKind.Write, $"{Topics}/mounted/0/00000000000000000000.index", Fault.DiskFull)]
    [InlineData(FileSystemCallKind.Write, $"{Topics}/mounted/0/checkpoint.tmp", Fault.DiskFull)]
    [InlineData(FileSystemCallKind.SyncDirectory, $"{Topics}/mounted/0", Fault.InputOutputError)]
    public void Open_DiskOfReturnedTopicFails_KeepsItsEntries(FileSystemCallKind kind, string path, Fault fault)
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var (fileSystem, volume) = LoseTheTopicsVolume(seed);
            Close(Open(fileSystem));
            fileSystem.Mount($"{Topics}/mounted", volume);
            fileSystem.Faults = call => call.Kind == kind && call.Path == path ? fault : Fault.None;
            Close(Open(fileSystem));
            fileSystem.Faults = static _ => Fault.None;
            // An existing checkpoint may have a name that is not durable. No clean stop writes it again.
            Open(fileSystem);
            _scheduler.Clear();

            var catalog = Open(fileSystem.PowerCut());

            Assert.All(catalog.Find("mounted")!.Partitions, partition => Assert.Equal(2, partition.EndOffset));
        }
    }

    /// <summary>
    /// Creates a topic on a volume that is not mounted. Its checkpoints have an end, and only the journal has a later
    /// one.
    /// </summary>
    (PowerCutFileSystem FileSystem, SimulatedVolume Volume) LoseTheTopicsVolume(int seed = 1)
    {
        var fileSystem = new PowerCutFileSystem(new Random(seed));
        var (catalog, volume) = OpenWithAMountedTopic(fileSystem);
        AppendToEachPartition(catalog.Find("mounted")!);
        Close(catalog);
        AppendToEachPartition(Open(fileSystem).Find("mounted")!);
        _scheduler.Clear();
        fileSystem = fileSystem.PowerCut();
        fileSystem.Unmount(volume);
        return (fileSystem, volume);
    }

    void AppendToEachPartition(Topic topic)
    {
        var appends = topic.Partitions.Select(partition => partition.AppendAsync(TestLog.Batch(["kept"]))).ToArray();
        _scheduler.RunAll();
        Assert.All(appends, AssertAppended);
    }

    static void AssertAppended(Task<AppendResult> append)
    {
        Assert.True(append.IsCompleted);
        Assert.Equal(AppendStatus.Appended, append.Result.Status);
    }

    /// <summary>Opens two topics of several partitions each, one of them on a volume of its own.</summary>
    (TopicCatalog Catalog, SimulatedVolume Volume) OpenWithAMountedTopic(PowerCutFileSystem fileSystem)
    {
        var catalog = Open(fileSystem);
        foreach (var name in new[] { "local", "mounted" })
            Assert.True(
                catalog.GetOrCreateAsync(name, new TopicConfiguration { Partitions = Partitions }).Result.IsNew
            );
        Close(catalog);
        var volume = fileSystem.AddVolume("other");
        fileSystem.CreateDirectory("/mnt");
        fileSystem.Mount("/mnt", volume);
        Copy(fileSystem, $"{Topics}/mounted", "/mnt");
        fileSystem.Unmount(volume);
        fileSystem.DeleteDirectory($"{Topics}/mounted");
        fileSystem.CreateDirectory($"{Topics}/mounted");
        fileSystem.SyncDirectory(Topics);
        fileSystem.Mount($"{Topics}/mounted", volume);
        return (Open(fileSystem), volume);
    }

    static void Copy(IFileSystem fileSystem, string source, string destination)
    {
        foreach (var entry in fileSystem.List(source))
        {
            var (from, to) = ($"{source}/{entry.Name}", $"{destination}/{entry.Name}");
            if (entry.IsDirectory)
            {
                fileSystem.CreateDirectory(to);
                Copy(fileSystem, from, to);
                continue;
            }
            using var original = fileSystem.Open(from);
            using var copy = fileSystem.Create(to);
            var content = new byte[original.LengthBytes];
            original.ReadExactly(content, 0);
            copy.Write(content, 0);
        }
    }

    TopicCatalog Open(PowerCutFileSystem fileSystem) =>
        TopicCatalog.Open(
            new StorageEnvironment
            {
                FileSystem = fileSystem,
                AppendScheduler = _scheduler,
                CommitScheduler = _scheduler,
                Time = new SimulatedTime(DateTimeOffset.UnixEpoch),
            },
            new StorageOptions { Directory = "/data", SyncAllThreshold = 2 }
        );

    void Close(TopicCatalog catalog)
    {
        var closing = catalog.DisposeAsync().AsTask();
        _scheduler.RunAll();
        Assert.True(closing.Wait(TimeSpan.FromMinutes(1)));
    }
}
