using LogHttp.Storage.Appending;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;

namespace LogHttp.Storage.Tests.Topics;

/// <summary>Records are removed by age and by bytes, a segment at a time, and for no other reason.</summary>
public class RetentionTests
{
    const long Hour = 3_600_000;
    static readonly string Large = new('x', 30_000);

    [Fact]
    public void RetentionMs_Elapsed_RemovesSegmentsByLastAppend()
    {
        var log = new ModelLog(new TopicConfiguration { SegmentBytes = 64 << 10, RetentionMs = Hour });
        // Two records in each segment.
        for (var i = 0; i < 6; i++)
        {
            log.Append(Large);
            log.Pass(TimeSpan.FromMinutes(1));
        }
        Assert.Equal(0, log.Partition.EarliestOffset);
        // The first segment was last appended to a minute after the start.
        log.Pass(TimeSpan.FromMinutes(55));
        Assert.Equal(2, log.Partition.EarliestOffset);
        log.Pass(TimeSpan.FromMinutes(2));
        Assert.Equal(4, log.Partition.EarliestOffset);
    }

    [Fact]
    public void RetentionMs_RecordTimestamp_IsIgnored()
    {
        var log = new ModelLog(new TopicConfiguration { RetentionMs = Hour });
        var old = new RecordBatch(new RecordLimits());
        Assert.Null(old.AddText("from 1970"u8, new RecordMetadata { TimestampMs = 0 }));
        log.Append(old);
        log.Pass(TimeSpan.FromMinutes(59));
        Assert.Equal(0, log.Partition.EarliestOffset);
    }

    [Fact]
    public void RetentionMs_IdleLog_IsEmptiedAndKeepsOffsets()
    {
        var log = new ModelLog(new TopicConfiguration { RetentionMs = Hour });
        log.Append("a", "b");
        log.Pass(TimeSpan.FromMinutes(61));
        Assert.Equal((2, 2, 0), (log.Partition.EarliestOffset, log.Partition.EndOffset, log.Partition.SizeBytes));
        Assert.Equal(2, log.Append("c").FirstOffset);
    }

    [Fact]
    public void RetentionMs_RejectedAppend_KeepsNothingLonger()
    {
        var log = new ModelLog(new TopicConfiguration { RetentionMs = Hour });
        log.Append("a");
        log.Pass(TimeSpan.FromMinutes(59));
        Assert.Equal(AppendStatus.NotNext, log.Append(ModelLog.Batch("b"), expectedNextOffset: 0).Status);
        log.Pass(TimeSpan.FromMinutes(2));
        Assert.Equal(1, log.Partition.EarliestOffset);
    }

    [Fact]
    public void RetentionMs_SlowAppends_RollActiveSegment()
    {
        var log = new ModelLog(new TopicConfiguration { RetentionMs = Hour });
        for (var minute = 0; minute < 180; minute++)
        {
            log.Append("x");
            log.Pass(TimeSpan.FromMinutes(1));
        }
        // An hour, and an eighth of it that the segment holds back.
        Assert.InRange(log.Partition.EndOffset - log.Partition.EarliestOffset, 60, 69);
    }

    [Fact]
    public void ActiveSegment_AfterRestarts_IsAsOldAsFirstRecord()
    {
        var log = new ModelLog(new TopicConfiguration { RetentionMs = Hour });
        for (var minute = 0; minute < 180; minute++)
        {
            log.Append("x");
            log.Pass(TimeSpan.FromMinutes(1));
            if (minute % 5 == 4)
                log.Restart();
        }
        Assert.InRange(log.Partition.EndOffset - log.Partition.EarliestOffset, 60, 69);
    }

    [Fact]
    public void SealedSegments_AfterRestart_KeepAge()
    {
        var log = new ModelLog(new TopicConfiguration { SegmentBytes = 64 << 10, RetentionMs = Hour });
        for (var i = 0; i < 4; i++)
            log.Append(Large);
        log.Pass(TimeSpan.FromMinutes(30));
        log.Append(Large);
        log.Restart();
        log.Pass(TimeSpan.FromMinutes(31));
        Assert.Equal((4, 5), (log.Partition.EarliestOffset, log.Partition.EndOffset));
    }

    [Fact]
    public void RetentionBytes_Exceeded_RemovesOldestSegments()
    {
        var log = new ModelLog(new TopicConfiguration { SegmentBytes = 64 << 10, RetentionBytes = 200_000 });
        for (var i = 0; i < 20; i++)
        {
            log.Append(Large);
            log.Pass(TimeSpan.FromSeconds(10));
            Assert.InRange(log.Partition.SizeBytes, 0, 200_000);
        }
        Assert.Equal(20, log.Partition.EndOffset);
        Assert.InRange(log.Partition.EndOffset - log.Partition.EarliestOffset, 4, 6);
    }

    [Fact]
    public void RetentionBytes_Set_LimitsSegmentsToAnEighth()
    {
        var log = new ModelLog(new TopicConfiguration { RetentionBytes = 1 << 20 });
        for (var i = 0; i < 60; i++)
        {
            log.Append(Large);
            log.Pass(TimeSpan.FromSeconds(10));
        }
        Assert.InRange(log.Partition.SizeBytes, (1 << 20) * 6 / 8, 1 << 20);
    }

    [Fact]
    public async Task RetentionBytes_SeveralPartitions_RemovesOldestOfAll()
    {
        var fileSystem = new LogHttp.Testing.PowerCutFileSystem(new Random(1));
        var time = new LogHttp.Testing.SimulatedTime(ModelLog.Now);
        await using var catalog = TopicCatalog.Open(
            new StorageEnvironment { FileSystem = fileSystem, Time = time },
            new StorageOptions { Directory = "/data" }
        );
        var topic = (
            await catalog.GetOrCreateAsync("t", new TopicConfiguration { Partitions = 2, RetentionBytes = 400_000 })
        ).Topic;
        for (var i = 0; i < 6; i++)
            await AppendAsync(0);
        for (var i = 0; i < 8; i++)
            await AppendAsync(1);
        time.Advance(TimeSpan.FromSeconds(10));
        // A later trim runs behind the retention's.
        await topic.Partitions[0].TrimAsync(0);
        await topic.Partitions[1].TrimAsync(0);
        Assert.Equal((2, 0), (topic.Partitions[0].EarliestOffset, topic.Partitions[1].EarliestOffset));

        async Task AppendAsync(int partition)
        {
            Assert.Equal(
                AppendStatus.Appended,
                (await topic.Partitions[partition].AppendAsync(ModelLog.Batch(Large))).Status
            );
            time.Advance(TimeSpan.FromMilliseconds(1));
        }
    }

    [Fact]
    public void Retention_SetLater_IsApplied()
    {
        var log = new ModelLog(new TopicConfiguration { SegmentBytes = 64 << 10 });
        for (var i = 0; i < 4; i++)
            log.Append(Large);
        log.Pass(TimeSpan.FromDays(1));
        Assert.Equal(0, log.Partition.EarliestOffset);
        log.Configure(before => before with { RetentionMs = Hour });
        log.Pass(TimeSpan.FromSeconds(10));
        Assert.Equal((4, 4), (log.Partition.EarliestOffset, log.Partition.EndOffset));
        log.Restart();
        Assert.Equal(4, log.Partition.EarliestOffset);
    }

    [Fact]
    public void Fetch_SegmentExpiresMeanwhile_CompletesPage()
    {
        var log = new ModelLog(new TopicConfiguration { RetentionMs = Hour });
        log.Append("a", "b");
        using var page = log.Partition.Fetch(LogPlace.Earliest, PageSize.Default);
        log.Pass(TimeSpan.FromHours(2));
        Assert.Equal(2, log.Partition.EarliestOffset);
        Assert.Equal(2, TestLog.Parse(page.Region!).Count());
    }
}
