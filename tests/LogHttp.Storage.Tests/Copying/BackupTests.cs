using System.Text;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Copying;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Topics;
using LogHttp.Storage.Verifying;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Copying;

/// <summary>Backups on the simulated disk: under power cuts and kills, and of directories after a crash.</summary>
public class BackupTests
{
    const string Data = "/data";
    const string Copy = "/copy";
    const long SegmentBytes = 64 << 10;

    static readonly TopicConfiguration Always = new() { SegmentBytes = SegmentBytes };

    static readonly TopicConfiguration OsFlushed = Always with { Flush = FlushPolicy.Os };

    readonly SimulatedScheduler _scheduler = new(new Random(1));

    [Fact]
    public void Backup_RunningLog_HoldsAllAcknowledged()
    {
        var fileSystem = new PowerCutFileSystem(new Random(1));
        var written = new Script(this, fileSystem).Run();

        var summary = Backup(fileSystem);

        Assert.False(summary.IsJournalApplied);
        AssertHolds(fileSystem, Copy, written);
    }

    [Fact]
    public void Backup_TopicGrowsMeanwhile_HasAllItsPartitions()
    {
        var fileSystem = new PowerCutFileSystem(new Random(1));
        var catalog = Open(fileSystem, Data);
        Append(Create(catalog, "t", Always), "old", []);
        var hasGrown = false;
        fileSystem.Faults = call =>
        {
            if (!hasGrown && call.Path == $"{Copy}.partial/topics/t/0")
            {
                hasGrown = true;
                Wait(catalog.ConfigureAsync("t", static before => before with { Partitions = 3 }));
                Append(catalog.Find("t")!.Partitions[2], "new", []);
            }
            return Fault.None;
        };

        Backup(fileSystem);

        Assert.True(hasGrown);
        var findings = new List<Finding>();
        DirectoryVerifier.Run(fileSystem, Copy, topic: null, findings.Add);
        Assert.Empty(findings);
        var copy = Open(fileSystem, Copy).Find("t")!;
        Assert.Equal([1, 0, 1], copy.Partitions.Select(static partition => partition.EndOffset));
        Assert.Equal([1], copy.FormerCounts);
    }

    [Fact]
    public void Backup_AnyCrashState_HoldsAllAcknowledged()
    {
        var applied = 0;
        for (var seed = 0; seed < 3; seed++)
        {
            var isDone = false;
            for (var cutAt = 1; !isDone; cutAt += 3)
            {
                var fileSystem = new PowerCutFileSystem(new Random(seed));
                var script = new Script(this, fileSystem);
                fileSystem.Faults = CutAt(cutAt);
                isDone = !Breaks(() => script.Run());
                fileSystem.Faults = null;
                fileSystem = fileSystem.PowerCut();
                _scheduler.Clear();
                if (!fileSystem.List(Data).Any(static entry => entry.Name == "topics"))
                    continue;

                var summary = Backup(fileSystem);

                Assert.Empty(summary.Problems);
                AssertNeedsNoJournal(fileSystem);
                AssertHolds(fileSystem, Copy, script.Acknowledged);
                // The original is unchanged: it recovers by itself.
                AssertHolds(fileSystem, Data, script.Acknowledged);
                applied += summary.IsJournalApplied ? 1 : 0;
            }
        }
        Assert.True(applied > 20, $"The journal was applied to {applied} copies.");
    }

    [Fact]
    public void Backup_PowerCutAtAnyCall_LeavesNoHalfCopy()
    {
        for (var cutAt = 1; BreakOff(cutAt, isKill: false); cutAt++) { }
    }

    [Fact]
    public void Backup_KilledAtAnyCall_LeavesNoHalfCopy()
    {
        for (var cutAt = 1; BreakOff(cutAt, isKill: true); cutAt++) { }
    }

    [Fact]
    public void Backup_SourceStartsAfterLostRoll_StaysUnchanged()
    {
        var isLost = false;
        for (var seed = 0; seed < 20; seed++)
        {
            var fileSystem = new PowerCutFileSystem(new Random(seed));
            var catalog = Open(fileSystem, Data);
            var partition = Create(catalog, "t", OsFlushed);
            var written = new List<string>();
            // Two rolls, and a record behind them that no sync made durable. The segments before have room.
            foreach (var sizeBytes in new[] { 30_000, 40_000, 30_000 })
                Append(partition, Value(written.Count, sizeBytes), written);
            Backup(fileSystem);
            var before = Contents(fileSystem, Copy);
            fileSystem = fileSystem.PowerCut();
            _scheduler.Clear();

            partition = Open(fileSystem, Data).Find("t")!.Partitions[0];
            isLost |= partition.EndOffset < 3;
            for (var number = 0; number < 3; number++)
                Append(partition, Value(number, 2_000), written);

            // The files that the backup synced and links are unchanged.
            Assert.Equal(before, Contents(fileSystem, Copy));
            _scheduler.Clear();
        }
        Assert.True(isLost, "No seed lost the last record.");
    }

    [Fact]
    public void Backup_DamagedJournal_IsReadOnlyLikeSource()
    {
        var fileSystem = new PowerCutFileSystem(new Random(1));
        var written = new Script(this, fileSystem).Run();
        fileSystem = fileSystem.Kill();
        _scheduler.Clear();
        foreach (var entry in fileSystem.List($"{Data}/journal"))
            fileSystem.DeleteFile($"{Data}/journal/{entry.Name}");

        var summary = Backup(fileSystem);

        Assert.NotEmpty(summary.Problems);
        var catalog = Open(fileSystem, Copy);
        Assert.NotNull(catalog.Find("always")!.Partitions[0].StoppedReason);
        Assert.NotEmpty(written["always"]);
    }

    [Fact]
    public void Backup_TopicWithoutItsFile_NamesTopic()
    {
        var fileSystem = new PowerCutFileSystem(new Random(1));
        _ = new Script(this, fileSystem).Run();
        fileSystem.DeleteFile($"{Data}/topics/always/topic.json");

        var exception = Assert.ThrowsAny<IOException>(() => Backup(fileSystem));

        Assert.Contains("\"always\"", exception.Message, StringComparison.Ordinal);
    }

    /// <summary>Interrupts a backup of a crashed directory at a call. Returns false if it ended before that.</summary>
    bool BreakOff(int cutAt, bool isKill)
    {
        var fileSystem = new PowerCutFileSystem(new Random(cutAt));
        var script = new Script(this, fileSystem);
        script.Run();
        fileSystem = fileSystem.Kill();
        _scheduler.Clear();
        fileSystem.Faults = CutAt(cutAt);
        var isBroken = Breaks(() => Backup(fileSystem));
        fileSystem.Faults = null;
        fileSystem = isKill && !fileSystem.IsOver ? fileSystem.Kill() : fileSystem.PowerCut();
        _scheduler.Clear();

        if (fileSystem.List("/").Any(static entry => entry.Name == "copy"))
        {
            AssertNeedsNoJournal(fileSystem);
            AssertHolds(fileSystem, Copy, script.Acknowledged);
        }
        else
        {
            Assert.True(isBroken, "The backup ended, and its name was not durable.");
        }
        AssertHolds(fileSystem, Data, script.Acknowledged);
        return isBroken;
    }

    static Func<FileSystemCall, Fault> CutAt(int count) => _ => --count == 0 ? Fault.PowerCutDuring : Fault.None;

    static bool Breaks(Action act)
    {
        try
        {
            act();
            return false;
        }
        catch (PowerCutException)
        {
            return true;
        }
    }

    BackupSummary Backup(PowerCutFileSystem fileSystem) =>
        Wait(Storage.Copying.Backup.RunAsync(fileSystem, Data, Environment(fileSystem), Copy));

    /// <summary>Runs scheduled work until a task ends. Continuations may run on the thread pool meanwhile.</summary>
    T Wait<T>(Task<T> task)
    {
        do _scheduler.RunAll();
        while (Task.WaitAny([task], millisecondsTimeout: 1) < 0);
        return task.GetAwaiter().GetResult();
    }

    StorageEnvironment Environment(PowerCutFileSystem fileSystem) =>
        new()
        {
            FileSystem = fileSystem,
            AppendScheduler = _scheduler,
            CommitScheduler = _scheduler,
        };

    TopicCatalog Open(PowerCutFileSystem fileSystem, string directory) =>
        TopicCatalog.Open(
            Environment(fileSystem),
            new StorageOptions
            {
                Directory = directory,
                MinJournalFileBytes = 64 << 10,
                CheckpointBytes = 64 << 10,
                // The timers of a crashed catalog must not fire in the middle of another test.
                RetentionInterval = TimeSpan.FromDays(1),
            }
        );

    PartitionLog Create(TopicCatalog catalog, string name, TopicConfiguration configuration) =>
        Wait(catalog.GetOrCreateAsync(name, configuration)).Topic.Partitions[0];

    void Append(PartitionLog partition, string value, List<string> acknowledged)
    {
        var append = partition.AppendAsync(TestLog.Batch([value]));
        _scheduler.RunAll();
        Assert.True(append.IsCompleted);
        Assert.Equal(AppendStatus.Appended, append.Result.Status);
        acknowledged.Add(value);
    }

    static string Value(int number, int sizeBytes) => $"{number} {new string('x', sizeBytes)}";

    static void AssertNeedsNoJournal(PowerCutFileSystem fileSystem)
    {
        Assert.True(
            JournalMark.Read(fileSystem, $"{Copy}/topics") is null or { IsEmpty: true },
            "The copy needs a journal."
        );
        Assert.DoesNotContain(fileSystem.List($"{Copy}/journal"), static entry => !entry.IsDirectory);
    }

    /// <summary>
    /// Opens a directory and checks that every acknowledged record is there, in order, and nothing is damaged.
    /// </summary>
    void AssertHolds(PowerCutFileSystem fileSystem, string directory, Dictionary<string, List<string>> acknowledged)
    {
        var catalog = Open(fileSystem, directory);
        Assert.Empty(catalog.DamagedTopics);
        foreach (var (name, values) in acknowledged.Where(static topic => topic.Key != "os" && topic.Value.Count > 0))
        {
            var partition = catalog.Find(name)!.Partitions[0];
            Assert.Null(partition.StoppedReason);
            Assert.Equal(values, ReadAll(partition).Take(values.Count));
        }
        Wait(Close(catalog));

        static async Task<bool> Close(TopicCatalog catalog)
        {
            await catalog.DisposeAsync();
            return true;
        }
    }

    static IEnumerable<string> ReadAll(PartitionLog partition)
    {
        for (var place = LogPlace.Earliest; ; )
        {
            using var page = partition.Fetch(place, PageSize.Default);
            if (page.Region is null)
                yield break;
            foreach (var record in TestLog.Parse(page.Region))
                yield return record.GetProperty("value").GetString()!;
            place = LogPlace.At(page.NextOffset);
        }
    }

    static SortedDictionary<string, string> Contents(PowerCutFileSystem fileSystem, string directory)
    {
        var contents = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Visit(directory);
        return contents;

        void Visit(string path)
        {
            foreach (var entry in fileSystem.List(path))
            {
                var name = $"{path}/{entry.Name}";
                if (entry.IsDirectory)
                {
                    Visit(name);
                    continue;
                }
                using var file = fileSystem.Open(name);
                var bytes = new byte[file.LengthBytes];
                file.ReadExactly(bytes, 0);
                contents.Add(name, Encoding.Latin1.GetString(bytes));
            }
        }
    }

    /// <summary>
    /// Appends to a journaled topic and to one under <c>os</c>, with rolls, a large group and a deletion.
    /// </summary>
    sealed class Script(BackupTests tests, PowerCutFileSystem fileSystem)
    {
        public Dictionary<string, List<string>> Acknowledged { get; } = new() { ["always"] = [], ["os"] = [] };

        public Dictionary<string, List<string>> Run()
        {
            var catalog = tests.Open(fileSystem, Data);
            var (always, system) = (tests.Create(catalog, "always", Always), tests.Create(catalog, "os", OsFlushed));
            var gone = tests.Create(catalog, "gone", Always);
            for (var number = 0; number < 30; number++)
            {
                tests.Append(always, Value(number, number % 5 == 4 ? 12_000 : 3_000), Acknowledged["always"]);
                if (number % 4 == 0)
                    tests.Append(system, Value(number, 9_000), Acknowledged["os"]);
                if (number == 3)
                    tests.Append(gone, Value(number, 100), []);
                if (number == 6)
                    tests.Wait(catalog.DeleteAsync("gone"));
            }
            return Acknowledged;
        }
    }
}
