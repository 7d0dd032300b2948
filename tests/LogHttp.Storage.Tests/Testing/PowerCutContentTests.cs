using LogHttp.Storage.Files;
using LogHttp.Testing;
using static LogHttp.Storage.Tests.Testing.PowerCutWorld;

namespace LogHttp.Storage.Tests.Testing;

/// <summary>A file's bytes and length after a power cut.</summary>
public class PowerCutContentTests
{
    const string Old = $"{Here}/old";

    static string OldAfterCut(PowerCutFileSystem fileSystem) => Describe(ReadFile(fileSystem.PowerCut(), Old));

    [Fact]
    public void Write_Synced_Survives()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Write(Fill('b', PageSizeBytes), PageSizeBytes);
            file.Write(Fill('c', 100), 3 * PageSizeBytes);
            file.Sync();
            return OldAfterCut(fileSystem);
        });

        Assert.Equal(["4096a 4096b 4096a 100c"], outcomes);
    }

    [Fact]
    public void Write_WithoutSync_LeavesAnySubsetOfPages()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Write(Fill('b', 3 * PageSizeBytes), 0);
            return OldAfterCut(fileSystem);
        });

        Assert.Equal(
            [
                "12288a",
                "12288b",
                "4096a 4096b 4096a",
                "4096a 8192b",
                "4096b 4096a 4096b",
                "4096b 8192a",
                "8192a 4096b",
                "8192b 4096a",
            ],
            outcomes
        );
    }

    [Fact]
    public void Write_WithinPage_TearsAtPageBoundariesAlone()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Write(Fill('b', 200), PageSizeBytes - 100);
            return OldAfterCut(fileSystem);
        });

        Assert.Equal(["12288a", "3996a 100b 8192a", "3996a 200b 8092a", "4096a 100b 8092a"], outcomes);
    }

    [Fact]
    public void Write_BeyondDurableEnd_LeavesZerosForMissingPages()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Write(Fill('b', 2 * PageSizeBytes), 3 * PageSizeBytes);
            return OldAfterCut(fileSystem);
        });

        Assert.Contains("12288a", outcomes);
        Assert.Contains("12288a 8192b", outcomes);
        Assert.Contains("12288a 81920", outcomes);
        Assert.Contains("12288a 40960 4096b", outcomes);
        Assert.Contains("12288a 4096b 40960", outcomes);
    }

    [Fact]
    public void Append_WithoutSync_LeavesAnyLengthAndKeepsDurableBytes()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Create($"{Here}/new");
            fileSystem.SyncDirectory(Here);
            file.Write(Fill('a', 1_000), 0);
            file.Sync();
            file.Write(Fill('b', 1_000), 1_000);
            var content = ReadFile(fileSystem.PowerCut(), $"{Here}/new");
            Assert.InRange(content.Length, 1_000, 2_000);
            Assert.Equal("1000a", Describe(content.AsSpan(0, 1_000)));
            return content.Length is 1_000 or 2_000 ? content.Length.ToString() : "between";
        });

        Assert.Equal(["1000", "2000", "between"], outcomes);
    }

    [Fact]
    public void Truncate_WithoutSync_MayBeLost()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Truncate(PageSizeBytes);
            return OldAfterCut(fileSystem);
        });

        Assert.Equal(["12288a", "4096a"], outcomes);
    }

    [Fact]
    public void Truncate_WithinPageWithoutSync_MayZeroPageEndAlone()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Truncate(PageSizeBytes + 96);
            return OldAfterCut(fileSystem);
        });

        Assert.Equal(["12288a", "4192a", "4192a 40000 4096a"], outcomes);
    }

    [Fact]
    public void Truncate_Synced_GrowsBackAsZeros()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Truncate(96);
            file.Sync();
            file.Write("b"u8, 2 * PageSizeBytes);
            file.Sync();
            return OldAfterCut(fileSystem);
        });

        Assert.Equal(["96a 80960 1b"], outcomes);
    }

    [Fact]
    public void Truncate_ThenWriteWithoutSync_MayRestoreOldBytes()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Truncate(PageSizeBytes);
            file.Write(Fill('b', 2 * PageSizeBytes), PageSizeBytes);
            return OldAfterCut(fileSystem);
        });

        // This is the reason to sync a truncation before a write behind it.
        Assert.Contains("4096a 4096b 4096a", outcomes);
        Assert.Contains("4096a 8192b", outcomes);
        Assert.Contains("4096a 40960 4096b", outcomes);
        Assert.Contains("12288a", outcomes);
        Assert.Contains("4096a", outcomes);
    }

    [Fact]
    public void Sync_Failed_DropsUnwrittenPages()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Write(Fill('b', 2 * PageSizeBytes), 0);
            StrikeNext(fileSystem, FileSystemCallKind.Sync, Fault.InputOutputError);
            Assert.Throws<IOException>(file.Sync);
            Assert.Equal("8192b 4096a", Describe(ReadAll(file)));

            file.Sync();
            Assert.Equal("8192b 4096a", Describe(ReadAll(file)));
            return OldAfterCut(fileSystem);
        });

        Assert.Equal(["12288a", "4096a 4096b 4096a", "4096b 8192a", "8192b 4096a"], outcomes);
    }

    [Fact]
    public void Sync_Failed_StaysDroppedAfterKill()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            var file = fileSystem.Open(Old);
            file.Write(Fill('b', 3 * PageSizeBytes), 0);
            StrikeNext(fileSystem, FileSystemCallKind.Sync, Fault.InputOutputError);
            Assert.Throws<IOException>(file.Sync);

            fileSystem = fileSystem.Kill();
            file = fileSystem.Open(Old);
            Assert.Equal("12288b", Describe(ReadAll(file)));
            file.Sync();
            return OldAfterCut(fileSystem);
        });

        Assert.Contains("12288a", outcomes);
        Assert.Contains("12288b", outcomes);
    }

    [Fact]
    public void Sync_AfterFailedOne_MakesRewrittenBytesDurable()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Write(Fill('b', 3 * PageSizeBytes), 0);
            StrikeNext(fileSystem, FileSystemCallKind.Sync, Fault.InputOutputError);
            Assert.Throws<IOException>(file.Sync);
            // One byte makes the whole page dirty again. The third page stays lost.
            file.Write("b"u8, 0);
            file.Write(Fill('b', PageSizeBytes), PageSizeBytes);
            file.Sync();
            return OldAfterCut(fileSystem);
        });

        Assert.Equal(["12288b", "8192b 4096a"], outcomes);
    }

    [Fact]
    public void Sync_AfterFailedOne_MakesLengthDurableWithZeros()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Write(Fill('b', PageSizeBytes), 3 * PageSizeBytes);
            StrikeNext(fileSystem, FileSystemCallKind.Sync, Fault.InputOutputError);
            Assert.Throws<IOException>(file.Sync);
            file.Sync();
            return OldAfterCut(fileSystem);
        });

        Assert.Equal(["12288a 40960", "12288a 4096b"], outcomes);
    }

    [Fact]
    public void Sync_Failed_MayMakeLengthDurable()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Truncate(PageSizeBytes);
            StrikeNext(fileSystem, FileSystemCallKind.Sync, Fault.InputOutputError);
            Assert.Throws<IOException>(file.Sync);
            return ReadFile(fileSystem.PowerCut(), Old).Length.ToString();
        });

        Assert.Equal(["12288", "4096"], outcomes);
    }

    [Fact]
    public void Sync_OfTruncation_DropsLostPagesBeyondIt()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Truncate(PageSizeBytes);
            StrikeNext(fileSystem, FileSystemCallKind.Sync, Fault.InputOutputError);
            Assert.Throws<IOException>(file.Sync);
            file.Sync();
            file.Write("c"u8, 3 * PageSizeBytes);
            file.Sync();
            return OldAfterCut(fileSystem);
        });

        Assert.Equal(["4096a 81920 1c"], outcomes);
    }

    [Fact]
    public void Sync_DiskFull_LosesDataToo()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Write(Fill('b', 3 * PageSizeBytes), 0);
            StrikeNext(fileSystem, FileSystemCallKind.Sync, Fault.DiskFull);
            Assert.Throws<DiskFullException>(file.Sync);
            file.Sync();
            return OldAfterCut(fileSystem);
        });

        Assert.Contains("12288a", outcomes);
        Assert.Contains("12288b", outcomes);
    }

    [Fact]
    public void Sync_Failed_IsReportedOncePerOpenHandle()
    {
        var fileSystem = Create(1);
        using var writer = fileSystem.Open(Old);
        using var bystander = fileSystem.Open(Old);
        writer.Write("b"u8, 0);
        StrikeNext(fileSystem, FileSystemCallKind.Sync, Fault.InputOutputError);
        Assert.Throws<IOException>(writer.Sync);
        using var latecomer = fileSystem.Open(Old);

        latecomer.Sync();
        writer.Sync();
        Assert.Throws<IOException>(bystander.Sync);
        bystander.Sync();
    }

    [Fact]
    public void Sync_OneFile_DoesNothingForAnother()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            using var other = fileSystem.Create($"{Here}/other");
            fileSystem.SyncDirectory(Here);
            file.Write(Fill('b', PageSizeBytes), 0);
            other.Write(Fill('b', PageSizeBytes), 0);
            other.Sync();
            fileSystem = fileSystem.PowerCut();
            Assert.Equal("4096b", Describe(ReadFile(fileSystem, $"{Here}/other")));
            return Describe(ReadFile(fileSystem, Old));
        });

        Assert.Equal(["12288a", "4096b 8192a"], outcomes);
    }

    [Fact]
    public void SyncAll_FilesAndNames_MakesThemDurable()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Write(Fill('b', PageSizeBytes), 0);
            fileSystem.CreateDirectory($"{There}/below");
            using var other = fileSystem.Create($"{There}/below/other");
            other.Write(Fill('c', PageSizeBytes), 0);
            fileSystem.Rename(Old, $"{There}/moved");
            fileSystem.SyncAll();
            fileSystem = fileSystem.PowerCut();
            return Names(fileSystem)
                + ", "
                + Describe(ReadFile(fileSystem, $"{There}/moved"))
                + ", "
                + Describe(ReadFile(fileSystem, $"{There}/below/other"));
        });

        Assert.Equal([", 4096b 8192a, 4096c"], outcomes);
    }

    [Fact]
    public void SyncAll_Failed_UnreportedRestIsDurableOnceSynced()
    {
        List<int> failedCounts = [];
        for (var seed = 0; seed < 200; seed++)
        {
            var fileSystem = Create(seed);
            IFile[] files = [.. Enumerable.Range(0, 4).Select(index => fileSystem.Create($"{There}/{index}"))];
            fileSystem.SyncDirectory(There);
            foreach (var file in files)
                file.Write(Fill('b', 2 * PageSizeBytes), 0);
            StrikeNext(fileSystem, FileSystemCallKind.SyncAll, Fault.InputOutputError);
            Assert.Throws<IOException>(fileSystem.SyncAll);

            var failed = files.Select(FailsToSync).ToArray();
            Assert.All(files, file => file.Sync());
            fileSystem = fileSystem.PowerCut();
            for (var index = 0; index < files.Length; index++)
                if (!failed[index])
                    Assert.Equal("8192b", Describe(ReadFile(fileSystem, $"{There}/{index}")));
            failedCounts.Add(failed.Count(hasFailed => hasFailed));
        }

        Assert.Equal([1, 2, 3, 4], failedCounts.Distinct().Order());

        static bool FailsToSync(IFile file)
        {
            try
            {
                file.Sync();
                return false;
            }
            catch (IOException)
            {
                return true;
            }
        }
    }

    [Fact]
    public void SyncAll_Failed_LosesData()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Open(Old);
            file.Write(Fill('b', 3 * PageSizeBytes), 0);
            StrikeNext(fileSystem, FileSystemCallKind.SyncAll, Fault.InputOutputError);
            Assert.Throws<IOException>(fileSystem.SyncAll);
            fileSystem.SyncAll();
            return OldAfterCut(fileSystem);
        });

        Assert.Contains("12288a", outcomes);
        Assert.Contains("12288b", outcomes);
    }

    [Fact]
    public void SyncAll_Failed_IsReportedOncePerOpenHandle()
    {
        var fileSystem = Create(1);
        using var writer = fileSystem.Open(Old);
        using var bystander = fileSystem.Open(Old);
        writer.Write("b"u8, 0);
        StrikeNext(fileSystem, FileSystemCallKind.SyncAll, Fault.InputOutputError);
        Assert.Throws<IOException>(fileSystem.SyncAll);
        using var latecomer = fileSystem.Open(Old);

        latecomer.Sync();
        Assert.Throws<IOException>(writer.Sync);
        Assert.Throws<IOException>(bystander.Sync);
        writer.Sync();
        bystander.Sync();
    }

    [Fact]
    public void SyncAll_NotOffered_Throws()
    {
        var fileSystem = Create(1, canSyncAll: false);

        Assert.False(fileSystem.VolumeOf("/").CanSyncAll);
        Assert.Throws<NotSupportedException>(fileSystem.SyncAll);
    }
}
