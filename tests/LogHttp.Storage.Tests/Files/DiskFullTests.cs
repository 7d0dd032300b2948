using LogHttp.Storage.Files;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Files;

/// <summary>A disk without room, as the operating system reports it.</summary>
public class DiskFullTests
{
    [DeviceFact("/dev/full")]
    public void Write_ToADeviceThatIsAlwaysFull_IsADiskFullException()
    {
        using var temporary = new TemporaryDirectory();
        using var fileSystem = new PhysicalFileSystem(temporary.Path);
        using var file = fileSystem.Open("/dev/full");
        Assert.Contains("/dev/full", Assert.Throws<DiskFullException>(() => file.Write("a"u8, 0)).Message, StringComparison.Ordinal);
    }

    /// <summary>Needs a file system of about a megabyte: tests/commands/disk-full.sh makes one and runs this.</summary>
    [SmallDiskFact]
    public async Task Append_OnASmallDisk_IsRefusedWhenItIsFull_AndGoesOnWhenThereIsRoom()
    {
        var directory = Path.Combine(SmallDiskFactAttribute.Directory!, "data");
        using var fileSystem = new PhysicalFileSystem(directory);
        var options = new StorageOptions { Directory = directory, TopicDefaults = new TopicConfiguration { SegmentBytes = 128 << 10 } };
        var ballast = Path.Combine(SmallDiskFactAttribute.Directory!, "ballast");
        await File.WriteAllBytesAsync(ballast, new byte[300_000]);
        var appended = 0;
        await using (var catalog = TopicCatalog.Open(new StorageEnvironment { FileSystem = fileSystem }, options))
        {
            var log = (await catalog.GetOrCreateAsync("t")).Partitions[0];
            AppendResult result;
            while ((result = await log.AppendAsync(TestLog.Batch(new string('x', 20_000)))).Status == AppendStatus.Appended)
                appended++;
            Assert.Equal(AppendStatus.DiskFull, result.Status);
            Assert.True(appended > 5);
            Assert.Equal(appended, log.EndOffset);
            File.Delete(ballast);
            Assert.Equal(appended, (await log.AppendAsync(TestLog.Batch(new string('x', 20_000)))).FirstOffset);
        }
        await using (var catalog = TopicCatalog.Open(new StorageEnvironment { FileSystem = fileSystem }, options))
            Assert.Equal(appended + 1, catalog.Find("t")!.Partitions[0].EndOffset);
    }

    sealed class DeviceFactAttribute : FactAttribute
    {
        public DeviceFactAttribute(string path) => Skip = File.Exists(path) ? null : $"There is no {path} here.";
    }

    sealed class SmallDiskFactAttribute : FactAttribute
    {
        public SmallDiskFactAttribute() => Skip = Directory is null ? "LOGHTTP_SMALL_DISK names no small file system; tests/commands/disk-full.sh makes one." : null;

        public static string? Directory => Environment.GetEnvironmentVariable("LOGHTTP_SMALL_DISK");
    }
}
