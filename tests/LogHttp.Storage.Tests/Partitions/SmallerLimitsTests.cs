using System.Globalization;
using LogHttp.Storage.Reading;

namespace LogHttp.Storage.Tests.Partitions;

/// <summary>Records that were accepted under larger limits can be read under smaller ones.</summary>
public class SmallerLimitsTests
{
    [Fact]
    public async Task Record_AboveCurrentLimit_IsRecoveredAndRead()
    {
        var maxRecordBytes = 1 << 20;
        await using var log = await TestLog.OpenAsync(adjust: options =>
            options with
            {
                Records = options.Records with { MaxRecordBytes = maxRecordBytes, MaxBatchBytes = 4 << 20 },
            }
        );
        await log.AppendAsync("before");
        await log.AppendAsync(new string('x', 900_000));
        await log.AppendAsync("after");
        maxRecordBytes = 10_000;
        // Without its checkpoint a partition is read from the beginning, as after a crash. The same without its index.
        await log.RestartAsync(() => File.Delete(Path.Combine(log.PartitionDirectory, "checkpoint")));
        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal(3, log.Partition.EndOffset);
        await log.RestartAsync(() => File.Delete(Path.ChangeExtension(log.SegmentPaths.Single(), "index")));
        for (var offset = 0; offset < 3; offset++)
        {
            using var page = log.Fetch(offset.ToString(CultureInfo.InvariantCulture), 4096);
            Assert.Equal((FetchStatus.Page, offset), (page.Status, page.FirstOffset));
        }
    }
}
