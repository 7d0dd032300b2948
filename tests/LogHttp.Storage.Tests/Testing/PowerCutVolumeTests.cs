using LogHttp.Storage.Files;
using LogHttp.Testing;
using static LogHttp.Storage.Tests.Testing.PowerCutWorld;

namespace LogHttp.Storage.Tests.Testing;

/// <summary>Directories that are mount points of other volumes.</summary>
public class PowerCutVolumeTests
{
    const string Mounted = "/here/mounted";

    [Fact]
    public void VolumeOf_DirectoriesBelowMountPoint_IsMountedVolume()
    {
        var (fileSystem, volume) = CreateMounted(1);
        fileSystem.CreateDirectory($"{Mounted}/below");

        Assert.Same(fileSystem.VolumeOf(Mounted), fileSystem.VolumeOf($"{Mounted}/below"));
        Assert.Same(fileSystem.VolumeOf("/"), fileSystem.VolumeOf(Here));
        Assert.NotSame(fileSystem.VolumeOf(Here), fileSystem.VolumeOf(Mounted));
        Assert.Equal("other", fileSystem.VolumeOf(Mounted).Name);
        Assert.Equal(Mounted, volume.MountPoint);
    }

    [Fact]
    public void CanSyncAll_EachVolume_IsItsOwn()
    {
        var (fileSystem, _) = CreateMounted(1, canSyncAll: false);

        Assert.True(fileSystem.VolumeOf(Here).CanSyncAll);
        Assert.False(fileSystem.VolumeOf(Mounted).CanSyncAll);
        Assert.Throws<NotSupportedException>(fileSystem.VolumeOf(Mounted).SyncAll);
    }

    [Theory]
    [InlineData(Here, "durable", "lost")]
    [InlineData(Mounted, "lost", "durable")]
    public void SyncAll_OneVolume_KeepsOtherUnsynced(string synced, string inHere, string inMounted)
    {
        HashSet<string> here = [],
            mounted = [];
        for (var seed = 0; seed < 100; seed++)
        {
            var (fileSystem, _) = CreateMounted(seed);
            fileSystem.Create($"{Here}/new").Dispose();
            fileSystem.Create($"{Mounted}/new").Dispose();

            fileSystem.VolumeOf(synced).SyncAll();

            fileSystem = fileSystem.PowerCut();
            here.Add(Survives(fileSystem, Here));
            mounted.Add(Survives(fileSystem, Mounted));
        }

        Assert.Equal(inHere is "durable" ? ["durable"] : ["durable", "lost"], here.Order());
        Assert.Equal(inMounted is "durable" ? ["durable"] : ["durable", "lost"], mounted.Order());

        static string Survives(PowerCutFileSystem fileSystem, string directory) =>
            Names(fileSystem, directory).Contains("new", StringComparison.Ordinal) ? "durable" : "lost";
    }

    [Fact]
    public void Write_FullVolume_LeavesRoomOnOther()
    {
        var (fileSystem, volume) = CreateMounted(1, capacityBytes: PageSizeBytes);
        using var file = fileSystem.Create($"{Mounted}/new");

        Assert.Throws<DiskFullException>(() => file.Write(Fill('b', 2 * PageSizeBytes), 0));

        using var other = fileSystem.Create($"{Here}/new");
        other.Write(Fill('b', 2 * PageSizeBytes), 0);
        Assert.Equal(PageSizeBytes, volume.UsedBytes);
        Assert.Equal(5 * PageSizeBytes, fileSystem.UsedBytes);
        volume.CapacityBytes = 2 * PageSizeBytes;
        file.Write(Fill('b', 2 * PageSizeBytes), 0);
    }

    [Fact]
    public void Faults_OfVolume_HitItsCallsAlone()
    {
        var (fileSystem, volume) = CreateMounted(1);
        using var file = fileSystem.Create($"{Mounted}/new");
        var mounted = fileSystem.VolumeOf(Mounted);

        volume.Faults = static _ => Fault.InputOutputError;

        Assert.Throws<IOException>(file.Sync);
        Assert.Throws<IOException>(mounted.SyncAll);
        Assert.Throws<IOException>(() => fileSystem.List(Mounted));
        fileSystem.VolumeOf(Here).SyncAll();
        Assert.Equal("mounted old", Names(fileSystem));
    }

    [Fact]
    public void SyncAll_AfterFailedFileSync_ReportsItOnce()
    {
        var (fileSystem, _) = CreateMounted(1);
        var (mounted, here) = (fileSystem.VolumeOf(Mounted), fileSystem.VolumeOf(Here));
        using (var file = fileSystem.Create($"{Mounted}/new"))
        {
            file.Write("b"u8, 0);
            StrikeNext(fileSystem, FileSystemCallKind.Sync, Fault.InputOutputError);
            Assert.Throws<IOException>(file.Sync);
        }

        here.SyncAll();
        Assert.Throws<IOException>(mounted.SyncAll);
        mounted.SyncAll();
    }

    [Fact]
    public void Rename_AcrossVolumes_Throws()
    {
        var (fileSystem, _) = CreateMounted(1);

        Assert.Contains(
            "EXDEV",
            Assert.Throws<IOException>(() => fileSystem.Rename($"{Here}/old", $"{Mounted}/old")).Message,
            StringComparison.Ordinal
        );

        Assert.Equal("mounted old", Names(fileSystem));
        Assert.Equal("", Names(fileSystem, Mounted));
    }

    [Fact]
    public void MountPoint_WhileMounted_IsBusy()
    {
        var (fileSystem, volume) = CreateMounted(1);
        fileSystem.Create($"{Mounted}/new").Dispose();

        Assert.Throws<IOException>(() => fileSystem.Rename(Mounted, "/there/moved"));
        Assert.Throws<IOException>(() => fileSystem.DeleteDirectory(Mounted));
        Assert.Throws<IOException>(() => fileSystem.Mount(There, volume));

        Assert.Equal("mounted old", Names(fileSystem));
    }

    [Fact]
    public void Unmount_ThenMount_RestoresContent()
    {
        var (fileSystem, volume) = CreateMounted(1);
        using (var file = fileSystem.Create($"{Mounted}/new"))
            file.Write("b"u8, 0);
        fileSystem = fileSystem.Kill();

        fileSystem.Unmount(volume);

        Assert.Equal("", Names(fileSystem, Mounted));
        Assert.Null(volume.MountPoint);
        Assert.Same(fileSystem.VolumeOf(Here), fileSystem.VolumeOf(Mounted));
        fileSystem = fileSystem.PowerCut();
        fileSystem.Mount(There, volume);
        Assert.Equal("1b", Describe(ReadFile(fileSystem, $"{There}/new")));
        Assert.Equal("", Names(fileSystem, Mounted));
    }

    [Fact]
    public void Unmount_OpenFile_Throws()
    {
        var (fileSystem, volume) = CreateMounted(1);
        var file = fileSystem.Create($"{Mounted}/new");

        Assert.Throws<IOException>(() => fileSystem.Unmount(volume));

        file.Dispose();
        fileSystem.Unmount(volume);
    }

    [Fact]
    public void PowerCut_MountPointLost_LeavesVolumeMountable()
    {
        for (var seed = 0; ; seed++)
        {
            var fileSystem = Create(seed);
            var volume = fileSystem.AddVolume("other");
            fileSystem.CreateDirectory(Mounted);
            fileSystem.Mount(Mounted, volume);
            fileSystem = fileSystem.PowerCut();
            if (Names(fileSystem) is not "old")
                continue;

            Assert.Null(volume.MountPoint);
            fileSystem.Mount(There, volume);
            Assert.Equal(There, volume.MountPoint);
            return;
        }
    }

    [Fact]
    public void Overwrite_CopyOnWriteVolume_NeedsRoomUntilSync()
    {
        var (fileSystem, volume) = CreateMounted(1, capacityBytes: 4 * PageSizeBytes, isCopyOnWrite: true);
        using var file = fileSystem.Create($"{Mounted}/new");
        file.Write(Fill('a', 3 * PageSizeBytes), 0);
        file.Sync();

        Assert.Throws<DiskFullException>(() => file.Write(Fill('b', 2 * PageSizeBytes), 0));

        Assert.Equal("4096b 8192a", Describe(ReadAll(file)));
        Assert.Equal(4 * PageSizeBytes, volume.UsedBytes);
        file.Write(Fill('c', PageSizeBytes), 0);
        file.Sync();
        Assert.Equal(3 * PageSizeBytes, volume.UsedBytes);
        file.Write(Fill('d', PageSizeBytes), PageSizeBytes);
        Assert.Equal("4096c 4096d 4096a", Describe(ReadAll(file)));
    }

    [Fact]
    public void Overwrite_FullCopyOnWriteVolume_AllowsReadsAndDeletions()
    {
        var (fileSystem, volume) = CreateMounted(1, capacityBytes: PageSizeBytes, isCopyOnWrite: true);
        using (var file = fileSystem.Create($"{Mounted}/new"))
        {
            file.Write(Fill('a', PageSizeBytes), 0);
            file.Sync();

            Assert.Throws<DiskFullException>(() => file.Write("b"u8, 0));

            Assert.Equal("4096a", Describe(ReadAll(file)));
            file.Truncate(PageSizeBytes / 2);
        }
        fileSystem.DeleteFile($"{Mounted}/new");
        Assert.Equal(0, volume.UsedBytes);
    }

    [Fact]
    public void PowerCut_CopyOnWriteVolume_FreesCopies()
    {
        var (fileSystem, volume) = CreateMounted(1, isCopyOnWrite: true);
        using var file = fileSystem.Create($"{Mounted}/new");
        file.Write(Fill('a', PageSizeBytes), 0);
        fileSystem.VolumeOf(Mounted).SyncAll();
        file.Write("b"u8, 0);
        Assert.Equal(2 * PageSizeBytes, volume.UsedBytes);

        fileSystem.PowerCut();

        Assert.Equal(PageSizeBytes, volume.UsedBytes);
    }

    static (PowerCutFileSystem FileSystem, SimulatedVolume Volume) CreateMounted(
        int seed,
        bool canSyncAll = true,
        long capacityBytes = long.MaxValue,
        bool isCopyOnWrite = false
    )
    {
        var fileSystem = Create(seed);
        var volume = fileSystem.AddVolume("other", canSyncAll, capacityBytes, isCopyOnWrite);
        fileSystem.CreateDirectory(Mounted);
        fileSystem.SyncDirectory(Here);
        fileSystem.Mount(Mounted, volume);
        return (fileSystem, volume);
    }
}
