using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Journal;

/// <summary>api/FORMAT.md §11.</summary>
public class UnplacedEntriesTests
{
    const ulong Topic = 0x8f1d4c0a52b7e693;
    const string FilePath = TestJournal.Directory + "/unplaced/8f1d4c0a52b7e693-3.journal";

    static readonly JournalEntry Entry = new(JournalEntryKind.Records, Topic, 3, 42, 1, 0);

    readonly PowerCutFileSystem _fileSystem = TestJournal.CreateDisk();

    static UnplacedEntries Open(IFileSystem fileSystem, long maxFileBytes = 1 << 20, long maxTotalBytes = 1 << 21) =>
        new(fileSystem, TestJournal.Directory, static () => 77, maxFileBytes, maxTotalBytes);

    static List<long> Positions(IFileSystem fileSystem, int partition = 3)
    {
        List<long> positions = [];
        Open(fileSystem)
            .ReadAll(
                Topic,
                partition,
                (in entry, payload, _) =>
                {
                    Assert.Equal(TestJournal.Payload((ulong)entry.Position, payload.Length), payload);
                    positions.Add(entry.Position);
                }
            );
        return positions;
    }

    static void Add(UnplacedEntries unplaced, long position, int payloadBytes = 100, int partition = 3) =>
        unplaced.Add(
            Entry with
            {
                Position = position,
                Partition = partition,
            },
            TestJournal.Payload((ulong)position, payloadBytes)
        );

    [Fact]
    public void Open_WithoutEntries_CreatesNothing()
    {
        Assert.Empty(Open(_fileSystem).List());
        Assert.Empty(Positions(_fileSystem));
        Open(_fileSystem).Flush();
        Open(_fileSystem).Remove(Topic, 3);
        Assert.Empty(_fileSystem.List(TestJournal.Directory));
    }

    [Fact]
    public void Flush_Entries_MakesThemDurableInOrder()
    {
        var unplaced = Open(_fileSystem);
        for (var position = 0; position < 300; position++)
            Add(unplaced, position, position * 9);
        unplaced.Flush();
        Add(unplaced, 300);
        unplaced.Flush();
        Add(unplaced, 301);
        var survivor = _fileSystem.PowerCut();
        Assert.Equal(Enumerable.Range(0, 301).Select(static position => (long)position), Positions(survivor));
        Assert.Null(JournalScan.Read(survivor, TestJournal.Directory).Damage);
    }

    [Fact]
    public void Add_AfterRestart_ContinuesFile()
    {
        for (var position = 0; position < 5; position++)
        {
            var unplaced = Open(_fileSystem);
            Add(unplaced, position);
            unplaced.Flush();
        }
        Assert.Equal([0, 1, 2, 3, 4], Positions(_fileSystem));
    }

    [Fact]
    public void Add_AboveHeldBytes_Writes()
    {
        var unplaced = Open(_fileSystem, 64 << 20, 64 << 20);
        for (var position = 0; position < 40; position++)
            Add(unplaced, position, 300_000, partition: position % 3);
        unplaced.Flush();
        for (var partition = 0; partition < 3; partition++)
        {
            var expected = Enumerable.Range(0, 40).Where(position => position % 3 == partition);
            Assert.Equal(expected.Select(static position => (long)position), Positions(_fileSystem, partition));
        }
    }

    [Fact]
    public void Add_LargestEntry_IsKept()
    {
        var unplaced = Open(_fileSystem, 64 << 20, 64 << 20);
        Add(unplaced, 1, JournalFormat.MaxRoundBytes - JournalFormat.HeadBytes - JournalFormat.EntryHeadBytes);
        Add(unplaced, 2);
        unplaced.Flush();
        Assert.Equal([1, 2], Positions(_fileSystem));
    }

    [Fact]
    public void List_WithForeignFiles_ReturnsPartitionsAlone()
    {
        var unplaced = Open(_fileSystem);
        Add(unplaced, 1, partition: 9);
        Add(unplaced, 1, 5000, partition: 3);
        unplaced.Flush();
        _fileSystem.Create(TestJournal.Directory + "/unplaced/note").Dispose();
        Assert.Equal([new(Topic, 3, 8192), new(Topic, 9, 4096)], Open(_fileSystem).List());
    }

    [Fact]
    public void Remove_WithUnflushedEntries_DropsThemDurably()
    {
        var unplaced = Open(_fileSystem);
        Add(unplaced, 1, partition: 9);
        Add(unplaced, 1);
        unplaced.Flush();
        Add(unplaced, 2);
        unplaced.Remove(Topic, 3);
        unplaced.Flush();
        Add(unplaced, 4);
        unplaced.Flush();
        unplaced.Remove(Topic, 9);
        var survivor = _fileSystem.PowerCut();
        Assert.Equal([4], Positions(survivor));
        Assert.Equal([new(Topic, 3, 4096)], Open(survivor).List());
    }

    [Fact]
    public void Flush_AboveFileLimit_FailsAndKeepsFile()
    {
        var unplaced = Open(_fileSystem, maxFileBytes: 8192);
        Add(unplaced, 1);
        unplaced.Flush();
        Add(unplaced, 2, 5000);
        var exception = Assert.Throws<IOException>(unplaced.Flush);
        Assert.Contains("At most 8192 bytes", exception.Message, StringComparison.Ordinal);
        Assert.Equal([1], Positions(_fileSystem));
    }

    [Fact]
    public void Flush_AboveTotalLimit_Fails()
    {
        var unplaced = Open(_fileSystem, maxTotalBytes: 8192);
        Add(unplaced, 1, partition: 1);
        Add(unplaced, 1, partition: 2);
        unplaced.Flush();
        Add(Open(_fileSystem, maxTotalBytes: 12288), 2, partition: 3);
        var again = Open(_fileSystem, maxTotalBytes: 8192);
        Add(again, 2, partition: 3);
        Assert.Throws<IOException>(again.Flush);
    }

    [Fact]
    public void ReadAll_DamagedRound_ReportsCorruption()
    {
        var unplaced = Open(_fileSystem);
        for (var position = 0; position < 3; position++)
        {
            Add(unplaced, position);
            unplaced.Flush();
        }
        using (var file = _fileSystem.Open(FilePath))
            file.Write([0xEE], 4096 + 100);
        Assert.Equal(4096, Assert.Throws<CorruptionException>(() => Positions(_fileSystem)).Position);
        Add(Open(_fileSystem), 9);
        var again = Open(_fileSystem);
        Add(again, 9);
        Assert.Throws<CorruptionException>(again.Flush);
    }

    [Fact]
    public void Flush_AfterTornRound_CutsIt()
    {
        var unplaced = Open(_fileSystem);
        Add(unplaced, 0);
        unplaced.Flush();
        using (var file = _fileSystem.Open(FilePath))
            file.Write("LHROUND0 and then nothing more"u8, 4096);
        Assert.Equal([0], Positions(_fileSystem));
        unplaced = Open(_fileSystem);
        Add(unplaced, 1);
        unplaced.Flush();
        Assert.Equal([0, 1], Positions(_fileSystem));
    }

    [Fact]
    public void Flush_AfterUnsyncedRound_MakesItDurable()
    {
        // The seed chooses the part of the file that a power cut loses.
        for (var seed = 1; seed <= 8; seed++)
        {
            var fileSystem = TestJournal.CreateDisk(seed);
            var failing = Open(fileSystem);
            Add(failing, 0);
            fileSystem.Faults = static call =>
                call is { Kind: FileSystemCallKind.Sync, Path: FilePath } ? Fault.InputOutputError : Fault.None;
            Assert.Throws<IOException>(failing.Flush);
            fileSystem.Faults = null;
            fileSystem = fileSystem.Kill();

            var unplaced = Open(fileSystem);
            Add(unplaced, 1);
            unplaced.Flush();

            Assert.Equal([0, 1], Positions(fileSystem.PowerCut()));
        }
    }

    [Fact]
    public void PowerCut_AtAnyCall_LosesNothingFlushed()
    {
        var isDone = false;
        for (var cutAt = 1; !isDone; cutAt++)
        {
            for (var seed = 0; seed < 5; seed++)
            {
                var random = new Random(cutAt * 100 + seed);
                var fileSystem = TestJournal.CreateDisk(random.Next());
                fileSystem.Faults = new SeededFaultPlan(random)
                {
                    PowerCutAtCall = fileSystem.CallCount + cutAt,
                }.Decide;
                var flushed = 0L;
                var added = 0L;
                try
                {
                    for (var start = 0; start < 3; start++)
                    {
                        var unplaced = Open(fileSystem);
                        for (var flush = 0; flush < 2; flush++)
                        {
                            for (var count = 0; count < 2; count++)
                                Add(unplaced, added++, 3000);
                            unplaced.Flush();
                            flushed = added;
                        }
                        fileSystem = start == 0 ? fileSystem.Kill() : fileSystem;
                    }
                    isDone = true;
                }
                catch (PowerCutException) { }
                var survivor = fileSystem.PowerCut();
                survivor.Faults = null;
                var found = Positions(survivor);
                Assert.InRange(found.Count, flushed, added);
                Assert.Equal(Enumerable.Range(0, found.Count).Select(static position => (long)position), found);
                var again = Open(survivor);
                Add(again, found.Count);
                again.Flush();
                Assert.Equal(found.Count + 1, Positions(survivor.PowerCut()).Count);
            }
        }
    }
}
