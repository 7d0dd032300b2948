using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Topics;
using LogHttp.Storage.Waiting;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Logs;

public class LogFollowerTests
{
    static readonly PageSize Page = PageSize.Default;

    [Fact]
    public async Task Follower_ThroughRolls_GetsEveryRecordOnce()
    {
        await using var log = await TestLog.OpenAsync(new TopicConfiguration { SegmentBytes = 64 << 10 });
        var follower = new LogFollower(log.Partition, LogPlace.Earliest);
        var random = new Random(5);
        var read = "";
        for (var round = 0; round < 300; round++)
        {
            for (var count = random.Next(4); count > 0; count--)
                await log.AppendAsync($"{round} {new string('x', random.Next(5_000))}");
            if (random.Next(3) > 0)
                ReadAll();
        }
        ReadAll();
        Assert.Equal(TextOf(log), read);

        void ReadAll()
        {
            while (true)
            {
                using var page = follower.Read(random.Next(3) == 0 ? PageSize.AtMost(4096) : Page);
                if (page.Region is null)
                    return;
                read += TestLog.Text(page.Region);
            }
        }
    }

    [Fact]
    public async Task Wait_ForMinBytes_EndsOnceReached()
    {
        await using var log = await TestLog.OpenAsync();
        var (follower, waiter) = (new LogFollower(log.Partition, LogPlace.Latest), new LogWaiter());
        Assert.Equal(FetchStatus.AtEnd, follower.Read(Page).Status);
        var wait = waiter.WaitAsync(follower, growthBytes: 200).AsTask();
        await log.AppendAsync("short");
        Assert.False(wait.IsCompleted);
        await log.AppendAsync(new string('x', 200));
        Assert.Equal(LogWake.Grown, await wait);
        using var page = follower.Read(Page);
        Assert.Equal((0, 2), (page.FirstOffset, page.NextOffset));
    }

    [Fact]
    public async Task Wait_ForMoreThanPage_EndsWithPage()
    {
        await using var log = await TestLog.OpenAsync();
        var (follower, waiter, small) = (
            new LogFollower(log.Partition, LogPlace.Latest),
            new LogWaiter(),
            PageSize.AtMost(4096)
        );
        follower.Read(small).Dispose();
        var wait = waiter.WaitAsync(follower, growthBytes: 1 << 20).AsTask();
        await log.AppendAsync(new string('x', 3_000));
        Assert.False(wait.IsCompleted);
        await log.AppendAsync(new string('x', 3_000));
        Assert.Equal(LogWake.Grown, await wait);
        using var page = follower.Read(small);
        Assert.Equal((1, 2), (page.NextOffset, page.EndOffset));
    }

    [Fact]
    public async Task Wait_PageEndsWithSegment_EndsWithNextRecord()
    {
        var fileSystem = new PowerCutFileSystem(new Random(1));
        await using var catalog = Open(fileSystem);
        var log = (await catalog.GetOrCreateAsync("t", new TopicConfiguration { SegmentBytes = 64 << 10 }))
            .Topic
            .Partitions[0];
        await log.AppendAsync(TestLog.Batch(new string('x', 60_000)));
        // The log rolls, and then the write fails: it ends with a sealed segment.
        fileSystem.Faults = static call =>
            call is { Kind: FileSystemCallKind.Write } && call.Path.EndsWith("1.ndjson", StringComparison.Ordinal)
                ? Fault.DiskFull
                : Fault.None;
        Assert.Equal(AppendStatus.DiskFull, (await log.AppendAsync(TestLog.Batch(new string('x', 60_000)))).Status);
        fileSystem.Faults = null;
        var (follower, waiter) = (new LogFollower(log, LogPlace.Earliest), new LogWaiter());
        follower.Read(Page).Dispose();
        var wait = waiter.WaitAsync(follower, growthBytes: 1 << 20).AsTask();
        Assert.False(wait.IsCompleted);
        await log.AppendAsync(TestLog.Batch("next"));
        Assert.Equal(LogWake.Grown, await wait.WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task Follower_RecordsRolledBack_IsWokenBelowItsPosition()
    {
        var fileSystem = new PowerCutFileSystem(new Random(1));
        await using var catalog = Open(fileSystem);
        var log = (await catalog.GetOrCreateAsync("t", new TopicConfiguration { Flush = FlushPolicy.Os }))
            .Topic
            .Partitions[0];
        await log.AppendAsync(TestLog.Batch("lost"));
        var (follower, waiter) = (new LogFollower(log, LogPlace.Latest), new LogWaiter());
        follower.Read(Page).Dispose();
        var wait = waiter.WaitAsync(follower).AsTask();
        fileSystem.Faults = static call =>
            call.Kind is FileSystemCallKind.Sync or FileSystemCallKind.SyncAll
            && call.Path.EndsWith(".ndjson", StringComparison.Ordinal)
                ? Fault.InputOutputError
                : Fault.None;
        await catalog.ConfigureAsync("t", static before => before with { Flush = FlushPolicy.Always });
        Assert.Equal(LogWake.Grown, await wait.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(FetchStatus.BeyondEnd, follower.Read(Page).Status);
    }

    [Fact]
    public async Task Wait_BytesExist_EndsAtOnce()
    {
        await using var log = await TestLog.OpenAsync();
        var (follower, waiter) = (new LogFollower(log.Partition, LogPlace.Latest), new LogWaiter());
        follower.Read(Page).Dispose();
        await log.AppendAsync("between the read and the wait");
        Assert.Equal(LogWake.Grown, await waiter.WaitAsync(follower));
    }

    [Fact]
    public async Task Wait_Cancelled_EndsWithLaterOnes()
    {
        await using var log = await TestLog.OpenAsync();
        var (follower, waiter) = (new LogFollower(log.Partition, LogPlace.Latest), new LogWaiter());
        follower.Read(Page).Dispose();
        var wait = waiter.WaitAsync(follower).AsTask();
        waiter.Cancel();
        Assert.Equal(LogWake.Cancelled, await wait);
        Assert.Equal(LogWake.Cancelled, await waiter.WaitAsync(follower));
        follower.Unsubscribe();
        Assert.Equal(0, log.Partition.Waiters.Count);
    }

    [Fact]
    public async Task Wait_LogClosed_Ends()
    {
        var log = await TestLog.OpenAsync();
        var (follower, waiter) = (new LogFollower(log.Partition, LogPlace.Latest), new LogWaiter());
        follower.Read(Page).Dispose();
        var wait = waiter.WaitAsync(follower).AsTask();
        await log.DisposeAsync();
        Assert.Equal(LogWake.Closed, await wait);
    }

    [Fact]
    public async Task Wait_SeveralLogs_EndsWithFirst()
    {
        await using var one = await TestLog.OpenAsync();
        await using var other = await TestLog.OpenAsync();
        LogFollower[] followers = [new(one.Partition, LogPlace.Latest), new(other.Partition, LogPlace.Latest)];
        var waiter = new LogWaiter();
        for (var round = 0; round < 20; round++)
        {
            foreach (var follower in followers)
                follower.Read(Page).Dispose();
            var wait = waiter.WaitAsync(followers).AsTask();
            Assert.False(wait.IsCompleted);
            await (round % 2 == 0 ? one : other).AppendAsync("x");
            Assert.Equal(LogWake.Grown, await wait);
        }
        Assert.Equal(1, one.Partition.Waiters.Count + other.Partition.Waiters.Count);
    }

    [Fact]
    public async Task Deadlines_BeyondOneTurnOfWheel_EndInOrder()
    {
        await using var log = await TestLog.OpenAsync();
        var time = new SimulatedTime(DateTimeOffset.UnixEpoch);
        using var deadlines = new Deadlines(time);
        var timeouts = new[] { 0.5, 1, 30, 102.4, 103, 250 };
        var waits = timeouts
            .Select(seconds =>
            {
                var (follower, waiter) = (new LogFollower(log.Partition, LogPlace.Latest), new LogWaiter());
                follower.Read(Page).Dispose();
                var wait = waiter.WaitAsync(follower).AsTask();
                deadlines.Set(waiter, TimeSpan.FromSeconds(seconds));
                return wait;
            })
            .ToArray();
        for (var i = 0; i < timeouts.Length; i++)
        {
            var sofar = time.GetUtcNow() - DateTimeOffset.UnixEpoch;
            time.Advance(TimeSpan.FromSeconds(timeouts[i]) - sofar - TimeSpan.FromMilliseconds(1));
            Assert.False(waits[i].IsCompleted);
            time.Advance(TimeSpan.FromMilliseconds(301));
            Assert.Equal(LogWake.TimedOut, await waits[i]);
        }
    }

    [Fact]
    public async Task Deadline_InPast_EndsWithNextTicks()
    {
        await using var log = await TestLog.OpenAsync();
        var time = new SimulatedTime(DateTimeOffset.UnixEpoch);
        using var deadlines = new Deadlines(time);
        var (follower, waiter) = (new LogFollower(log.Partition, LogPlace.Latest), new LogWaiter());
        foreach (var late in new[] { 0, 5, 500 })
        {
            follower.Read(Page).Dispose();
            var wait = waiter.WaitAsync(follower).AsTask();
            deadlines.Set(waiter, TimeSpan.FromSeconds(-late));
            time.Advance(TimeSpan.FromMilliseconds(300));
            Assert.Equal(LogWake.TimedOut, await wait.WaitAsync(TimeSpan.FromSeconds(30)));
        }
    }

    [Fact]
    public async Task Deadlines_AnyTimerPhase_AreAtMostTwoTicksLate()
    {
        await using var log = await TestLog.OpenAsync();
        var time = new SimulatedTime(DateTimeOffset.UnixEpoch);
        using var deadlines = new Deadlines(time);
        // The first follower starts the timer, at the end of one of the wheel's ticks.
        time.Advance(TimeSpan.FromMilliseconds(99));
        _ = Wait(TimeSpan.FromMinutes(1));
        time.Advance(TimeSpan.FromMilliseconds(101));
        var wait = Wait(TimeSpan.FromMilliseconds(1));
        time.Advance(TimeSpan.FromMilliseconds(201));
        Assert.Equal(LogWake.TimedOut, await wait.WaitAsync(TimeSpan.FromSeconds(30)));

        Task<LogWake> Wait(TimeSpan timeout)
        {
            var (follower, waiter) = (new LogFollower(log.Partition, LogPlace.Latest), new LogWaiter());
            follower.Read(Page).Dispose();
            deadlines.Set(waiter, timeout);
            return waiter.WaitAsync(follower).AsTask();
        }
    }

    [Fact]
    public async Task Wait_ManyFollowers_MissNoRecord()
    {
        await using var log = await TestLog.OpenAsync(
            new TopicConfiguration { Flush = FlushPolicy.Os, SegmentBytes = 64 << 10 }
        );
        const int Records = 2_000;
        var followers = Enumerable
            .Range(0, 20)
            .Select(_ =>
                Task.Run(async () =>
                {
                    var (follower, waiter, next) = (
                        new LogFollower(log.Partition, LogPlace.Earliest),
                        new LogWaiter(),
                        0L
                    );
                    while (next < Records)
                    {
                        using var page = follower.Read(Page);
                        if (page.Region is null)
                            Assert.Equal(LogWake.Grown, await waiter.WaitAsync(follower));
                        next = page.NextOffset;
                    }
                })
            )
            .ToArray();
        for (var number = 0; number < Records; number++)
            await log.AppendAsync(new string('x', 100));
        await Task.WhenAll(followers).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(0, log.Partition.Waiters.Count);
    }

    static TopicCatalog Open(PowerCutFileSystem fileSystem) =>
        TopicCatalog.Open(
            new StorageEnvironment { FileSystem = fileSystem },
            new StorageOptions { Directory = "/data" }
        );

    /// <summary>Returns the whole log as its files hold it.</summary>
    static string TextOf(TestLog log) =>
        string.Concat(
            log.SegmentPaths.Select(path =>
            {
                using var file = new StreamReader(
                    new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)
                );
                return file.ReadToEnd();
            })
        );
}
