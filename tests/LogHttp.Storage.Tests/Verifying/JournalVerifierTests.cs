using LogHttp.Storage.Appending;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Topics;
using LogHttp.Storage.Verifying;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Verifying;

/// <summary>A verification of the journal of a directory that no server has open.</summary>
public class JournalVerifierTests
{
    const string Data = "/data";
    const string Journal = "/data/journal";

    readonly SimulatedScheduler _scheduler = new(new Random(1));

    [Fact]
    public void Verify_AfterCleanStop_FindsNothing()
    {
        var fileSystem = new PowerCutFileSystem(new Random(1));
        Close(OpenWithRecords(fileSystem));

        Assert.Empty(Verify(fileSystem));
    }

    [Fact]
    public void Verify_AfterKill_ReportsPendingJournal()
    {
        var findings = Verify(Killed());

        Assert.All(findings, static finding => Assert.Equal(FindingKind.Note, finding.Kind));
        Assert.Contains(
            findings,
            static finding =>
                finding.Path == "/data/topics/__journal"
                && finding.Reason.Contains("waits to be applied", StringComparison.Ordinal)
        );
        Assert.Contains(
            findings,
            static finding => finding.Path.StartsWith(Journal, StringComparison.Ordinal) && finding.LengthBytes > 0
        );
    }

    [Fact]
    public void Verify_DamagedRound_NamesFileAndPosition()
    {
        var fileSystem = Killed();
        var scan = JournalScan.Read(fileSystem, Journal);
        var range = scan.Rounds[^1];
        var path = $"{Journal}/{JournalFile.NameOf(range.FileNumber)}";
        using (var file = fileSystem.Open(path))
            file.Write([0xff], range.FirstPosition + JournalFormat.HeadBytes);

        var damage = Assert.Single(Verify(fileSystem), static finding => finding.Kind == FindingKind.Data);

        Assert.Equal((path, range.FirstPosition), (damage.Path, damage.Position));
    }

    [Fact]
    public void Verify_MissingNeededJournal_ReportsIt()
    {
        var fileSystem = Killed();
        foreach (var entry in fileSystem.List(Journal))
            fileSystem.DeleteFile($"{Journal}/{entry.Name}");

        var damage = Assert.Single(Verify(fileSystem), static finding => finding.Kind == FindingKind.Data);

        Assert.Equal(Journal, damage.Path);
        Assert.Contains("is missing", damage.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_DamagedMark_NamesMark()
    {
        var fileSystem = Killed();
        using (var file = fileSystem.Open("/data/topics/__journal"))
            file.Write(new byte[1024], 0);

        var damage = Assert.Single(Verify(fileSystem), static finding => finding.Kind == FindingKind.Data);

        Assert.Equal("/data/topics/__journal", damage.Path);
    }

    [Fact]
    public void Verify_UnplacedEntries_ListsThem()
    {
        var fileSystem = Killed();
        fileSystem.Rename("/data/topics/t", "/elsewhere");
        _ = Open(fileSystem);
        _scheduler.Clear();
        fileSystem = fileSystem.Kill();

        var findings = Verify(fileSystem);

        Assert.Contains(
            findings,
            static finding =>
                finding.Path.StartsWith("/data/journal/unplaced/", StringComparison.Ordinal)
                && finding.Reason.Contains("acknowledged records wait", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Open_UnplacedEntriesWithoutMark_PlacesThem()
    {
        var fileSystem = Killed();
        fileSystem.Rename("/data/topics/t", "/elsewhere");
        _ = Open(fileSystem);
        _scheduler.Clear();
        fileSystem = fileSystem.Kill();
        fileSystem.DeleteFile("/data/topics/__journal");
        fileSystem.Rename("/elsewhere", "/data/topics/t");

        var catalog = Open(fileSystem);

        Assert.Equal(3, catalog.Find("t")!.Partitions[0].EndOffset);
        Assert.Empty(fileSystem.List("/data/journal/unplaced"));
    }

    [Fact]
    public void UnsyncedBytes_AfterAppend_CountJournaledBytes()
    {
        var partition = OpenWithRecords(new PowerCutFileSystem(new Random(1))).Find("t")!.Partitions[0];

        Assert.True(partition.IsJournaled);
        Assert.InRange(partition.UnsyncedBytes, 1, partition.SizeBytes);
    }

    static List<Finding> Verify(PowerCutFileSystem fileSystem)
    {
        var findings = new List<Finding>();
        DirectoryVerifier.Run(fileSystem, Data, topic: null, findings.Add);
        return findings;
    }

    void Close(TopicCatalog catalog)
    {
        var closing = catalog.DisposeAsync().AsTask();
        _scheduler.RunAll();
        Assert.True(closing.Wait(TimeSpan.FromMinutes(1)));
    }

    PowerCutFileSystem Killed()
    {
        var fileSystem = new PowerCutFileSystem(new Random(1));
        _ = OpenWithRecords(fileSystem);
        _scheduler.Clear();
        return fileSystem.Kill();
    }

    TopicCatalog OpenWithRecords(PowerCutFileSystem fileSystem)
    {
        var catalog = Open(fileSystem);
        var partition = catalog.GetOrCreateAsync("t").Result.Topic.Partitions[0];
        for (var number = 0; number < 3; number++)
        {
            var append = partition.AppendAsync(TestLog.Batch([$"{number}"]));
            _scheduler.RunAll();
            Assert.Equal(AppendStatus.Appended, append.Result.Status);
        }
        return catalog;
    }

    TopicCatalog Open(PowerCutFileSystem fileSystem) =>
        TopicCatalog.Open(
            new StorageEnvironment
            {
                FileSystem = fileSystem,
                AppendScheduler = _scheduler,
                CommitScheduler = _scheduler,
            },
            new StorageOptions
            {
                Directory = Data,
                MinJournalFileBytes = 64 << 10,
                RetentionInterval = TimeSpan.FromDays(1),
            }
        );
}
