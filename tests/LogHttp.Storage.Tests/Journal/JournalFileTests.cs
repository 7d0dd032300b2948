using System.IO.Compression;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Journal;

/// <summary>api/FORMAT.md §9.</summary>
public class JournalFileTests
{
    [Fact]
    public void Make_NewFile_IsIncompressibleWithoutRounds()
    {
        var fileSystem = TestJournal.CreateDisk();
        using (var file = JournalFile.Make(fileSystem, TestJournal.Directory, 7, 3 << 20, () => 5))
            Assert.Equal((7, 3 << 20), (file.Number, file.SizeBytes));
        var survivor = fileSystem.PowerCut();
        using var found = JournalFile.Open(survivor, TestJournal.Directory, 7);
        var content = new byte[found.SizeBytes];
        found.File.ReadExactly(content, 0);
        using var compressed = new MemoryStream();
        using (var stream = new BrotliStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
            stream.Write(content);
        Assert.True(compressed.Length > content.Length * 0.99);
        Assert.Equal(["00000007.journal"], survivor.List(TestJournal.Directory).Select(static entry => entry.Name));
        Assert.True(JournalScan.Read(survivor, TestJournal.Directory).IsEmpty);
    }

    [Fact]
    public void Make_NumberInUse_KeepsExistingFile()
    {
        var fileSystem = TestJournal.CreateDisk();
        using (var file = new TestJournalFile(fileSystem, 1, 11))
            file.Add(1, 3, 0);
        Assert.Throws<IOException>(() => JournalFile.Make(fileSystem, TestJournal.Directory, 1, 8192, () => 1));
        Assert.Equal(3ul, JournalScan.Read(fileSystem, TestJournal.Directory).LastNumber);
    }

    [Fact]
    public void Make_FailsAtAnyCall_LeavesNothing()
    {
        var calls = 0;
        for (var failAt = 1; ; failAt++)
        {
            var fileSystem = TestJournal.CreateDisk(failAt);
            calls = 0;
            fileSystem.Faults = call => ++calls == failAt ? Fault.InputOutputError : Fault.None;
            try
            {
                JournalFile.Make(fileSystem, TestJournal.Directory, 1, 1 << 16, () => 1).Dispose();
                break;
            }
            catch (IOException)
            {
                fileSystem.Faults = null;
                Assert.Empty(fileSystem.List(TestJournal.Directory));
                Assert.Equal(0, fileSystem.OpenHandleCount);
            }
        }
        Assert.True(calls >= 7);
    }

    [Fact]
    public void Make_PowerCutAtAnyCall_LeavesWholeOrTemporaryFile()
    {
        // The seed decides which of the unsynced bytes and names survive.
        for (var seed = 1; seed <= 8; seed++)
        {
            for (var cutAt = 1; !MakeCutAt(cutAt, seed); cutAt++) { }
        }
    }

    /// <summary>Returns whether the file was created before the cut.</summary>
    static bool MakeCutAt(int cutAt, int seed)
    {
        var isDone = false;
        var fileSystem = TestJournal.CreateDisk(seed);
        fileSystem.Faults = new SeededFaultPlan(new Random(cutAt))
        {
            PowerCutAtCall = fileSystem.CallCount + cutAt,
        }.Decide;
        try
        {
            JournalFile.Make(fileSystem, TestJournal.Directory, 1, 1 << 16, () => 1).Dispose();
            isDone = true;
        }
        catch (PowerCutException) { }
        var survivor = fileSystem.PowerCut();
        survivor.Faults = null;
        var scan = JournalScan.Read(survivor, TestJournal.Directory);
        Assert.True(scan.IsEmpty && scan.Damage is null && scan.ForeignNames.Count == 0);
        Assert.All(scan.FreeFiles, static file => Assert.Equal(new(1, 1 << 16), file));
        Assert.All(scan.FreeFiles, _ => AssertFilled(survivor));
        Assert.All(scan.TemporaryNames, static name => Assert.Equal("00000001.journal.tmp", name));
        if (scan.FreeFiles.Count == 0)
            JournalFile.Make(survivor, TestJournal.Directory, scan.NextFileNumber, 1 << 16, () => 1).Dispose();
        return isDone;
    }

    /// <summary>
    /// Checks that every block of the file is on the disk. Any other block would cost a metadata commit when a round is
    /// written there.
    /// </summary>
    static void AssertFilled(PowerCutFileSystem fileSystem)
    {
        using var file = JournalFile.Open(fileSystem, TestJournal.Directory, 1);
        var bytes = new byte[file.SizeBytes];
        file.File.ReadExactly(bytes, 0);
        for (var position = 0; position < bytes.Length; position += JournalFormat.BlockBytes)
            Assert.True(
                bytes.AsSpan(position, JournalFormat.BlockBytes).ContainsAnyExcept((byte)0),
                $"position {position}"
            );
    }

    [Theory]
    [InlineData(-4096)]
    [InlineData(100)]
    [InlineData(8192)]
    public void Write_OutsideFile_Throws(long position)
    {
        using var file = JournalFile.Make(TestJournal.CreateDisk(), TestJournal.Directory, 1, 8192, () => 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Write(new byte[100], position));
        Assert.Equal(8192, file.File.LengthBytes);
    }

    [Fact]
    public void Remove_AfterPowerCut_IsDurable()
    {
        var fileSystem = TestJournal.CreateDisk();
        JournalFile.Make(fileSystem, TestJournal.Directory, 1, 8192, () => 1).Remove(fileSystem);
        Assert.Empty(fileSystem.PowerCut().List(TestJournal.Directory));
    }

    [Theory]
    [InlineData("00000001.journal", true)]
    [InlineData("123456789.journal", true)]
    [InlineData("1.journal", false)]
    [InlineData("000000001.journal", false)]
    [InlineData("00000001.journal.tmp", false)]
    [InlineData("+0000001.journal", false)]
    public void TryParseName_AnyName_AcceptsOwnAlone(string name, bool expected) =>
        Assert.Equal(expected, JournalFile.TryParseName(name, out _));
}
