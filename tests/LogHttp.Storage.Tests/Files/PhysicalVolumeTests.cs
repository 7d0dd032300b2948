using LogHttp.Storage.Files;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Files;

/// <summary>
/// Mounted file systems are distinguished. tests/scripts/volumes.sh mounts ext4 and xfs and watches the syncs.
/// </summary>
public sealed class PhysicalVolumeTests : IDisposable
{
    const string MemoryMount = "/dev/shm";

    readonly TemporaryDirectory _temporary = new();
    readonly PhysicalFileSystem _fileSystem;

    public PhysicalVolumeTests() => _fileSystem = new PhysicalFileSystem(_temporary.Path);

    [Fact]
    public void VolumeOf_LinkToOtherFileSystem_IsThatVolume()
    {
        if (!OperatingSystem.IsLinux())
            return; // Elsewhere no volume offers a sync of all.
        var link = Path.Combine(_temporary.Path, "link");
        Directory.CreateSymbolicLink(link, MemoryMount);

        Assert.Same(_fileSystem.VolumeOf(MemoryMount), _fileSystem.VolumeOf(link));
        Assert.NotSame(_fileSystem.VolumeOf(_temporary.Path), _fileSystem.VolumeOf(link));
    }

    [Fact]
    public void CanSyncAll_FileSystemInMemory_IsFalse()
    {
        if (OperatingSystem.IsLinux())
            Assert.False(_fileSystem.VolumeOf(MemoryMount).CanSyncAll);
    }

    [Fact]
    public void CanSyncAll_TrustedFileSystem_IsTrue()
    {
        var type = OperatingSystem.IsLinux() ? new DriveInfo(_temporary.Path).DriveFormat : "";

        var isTrusted = type is "ext4" or "xfs" && Environment.OSVersion.Version >= new Version(5, 17);
        Assert.Equal(isTrusted, _fileSystem.VolumeOf(_temporary.Path).CanSyncAll);
    }

    [Fact]
    public void Name_OfVolume_IsDeviceNumber()
    {
        if (OperatingSystem.IsLinux())
            Assert.Matches("^[0-9]+:[0-9]+$", _fileSystem.VolumeOf(_temporary.Path).Name);
    }

    public void Dispose()
    {
        _fileSystem.Dispose();
        _temporary.Dispose();
    }
}
