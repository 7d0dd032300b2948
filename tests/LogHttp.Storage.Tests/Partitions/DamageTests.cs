using LogHttp.Storage.Appending;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Topics;

namespace LogHttp.Storage.Tests.Partitions;

/// <summary>Partitions whose files were changed while the log was closed.</summary>
public class DamageTests
{
    static readonly TopicConfiguration SmallSegments = new() { SegmentBytes = 64 << 10 };

    static async Task<TestLog> OpenAsync(int batches = 8)
    {
        var log = await TestLog.OpenAsync(SmallSegments);
        for (var batch = 0; batch < batches; batch++)
            await log.AppendAsync(Enumerable.Range(0, 50).Select(number => $"{batch} {number} {new string('x', 500)}"));
        return log;
    }

    static void Flip(string path, long position, byte value)
    {
        using var file = File.Open(path, FileMode.Open);
        file.Position = position;
        file.WriteByte(value);
    }

    [Fact]
    public async Task Nul_AmongAcknowledgedRecords_IsDamageNotTornTail()
    {
        await using var log = await OpenAsync();
        var active = log.SegmentPaths.Last();
        var lengthBytes = new FileInfo(active).Length;
        await log.RestartAsync(() =>
        {
            Flip(active, position: 1_000, value: 0);
            File.Delete(Path.Combine(log.PartitionDirectory, "checkpoint"));
        });
        Assert.Contains("read-only", log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Equal(lengthBytes, new FileInfo(active).Length);
        Assert.Empty(Directory.GetFiles(log.PartitionDirectory, "*.torn"));
    }

    [Fact]
    public async Task Pages_NeverWritten_AreTornTailDespiteLaterRecords()
    {
        await using var log = await OpenAsync(batches: 1);
        var (active, endOffset) = (log.SegmentPaths.Last(), log.Partition.EndOffset);
        await log.RestartAsync(() =>
        {
            // A group of two batches. The first one is lost up to the end of a page.
            using var file = File.Open(active, FileMode.Open);
            var hole = (int)(4096 - file.Length % 4096);
            file.Position = file.Length;
            file.Write(new byte[hole]);
            file.Write("x\"}\n"u8);
            file.Write(
                System.Text.Encoding.UTF8.GetBytes($"{{\"offset\":{endOffset + 1},\"timestamp\":1,\"value\":1}}\n")
            );
        });
        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal(endOffset, log.Partition.EndOffset);
        Assert.Single(Directory.GetFiles(log.PartitionDirectory, "*.torn"));
    }

    [Fact]
    public async Task LastSegment_Lost_DoesNotReuseOffsets()
    {
        await using var log = await OpenAsync();
        await log.RestartAsync(() => File.Delete(log.SegmentPaths.Last()));
        Assert.Contains("is missing", log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Equal(AppendStatus.PartitionStopped, (await log.Partition.AppendAsync(TestLog.Batch("x"))).Status);
    }

    [Fact]
    public async Task SealedSegment_CutShort_IsReportedAndIndexKept()
    {
        await using var log = await OpenAsync();
        var sealedPath = log.SegmentPaths.First();
        var index = File.ReadAllBytes(Path.ChangeExtension(sealedPath, ".index"));
        await log.RestartAsync(() =>
        {
            using var file = File.Open(sealedPath, FileMode.Open);
            file.SetLength(30_000);
        });
        var corruption = Assert.Throws<CorruptionException>(() => log.Fetch("0"));
        Assert.Contains("was sealed at position", corruption.Reason, StringComparison.Ordinal);
        Assert.Equal(index, File.ReadAllBytes(Path.ChangeExtension(sealedPath, ".index")));
        // The rest is served.
        using var page = log.Fetch("-1");
        Assert.Equal(FetchStatus.Page, page.Status);
    }

    [Theory]
    [InlineData("topic.json", "")]
    [InlineData("topic.json", "null")]
    [InlineData("topic.json", "{\"format\":1}")]
    public async Task Topic_Unreadable_IsNotServedAndKeepsName(string name, string content)
    {
        await using var log = await OpenAsync(batches: 1);
        var path = Path.Combine(log.PartitionDirectory, "..", name);
        var original = File.ReadAllText(path);
        var manifest = Path.Combine(log.PartitionDirectory, SegmentManifest.Name);
        // With the manifest the file would be rebuilt.
        await Assert.ThrowsAsync<TopicDamagedException>(() =>
            log.RestartAsync(() =>
            {
                File.WriteAllText(path, content);
                File.Move(manifest, manifest + ".aside");
            })
        );
        await log.RestartAsync(() =>
        {
            File.WriteAllText(path, original);
            File.Move(manifest + ".aside", manifest);
        });
        Assert.Equal(50, log.Partition.EndOffset);
    }

    [Fact]
    public async Task Append_WithoutPermissionToRoll_IsRejected()
    {
        await using var log = await OpenAsync(batches: 1);
        // A directory has the name of the next segment's file, so that no user can create the file.
        var next = log.Partition.EndOffset;
        Directory.CreateDirectory(Path.Combine(log.PartitionDirectory, SegmentLayout.DataName(next)));
        var result = await log.Partition.AppendAsync(TestLog.Batch(Enumerable.Repeat(new string('x', 900), 60)));
        Assert.NotEqual(AppendStatus.Appended, result.Status);
        Assert.Equal(next, log.Partition.EndOffset);
        using var page = log.Fetch("0");
        Assert.Equal(FetchStatus.Page, page.Status);
    }
}
