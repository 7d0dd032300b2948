using System.Text;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Tests.Testing;

namespace LogHttp.Storage.Tests.Reading;

/// <summary>Lookups of data outside the page cache wait for the disk on threads of their own.</summary>
public sealed class ColdFetchTests
{
    static readonly TopicConfiguration SmallSegments = new() { SegmentBytes = 64 << 10 };

    [Fact]
    public async Task FetchAsync_ColdPage_WaitsOnOwnThread()
    {
        await using var log = await OpenAsync();
        foreach (var place in new[] { "earliest", "7", "150", "@2000-01-01T00:00:00Z" })
        {
            using var expected = log.Fetch(place, 4096);
            await log.RestartAsync();
            var cold = (ColdFileSystem)log.FileSystem;
            cold.ReadsOnPool.Clear();
            using var page = await FetchAsync(log, place);
            Assert.Equal(
                (expected.Status, expected.FirstOffset, expected.NextOffset),
                (page.Status, page.FirstOffset, page.NextOffset)
            );
            Assert.NotEmpty(cold.ReadsOnPool);
            Assert.DoesNotContain(true, cold.ReadsOnPool);
        }
    }

    [Fact]
    public async Task ResolveAsync_ColdTime_WaitsOnOwnThread()
    {
        await using var log = await OpenAsync();
        var cold = (ColdFileSystem)log.FileSystem;
        cold.ReadsOnPool.Clear();
        Assert.True(LogPlace.TryParse("@2000-01-01T00:00:00Z", out var place));
        Assert.Equal(0, await log.Partition.ResolveAsync(place, CancellationToken.None));
        Assert.NotEmpty(cold.ReadsOnPool);
        Assert.DoesNotContain(true, cold.ReadsOnPool);
    }

    [Fact]
    public async Task FetchAsync_KnownPage_NeedsNoDisk()
    {
        await using var log = await OpenAsync();
        (await FetchAsync(log, "7")).Dispose();
        var cold = (ColdFileSystem)log.FileSystem;
        cold.ReadsOnPool.Clear();
        var again = FetchAsync(log, "7");
        Assert.True(again.IsCompletedSuccessfully);
        (await again).Dispose();
        Assert.Empty(cold.ReadsOnPool);
    }

    [Fact]
    public async Task Follower_EveryPageCold_ReadsAllRecords()
    {
        await using var log = await OpenAsync();
        var cold = (ColdFileSystem)log.FileSystem;
        cold.ReadsOnPool.Clear();
        var follower = new LogFollower(log.Partition, LogPlace.Earliest);
        while (true)
        {
            using var page = await follower.ReadAsync(PageSize.AtMost(4096), CancellationToken.None);
            if (page.Status == FetchStatus.AtEnd)
                break;
            Assert.Equal(FetchStatus.Page, page.Status);
        }
        Assert.Equal(LogPlace.At(200), follower.Place);
        Assert.DoesNotContain(true, cold.ReadsOnPool);
    }

    [Theory]
    [InlineData(null, 60)]
    [InlineData("k", 20)]
    public async Task RecordReader_AfterColdPage_ContinuesWithSameRecord(string? key, int expected)
    {
        await using var log = await OpenAsync();
        var batch = new RecordBatch(new RecordLimits());
        // Longer and shorter than the bytes of one read.
        for (var i = 0; i < 60; i++)
            Assert.Null(
                batch.AddText(
                    Encoding.UTF8.GetBytes($"{i}:{new string('v', i % 20 == 0 ? 300_000 : 20_000)}"),
                    new RecordMetadata { Key = i % 3 == 0 ? "k" : "other" }
                )
            );
        Assert.Equal(AppendStatus.Appended, (await log.Partition.AppendAsync(batch)).Status);
        await log.RestartAsync();
        var cold = (ColdFileSystem)log.FileSystem;
        using var page = await log.Partition.FetchAsync(
            LogPlace.At(200),
            PageSize.AtMost(16 << 20),
            CancellationToken.None
        );
        cold.ReadsOnPool.Clear();

        using var reader = new RecordReader(page.Region!, key is null ? null : RecordKey.Of(key));
        var offsets = new List<long>();
        await reader.ReadAsync(
            log.Partition,
            offsets,
            static (reader, offsets) =>
            {
                while (reader.TryRead(out var record))
                    offsets.Add(record.Offset);
                return 0;
            },
            CancellationToken.None
        );
        Assert.Equal(Enumerable.Range(0, 60).Where(i => key is null || i % 3 == 0).Select(i => 200L + i), offsets);
        Assert.Equal(expected, offsets.Count);
        Assert.True(cold.ReadsOnPool.Count > 1);
        Assert.DoesNotContain(true, cold.ReadsOnPool);
    }

    [Fact]
    public async Task FetchAsync_AfterWaitingOne_CanBeCancelled()
    {
        await using var log = await OpenAsync();
        using var mayRead = new ManualResetEventSlim();
        using var called = new CancellationTokenSource();
        var cold = (ColdFileSystem)log.FileSystem;
        cold.BeforeRead = mayRead.Wait;

        var first = FetchAsync(log, "7");
        var second = FetchAsync(log, "150", called.Token);
        await called.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.AsTask());
        Assert.False(first.IsCompleted);
        mayRead.Set();
        using var page = await first;
        Assert.Equal(7, page.FirstOffset);
        using var next = await FetchAsync(log, "150");
        Assert.Equal(150, next.FirstOffset);
    }

    [Fact]
    public async Task FetchAsync_DiskFails_FailsAndNextSucceeds()
    {
        await using var log = await OpenAsync();
        var cold = (ColdFileSystem)log.FileSystem;
        cold.BeforeRead = static () => throw new IOException("The disk is gone.");
        var failed = await Assert.ThrowsAsync<IOException>(() => FetchAsync(log, "7").AsTask());
        Assert.Equal("The disk is gone.", failed.Message);
        cold.BeforeRead = static () => { };
        using var page = await FetchAsync(log, "7");
        Assert.Equal(7, page.FirstOffset);
    }

    [Fact]
    public async Task Lookups_AnyOutcome_LeaveNoFileOpen()
    {
        var log = await OpenAsync();
        var cold = (ColdFileSystem)log.FileSystem;
        (await FetchAsync(log, "7")).Dispose();
        cold.BeforeRead = static () => throw new IOException("The disk is gone.");
        await Assert.ThrowsAsync<IOException>(() => FetchAsync(log, "150").AsTask());
        await log.DisposeAsync();
        Assert.Equal(0, cold.OpenFiles);
    }

    static async Task<TestLog> OpenAsync()
    {
        var log = await TestLog.OpenAsync(SmallSegments, wrap: static fileSystem => new ColdFileSystem(fileSystem));
        for (var i = 0; i < 200; i++)
            await log.AppendAsync(new string('v', 1000));
        await log.RestartAsync();
        Assert.True(log.SegmentPaths.Count() > 2);
        return log;
    }

    static ValueTask<FetchResult> FetchAsync(TestLog log, string place, CancellationToken cancellationToken = default)
    {
        Assert.True(LogPlace.TryParse(place, out var parsed));
        return log.Partition.FetchAsync(parsed, PageSize.AtMost(4096), cancellationToken);
    }
}
