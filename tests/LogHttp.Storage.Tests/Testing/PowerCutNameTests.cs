using LogHttp.Testing;
using static LogHttp.Storage.Tests.Testing.PowerCutWorld;

namespace LogHttp.Storage.Tests.Testing;

/// <summary>Names after a power cut.</summary>
public class PowerCutNameTests
{
    const string Old = $"{Here}/old";

    static string NamesAfterCut(PowerCutFileSystem fileSystem)
    {
        fileSystem = fileSystem.PowerCut();
        return $"{Names(fileSystem)}|{Names(fileSystem, There)}";
    }

    [Fact]
    public void Create_WithoutDirectorySync_MayVanish()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Create($"{Here}/new");
            // A file's own sync covers its content, not its name.
            file.Write("b"u8, 0);
            file.Sync();
            return NamesAfterCut(fileSystem);
        });

        Assert.Equal(["new old|", "old|"], outcomes);
    }

    [Fact]
    public void Create_WithDirectorySync_SurvivesAlways()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Create($"{Here}/new");
            fileSystem.SyncDirectory(Here);
            file.Write("b"u8, 0);
            file.Sync();
            fileSystem = fileSystem.PowerCut();
            return $"{Names(fileSystem)}: {Describe(ReadFile(fileSystem, $"{Here}/new"))}";
        });

        Assert.Equal(["new old: 1b"], outcomes);
    }

    [Fact]
    public void Create_WithDirectorySync_DoesNotMakeContentDurable()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using var file = fileSystem.Create($"{Here}/new");
            file.Write(Fill('b', PageSizeBytes), 0);
            fileSystem.SyncDirectory(Here);
            return Describe(ReadFile(fileSystem.PowerCut(), $"{Here}/new"));
        });

        Assert.Contains("", outcomes);
        Assert.Contains("40960", outcomes);
        Assert.Contains("4096b", outcomes);
    }

    [Fact]
    public void Create_SeveralWithoutDirectorySync_LeavesAnySubset()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.Create($"{There}/1").Dispose();
            fileSystem.Create($"{There}/2").Dispose();
            return NamesAfterCut(fileSystem);
        });

        Assert.Equal(["old|", "old|1", "old|1 2", "old|2"], outcomes);
    }

    [Fact]
    public void SyncDirectory_OneDirectory_DoesNothingForAnother()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.Create($"{Here}/1").Dispose();
            fileSystem.Create($"{There}/2").Dispose();
            fileSystem.SyncDirectory(There);
            return NamesAfterCut(fileSystem);
        });

        Assert.Equal(["1 old|2", "old|2"], outcomes);
    }

    [Fact]
    public void SyncDirectory_NewDirectory_DoesNotMakeItsNameDurable()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.CreateDirectory($"{There}/below");
            fileSystem.Create($"{There}/below/new").Dispose();
            fileSystem.SyncDirectory($"{There}/below");
            fileSystem = fileSystem.PowerCut();
            return $"{Names(fileSystem, There)}: {Names(fileSystem, $"{There}/below")}";
        });

        Assert.Equal([": ", "below: new"], outcomes);
    }

    [Fact]
    public void SyncDirectory_Failed_MayBePartialAndCanBeRetried()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.Create($"{There}/1").Dispose();
            fileSystem.Create($"{There}/2").Dispose();
            StrikeNext(fileSystem, FileSystemCallKind.SyncDirectory, Fault.InputOutputError);
            Assert.Throws<IOException>(() => fileSystem.SyncDirectory(There));
            return NamesAfterCut(fileSystem);
        });
        var secondOutcomes = Outcomes(fileSystem =>
        {
            fileSystem.Create($"{There}/1").Dispose();
            fileSystem.Create($"{There}/2").Dispose();
            StrikeNext(fileSystem, FileSystemCallKind.SyncDirectory, Fault.InputOutputError);
            Assert.Throws<IOException>(() => fileSystem.SyncDirectory(There));
            fileSystem.SyncDirectory(There);
            return NamesAfterCut(fileSystem);
        });

        Assert.Equal(["old|", "old|1", "old|1 2", "old|2"], outcomes);
        Assert.Equal(["old|1 2"], secondOutcomes);
    }

    [Fact]
    public void DeleteFile_WithoutDirectorySync_MayBeUndone()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.DeleteFile(Old);
            fileSystem = fileSystem.PowerCut();
            return Names(fileSystem) == "old" ? Describe(ReadFile(fileSystem, Old)) : "gone";
        });

        Assert.Equal(["12288a", "gone"], outcomes);
    }

    [Fact]
    public void DeleteFile_WithDirectorySync_IsPermanent()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.DeleteFile(Old);
            fileSystem.SyncDirectory(Here);
            return NamesAfterCut(fileSystem);
        });

        Assert.Equal(["|"], outcomes);
    }

    [Fact]
    public void Rename_WithinDirectory_IsAtomic()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.Rename(Old, $"{Here}/new");
            return NamesAfterCut(fileSystem);
        });

        Assert.Equal(["new|", "old|"], outcomes);
    }

    [Fact]
    public void Rename_OntoFile_LeavesOneOrTheOther()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using (var file = fileSystem.Create($"{Here}/new"))
            {
                file.Write(Fill('b', 100), 0);
                file.Sync();
            }
            fileSystem.SyncDirectory(Here);
            fileSystem.Rename($"{Here}/new", Old);
            fileSystem = fileSystem.PowerCut();
            return $"{Names(fileSystem)}: {Describe(ReadFile(fileSystem, Old))}";
        });

        Assert.Equal(["new old: 12288a", "old: 100b"], outcomes);
    }

    [Fact]
    public void Rename_UnsyncedFile_MayLeaveNameWithoutContent()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            using (var file = fileSystem.Create($"{Here}/new"))
                file.Write(Fill('b', 100), 0);
            fileSystem.Rename($"{Here}/new", Old);
            fileSystem.SyncDirectory(Here);
            return Describe(ReadFile(fileSystem.PowerCut(), Old));
        });

        Assert.Contains("", outcomes);
        Assert.Contains("100b", outcomes);
        Assert.DoesNotContain("12288a", outcomes);
    }

    [Fact]
    public void Rename_AcrossDirectories_IsAtomic()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.Rename(Old, $"{There}/new");
            return NamesAfterCut(fileSystem);
        });

        Assert.Equal(["old|", "|new"], outcomes);
    }

    [Theory]
    [InlineData(Here)]
    [InlineData(There)]
    public void Rename_AcrossDirectories_IsDurableOnceEitherIsSynced(string synced)
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.Rename(Old, $"{There}/new");
            fileSystem.SyncDirectory(synced);
            return NamesAfterCut(fileSystem);
        });

        Assert.Equal(["|new"], outcomes);
    }

    [Fact]
    public void Rename_IntoNonDurableDirectory_NeverLosesBothNames()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.CreateDirectory($"{There}/1");
            fileSystem.CreateDirectory($"{There}/1/2");
            fileSystem.Rename(Old, $"{There}/1/2/new");
            fileSystem = fileSystem.PowerCut();
            return $"{Names(fileSystem)}|{Names(fileSystem, $"{There}/1/2")}";
        });
        var outcomesWithSync = Outcomes(fileSystem =>
        {
            fileSystem.CreateDirectory($"{There}/1");
            fileSystem.CreateDirectory($"{There}/1/2");
            fileSystem.Rename(Old, $"{There}/1/2/new");
            fileSystem.SyncDirectory(Here);
            fileSystem = fileSystem.PowerCut();
            return $"{Names(fileSystem)}|{Names(fileSystem, $"{There}/1/2")}";
        });

        Assert.Equal(["old|", "|new"], outcomes);
        Assert.Equal(["|new"], outcomesWithSync);
    }

    [Fact]
    public void Changes_OfOneName_KeepOrder()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            // If the second creation survived without the rename, the first file would have lost every name.
            fileSystem.Rename(Old, $"{There}/moved");
            fileSystem.Create(Old).Dispose();
            fileSystem.DeleteFile(Old);
            fileSystem.Create(Old).Dispose();
            return NamesAfterCut(fileSystem);
        });

        Assert.Equal(["old|", "old|moved", "|moved"], outcomes);
    }

    [Fact]
    public void Rename_Directory_MovesDurableContentAlone()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.CreateDirectory($"{Here}/build");
            fileSystem.Create($"{Here}/build/1").Dispose();
            fileSystem.SyncDirectory($"{Here}/build");
            fileSystem.Create($"{Here}/build/2").Dispose();
            fileSystem.SyncDirectory(Here);
            fileSystem.Rename($"{Here}/build", $"{There}/done");
            fileSystem.SyncDirectory(There);
            fileSystem = fileSystem.PowerCut();
            return $"{Names(fileSystem)}|{Names(fileSystem, $"{There}/done")}";
        });

        Assert.Equal(["old|1", "old|1 2"], outcomes);
    }

    [Fact]
    public void DeleteDirectory_WithoutSync_LeavesAnyPart()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.Create($"{Here}/other").Dispose();
            fileSystem.SyncDirectory(Here);
            fileSystem.DeleteDirectory(Here);
            fileSystem = fileSystem.PowerCut();
            return $"{Names(fileSystem, "/")}: {Names(fileSystem)}";
        });

        Assert.Equal(
            ["here there: ", "here there: old", "here there: old other", "here there: other", "there: "],
            outcomes
        );
    }

    [Fact]
    public void DeleteDirectory_WithParentSynced_IsPermanent()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.DeleteDirectory(Here);
            fileSystem.SyncDirectory("/");
            return Names(fileSystem.PowerCut(), "/");
        });

        Assert.Equal(["there"], outcomes);
    }

    [Fact]
    public void DeleteDirectory_AfterMoveOut_KeepsMovedFiles()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.Rename(Old, $"{There}/new");
            fileSystem.DeleteDirectory(Here);
            return NamesAfterCut(fileSystem);
        });
        var outcomesWithSync = Outcomes(fileSystem =>
        {
            fileSystem.Rename(Old, $"{There}/new");
            fileSystem.DeleteDirectory(Here);
            fileSystem.SyncDirectory("/");
            return NamesAfterCut(fileSystem);
        });

        Assert.Equal(["old|", "|new"], outcomes);
        Assert.Equal(["|new"], outcomesWithSync);
    }

    [Fact]
    public void DeleteDirectory_Failed_IsPartial()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.Create($"{Here}/other").Dispose();
            StrikeNext(fileSystem, FileSystemCallKind.DeleteDirectory, Fault.InputOutputError);
            Assert.Throws<IOException>(() => fileSystem.DeleteDirectory(Here));
            return Names(fileSystem);
        });

        Assert.Equal(["", "old other", "other"], outcomes);
    }

    [Fact]
    public void Names_AfterDirectorySyncs_AreThoseSeenBefore()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var fileSystem = Create(seed);
            for (var step = 0; step < 30; step++)
            {
                var path = RandomPath(random);
                var exists = Names(fileSystem, path[..^2]).Contains(path[^1]);
                if (!exists)
                    fileSystem.Create(path).Dispose();
                else if (random.Next(2) == 0)
                    fileSystem.DeleteFile(path);
                else
                    fileSystem.Rename(path, RandomPath(random));
                if (random.Next(10) == 0)
                    fileSystem.SyncDirectory(path[..^2]);
            }
            var expected = $"{Names(fileSystem)}|{Names(fileSystem, There)}";
            fileSystem.SyncDirectory(Here);
            fileSystem.SyncDirectory(There);

            Assert.Equal(expected, NamesAfterCut(fileSystem));
        }

        static string RandomPath(Random random) => $"{(random.Next(2) == 0 ? Here : There)}/{random.Next(4)}";
    }

    [Fact]
    public void Rename_DurableFile_KeepsExactlyOneName()
    {
        for (var seed = 0; seed < 500; seed++)
        {
            var random = new Random(seed);
            var fileSystem = Create(seed);
            fileSystem.CreateDirectory($"{There}/new");
            var path = Old;
            for (var step = 0; step < 6; step++)
            {
                var next = new[] { Here, There, $"{There}/new" }[random.Next(3)] + $"/{random.Next(2)}";
                fileSystem.Rename(path, next);
                path = next;
                if (random.Next(4) == 0)
                    fileSystem.Create($"{Here}/other{step}").Dispose();
                if (random.Next(8) == 0)
                    fileSystem.SyncDirectory(Here);
            }
            fileSystem = fileSystem.PowerCut();

            var files = new[] { Here, There, $"{There}/new" }
                .SelectMany(directory => fileSystem.List(directory))
                .Count(entry => entry.LengthBytes == 3 * PageSizeBytes);
            Assert.True(files == 1, $"seed {seed}: the file has {files} names");
        }
    }
}
