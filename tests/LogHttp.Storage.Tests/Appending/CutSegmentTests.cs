using LogHttp.Storage.Appending;

namespace LogHttp.Storage.Tests.Appending;

/// <summary>Another program truncates the active segment while the log is open.</summary>
public sealed class CutSegmentTests
{
    [Theory]
    [InlineData("always")]
    [InlineData("os")]
    public async Task Append_AfterSegmentWasCut_IsRejectedWithoutGap(string flush)
    {
        Assert.True(FlushPolicy.TryParse(flush, out var policy));
        await using var log = await TestLog.OpenAsync(new() { Flush = policy });
        await log.AppendAsync("a");
        var keptBytes = log.Partition.View.End.Position;
        await log.AppendAsync("b");
        var segmentPath = log.SegmentPaths.Single();
        Cut(segmentPath, keptBytes);

        var refused = await log.Partition.AppendAsync(TestLog.Batch("c"));

        Assert.Equal(AppendStatus.PartitionStopped, refused.Status);
        Assert.Contains($"{segmentPath} has {keptBytes} of the", refused.Reason, StringComparison.Ordinal);
        Assert.Equal(keptBytes, new FileInfo(segmentPath).Length);
        var trim = await Assert.ThrowsAsync<PartitionStoppedException>(() => log.Partition.TrimAsync(1));
        Assert.Equal(refused.Reason, trim.Message);
    }

    [Fact]
    public async Task Start_SegmentCut_RestoresJournaledRecords()
    {
        await using var log = await TestLog.OpenAsync();
        await log.AppendAsync("a");
        var keptBytes = log.Partition.View.End.Position;
        await log.AppendAsync("b");
        Cut(log.SegmentPaths.Single(), keptBytes);
        Assert.Equal(AppendStatus.PartitionStopped, (await log.Partition.AppendAsync(TestLog.Batch("c"))).Status);

        await log.RestartAsync();

        Assert.Equal(2, log.ReadAll().Count);
        Assert.Equal(2, (await log.AppendAsync("c")).FirstOffset);
    }

    static void Cut(string path, long lengthBytes)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.SetLength(lengthBytes);
    }
}
