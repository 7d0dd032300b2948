using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Waiting;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Appending;

/// <summary>
/// Trims: the log's start moves to any record, permanently. Whole segments before it are removed, and no reader gets
/// wrong bytes.
/// </summary>
public class TrimTests
{
    static readonly TopicConfiguration SmallSegments = new() { SegmentBytes = 64 << 10 };
    static readonly string Large = new('x', 30_000);

    [Fact]
    public async Task Trim_AnyRecord_MovesStartAndSurvivesRestart()
    {
        await using var log = await TestLog.OpenAsync();
        await log.AppendAsync("a", "b", "c");
        await log.AppendAsync("d");
        Assert.Equal(2, await log.Partition.TrimAsync(2));
        Check();
        await log.RestartAsync();
        Check();
        // The start does not move back.
        Assert.Equal(2, await log.Partition.TrimAsync(1));
        Check();

        void Check()
        {
            Assert.Equal((2, 4), (log.Partition.EarliestOffset, log.Partition.EndOffset));
            Assert.Equal(["c", "d"], log.ReadAll().Select(record => record.GetProperty("value").GetString()));
            using var gone = log.Fetch("1");
            Assert.Equal((FetchStatus.BelowEarliest, 2), (gone.Status, gone.EarliestOffset));
        }
    }

    [Fact]
    public async Task Trim_BeforeStart_RemovesSegmentsAndKeepsCurrent()
    {
        await using var log = await TestLog.OpenAsync(SmallSegments);
        for (var i = 0; i < 8; i++)
            await log.AppendAsync(Large);
        Assert.Equal([0, 2, 4, 6], Bases(log));
        await log.Partition.TrimAsync(5);
        Assert.Equal([4, 6], Bases(log));
        Assert.Equal(2, Directory.GetFiles(log.PartitionDirectory, "*.index").Length);
        Assert.Equal([5, 6, 7], log.ReadAll().Select(record => record.GetProperty("offset").GetInt64()));
    }

    [Fact]
    public async Task Trim_ToEnd_FreesAllSpaceAndKeepsOffsets()
    {
        await using var log = await TestLog.OpenAsync();
        await log.AppendAsync("a", "b");
        Assert.Equal(2, await log.Partition.TrimAsync(long.MaxValue));
        Assert.Equal((2, 2, 0), (log.Partition.EarliestOffset, log.Partition.EndOffset, log.Partition.SizeBytes));
        Assert.Equal([2], Bases(log));
        await log.RestartAsync();
        Assert.Equal((2, 2), (log.Partition.EarliestOffset, log.Partition.EndOffset));
        Assert.Equal(2, (await log.AppendAsync("c")).FirstOffset);
        Assert.Equal(["c"], log.ReadAll().Select(record => record.GetProperty("value").GetString()));
    }

    [Fact]
    public async Task Trim_UnderReader_KeepsItsBytesForIt()
    {
        await using var log = await TestLog.OpenAsync();
        await log.AppendAsync("a", "b");
        using var page = log.Fetch("earliest");
        await log.Partition.TrimAsync(2);
        Assert.Equal(2, TestLog.Parse(page.Region!).Count());
        using var gone = log.Fetch("0");
        Assert.Equal(FetchStatus.BelowEarliest, gone.Status);
    }

    [Fact]
    public async Task Trim_UnderWaiter_WakesIt()
    {
        await using var log = await TestLog.OpenAsync();
        await log.AppendAsync("a", "b");
        var follower = new LogFollower(log.Partition, LogPlace.At(1));
        follower.Read(PageSize.AtMost(4096)).Dispose();
        var waiting = new LogWaiter().WaitAsync(follower, growthBytes: 1 << 20).AsTask();
        await log.Partition.TrimAsync(2);
        Assert.Equal(LogWake.Grown, await waiting);
    }

    [Fact]
    public async Task Trim_UnderLoad_ReadersSeeNoGapAndNoTrimmedRecord()
    {
        await using var log = await TestLog.OpenAsync(
            new() { SegmentBytes = 64 << 10, Flush = FlushPolicy.Os },
            options => options with { CheckpointBytes = 64 << 10 }
        );
        const int Records = 1_000;
        var appending = Task.Run(async () =>
        {
            for (var i = 0; i < Records; i++)
                await log.AppendAsync(new string('x', 500));
        });
        var trimming = Task.Run(async () =>
        {
            while (!appending.IsCompleted)
                await log.Partition.TrimAsync(Math.Max(0, log.Partition.EndOffset - 200));
        });
        var next = 0L;
        while (next < Records)
        {
            using var page = log.Partition.Fetch(LogPlace.At(next), PageSize.AtMost(4096));
            if (page.Status == FetchStatus.BelowEarliest)
                next = page.EarliestOffset;
            else if (page.Status == FetchStatus.AtEnd)
                await Task.Yield();
            else
            {
                Assert.Equal(next, page.FirstOffset);
                foreach (var record in TestLog.Parse(page.Region!))
                    Assert.Equal(next++, record.GetProperty("offset").GetInt64());
                Assert.Equal(page.NextOffset, next);
            }
        }
        await appending;
        await trimming;
        Assert.Equal(Records, log.Partition.EndOffset);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(6)]
    public void Trim_Acknowledged_SurvivesPowerCut(long offset)
    {
        var log = new ModelLog(SmallSegments);
        for (var i = 0; i < 6; i++)
            log.Append(Large);
        var trimmed = log.Trim(offset);
        log.CutPower();
        Assert.Equal(offset, trimmed);
        Assert.Equal((offset, 6), (log.Partition.EarliestOffset, log.Partition.EndOffset));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Trim_DoneBeforeKill_SurvivesPowerCut(int seed)
    {
        var log = new ModelLog(SmallSegments, seed: seed);
        log.Append("a", "b", "c");
        log.KillAt(FileSystemCallKind.SyncDirectory, "/t/0", () => log.Trim(2));
        // Seed 470: the second request was answered without any work.
        Assert.Equal(2, log.Trim(2));
        log.CutPower();
        Assert.Equal((2, 3), (log.Partition.EarliestOffset, log.Partition.EndOffset));
    }

    [Theory]
    [InlineData("0.ndjson", "always")]
    [InlineData("0.index", "always")]
    [InlineData("0.ndjson", "os")]
    [InlineData("0.index", "os")]
    public void Trim_ToEndKilled_FreesAllSpaceAtStart(string pathEnd, string flush)
    {
        Assert.True(FlushPolicy.TryParse(flush, out var policy));
        var log = new ModelLog(new TopicConfiguration { Flush = policy });
        log.Append("a", "b");
        log.KillAt(FileSystemCallKind.DeleteFile, "000" + pathEnd, () => log.Trim(2));
        // Seed 350: the old segment was active again, with or without its index.
        Assert.Equal((2, 2, 0), (log.Partition.EarliestOffset, log.Partition.EndOffset, log.Partition.SizeBytes));
        Assert.Equal(
            ["00000000000000000002.index", "00000000000000000002.ndjson", "checkpoint", "manifest"],
            log.FileSystem.List(ModelLog.PartitionDirectory).Select(entry => entry.Name).Order()
        );
        Assert.Equal(2, log.Append("c").FirstOffset);
    }

    [Fact]
    public void Trim_ToEndKilled_IsNotTakenForOlderEmptySegment()
    {
        var log = new ModelLog();
        // Segment 0 stays empty: the offset is too far ahead for its index.
        var batch = new RecordBatch(new RecordLimits());
        Assert.Null(batch.AddText("x"u8, new RecordMetadata { Offset = 1L << 33 }));
        log.Append(batch);
        log.KillAt(FileSystemCallKind.DeleteFile, "8589934592.index", () => log.Trim(long.MaxValue));
        // Seed 1902: segment 0 was active, and was read-only because of a missing file.
        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal((1L << 33) + 1, log.Append("y").FirstOffset);
    }

    [Fact]
    public async Task Trim_ReadOnlyPartition_IsRejectedWithReason()
    {
        await using var log = await TestLog.OpenAsync();
        await log.AppendAsync("a");
        await log.AppendAsync("b");
        await log.RestartAsync(() =>
        {
            File.Delete(Path.Combine(log.PartitionDirectory, "checkpoint"));
            var bytes = File.ReadAllBytes(log.SegmentPaths.Single());
            bytes[0] = (byte)'X';
            File.WriteAllBytes(log.SegmentPaths.Single(), bytes);
        });
        var refused = await Assert.ThrowsAsync<PartitionStoppedException>(() => log.Partition.TrimAsync(1));
        Assert.Contains("read-only", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(8)]
    public void Trim_DiskFull_MakesRoomForItselfAndAppends(long offset)
    {
        var log = new ModelLog(SmallSegments);
        for (var i = 0; i < 8; i++)
            log.Append(Large);
        log.FileSystem.CapacityBytes = log.FileSystem.UsedBytes;
        Assert.Equal(AppendStatus.DiskFull, log.Append(Large).Status);
        var usedBytes = log.FileSystem.UsedBytes;
        Assert.Equal(offset, log.Trim(offset));
        Assert.InRange(log.FileSystem.UsedBytes, 0, usedBytes - 60_000);
        Assert.Equal(AppendStatus.Appended, log.Append(Large).Status);
        log.CutPower();
        Assert.Equal((offset, 9), (log.Partition.EarliestOffset, log.Partition.EndOffset));
    }

    [Theory]
    [InlineData(200)]
    [InlineData(1_000)]
    public void Trim_DiskFull_HasRoomForAllProducers(int producers)
    {
        var log = new ModelLog(SmallSegments);
        for (var producer = 0; producer < producers; producer++)
        {
            for (var sequence = 0; sequence < 5; sequence++)
            {
                var batch = new RecordBatch(new RecordLimits(), new($"producer-{producer}", 0, sequence));
                Assert.Null(batch.AddText("x"u8));
                log.Append(batch);
            }
        }
        log.FileSystem.CapacityBytes = log.FileSystem.UsedBytes;
        Assert.Equal(AppendStatus.DiskFull, log.Append(Large).Status);
        Assert.Equal(log.Partition.EndOffset - 1, log.Trim(log.Partition.EndOffset - 1));
        // Also after a restart of the server on the full disk.
        log.FileSystem.CapacityBytes = long.MaxValue;
        log.Append("y");
        // The retention timer creates the reserve again.
        log.Pass(TimeSpan.FromSeconds(11));
        log.Restart(fileSystem => fileSystem.CapacityBytes = fileSystem.UsedBytes);
        Assert.Equal(log.Partition.EndOffset, log.Trim(long.MaxValue));
    }

    [Fact]
    public void Trim_ToEndWithoutRoom_UsesReserve()
    {
        var log = new ModelLog();
        log.Append(Large);
        var reserved = true;
        log.FileSystem.Faults = call =>
        {
            reserved &=
                call.Kind != FileSystemCallKind.DeleteFile || !call.Path.EndsWith("reserve", StringComparison.Ordinal);
            return
                reserved
                && call.Kind == FileSystemCallKind.Create
                && call.Path.EndsWith(".ndjson", StringComparison.Ordinal)
                ? Fault.DiskFull
                : Fault.None;
        };
        Assert.Equal(1, log.Trim(1));
        Assert.Equal(0, log.Partition.SizeBytes);
    }

    [Fact]
    public void Trim_ToEndFailed_FreesSpaceOnRetry()
    {
        var log = new ModelLog();
        log.Append(Large);
        log.FileSystem.Faults = call =>
            call.Kind == FileSystemCallKind.Create && call.Path.EndsWith(".ndjson", StringComparison.Ordinal)
                ? Fault.InputOutputError
                : Fault.None;
        Assert.Equal(1, log.Trim(1));
        log.FileSystem.Faults = null;
        Assert.NotEqual(0, log.Partition.SizeBytes);
        Assert.Equal(1, log.Trim(1));
        Assert.Equal(0, log.Partition.SizeBytes);
    }

    [Fact]
    public void Trim_PartitionOpenedOnFullDisk_Succeeds()
    {
        var log = new ModelLog(SmallSegments);
        for (var i = 0; i < 8; i++)
            log.Append(Large);
        log.Restart(fileSystem =>
        {
            // As after a crash: the index has to be written again, and the disk has no room for it.
            fileSystem.DeleteFile(ModelLog.PartitionDirectory + "/00000000000000000006.index");
            fileSystem.DeleteFile(ModelLog.PartitionDirectory + "/checkpoint");
            fileSystem.CapacityBytes = fileSystem.UsedBytes;
        });
        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal(6, log.Trim(6));
    }

    [Fact]
    public void Reserve_AfterRoomIsMade_IsRestored()
    {
        var log = new ModelLog(SmallSegments);
        for (var i = 0; i < 8; i++)
            log.Append(Large);
        log.FileSystem.CapacityBytes = log.FileSystem.UsedBytes;
        // Others take freed space at once.
        log.FileSystem.Faults = call =>
        {
            if (
                call.Kind == FileSystemCallKind.Create
                && call.Path.EndsWith("checkpoint.tmp", StringComparison.Ordinal)
            )
                log.FileSystem.CapacityBytes = log.FileSystem.UsedBytes;
            return Fault.None;
        };
        Assert.ThrowsAny<AggregateException>(() => log.Trim(7));
        log.FileSystem.Faults = null;
        log.FileSystem.CapacityBytes = log.FileSystem.UsedBytes + (1 << 20);
        log.Pass(TimeSpan.FromSeconds(10));
        log.FileSystem.CapacityBytes = log.FileSystem.UsedBytes;
        Assert.Equal(7, log.Trim(7));
    }

    [Fact]
    public void Trim_IndexSyncFails_StopsPartition()
    {
        var log = new ModelLog();
        log.Append(Large);
        var syncs = 0;
        log.FileSystem.Faults = call =>
            call.Kind == FileSystemCallKind.Sync
            && call.Path.EndsWith(".index", StringComparison.Ordinal)
            && syncs++ == 0
                ? Fault.DiskFull
                : Fault.None;
        Assert.IsType<PartitionStoppedException>(
            Assert.ThrowsAny<AggregateException>(() => log.Trim(1)).InnerException
        );
        Assert.Equal((1, 0), (syncs, log.Partition.EarliestOffset));
        Assert.Contains("sync failed", log.Partition.StoppedReason, StringComparison.Ordinal);
    }

    static long[] Bases(TestLog log) =>
        [
            .. log.SegmentPaths.Select(path =>
                long.Parse(Path.GetFileNameWithoutExtension(path), System.Globalization.CultureInfo.InvariantCulture)
            ),
        ];
}
