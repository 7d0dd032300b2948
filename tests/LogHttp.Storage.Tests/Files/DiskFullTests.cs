using LogHttp.Storage.Files;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Files;

/// <summary>
/// A disk without room, as the operating system reports it. tests/scripts/disk-full.sh fills a whole one.
/// </summary>
public class DiskFullTests
{
    [Fact]
    public void Write_FullDevice_ThrowsDiskFull()
    {
        using var temporary = new TemporaryDirectory();
        using var fileSystem = new PhysicalFileSystem(temporary.Path);
        using var file = fileSystem.Open("/dev/full");
        Assert.Contains(
            "/dev/full",
            Assert.Throws<DiskFullException>(() => file.Write("a"u8, 0)).Message,
            StringComparison.Ordinal
        );
    }
}
