using System.Text;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Waiting;

namespace LogHttp.Storage.Tests.Logs;

/// <summary>Followers that take new records from a read that they share.</summary>
public class LiveReaderTests
{
    static readonly PageSize Page = PageSize.Default;

    /// <summary>Follows a log as a response does: it reads until it is at the end, and waits there.</summary>
    sealed class Reader(PartitionLog log, LogPlace place, int seed) : ILiveReader
    {
        readonly LogFollower _follower = new(log, place);
        readonly Random _random = new(seed);
        readonly StringBuilder _text = new();
        int _isTaking;

        public LogWaiter Waiter { get; } = new();

        /// <summary>How often it takes records that are offered, in percent.</summary>
        public int Willingness { get; init; } = 100;

        public int TakenCount { get; private set; }

        public int Reads { get; private set; }

        public string Text
        {
            get
            {
                lock (_text)
                    return _text.ToString();
            }
        }

        void Append(FetchResult page)
        {
            lock (_text)
                _text.Append(TestLog.Text(page.Region!));
        }

        public async Task<LogWake> RunAsync()
        {
            while (true)
            {
                for (var isMore = true; isMore; )
                {
                    _follower.LiveReader = this;
                    using var page = await _follower.ReadAsync(Page, CancellationToken.None);
                    Reads++;
                    if (page.Status is FetchStatus.BelowEarliest or FetchStatus.BeyondEnd)
                        return LogWake.Closed;
                    if (page.Region is not null)
                        Append(page);
                    isMore = page.NextOffset < page.EndOffset;
                }
                var wake = await WaitAsync();
                if (wake != LogWake.Grown)
                {
                    _follower.Unsubscribe();
                    return wake;
                }
            }
        }

        async ValueTask<LogWake> WaitAsync()
        {
            while (true)
            {
                var wake = await Waiter.WaitAsync(_follower);
                Assert.Equal(0, Volatile.Read(ref _isTaking));
                if (wake != LogWake.TimedOut)
                    return wake;
            }
        }

        LiveOutcome ILiveReader.Take(SharedPage page)
        {
            Assert.Equal(1, Interlocked.Increment(ref _isTaking));
            var isTaken = _random.Next(100) < Willingness;
            if (isTaken)
            {
                Append(page.Page);
                TakenCount++;
            }
            Interlocked.Decrement(ref _isTaking);
            return !isTaken ? LiveOutcome.Declined
                : _random.Next(100) < Willingness ? LiveOutcome.Taken
                : LiveOutcome.Begun;
        }
    }

    static Task WaitForAsync(Func<bool> condition) =>
        Task.Run(async () =>
            {
                while (!condition())
                    await Task.Yield();
            })
            .WaitAsync(TimeSpan.FromSeconds(60));

    [Fact]
    public async Task Live_NewRecords_ComeWithoutWake()
    {
        await using var log = await TestLog.OpenAsync();
        var reader = new Reader(log.Partition, LogPlace.Latest, seed: 1);
        var running = reader.RunAsync();
        for (var i = 1; i <= 20; i++)
        {
            await log.AppendAsync($"{i}");
            await WaitForAsync(() => reader.TakenCount == i);
        }
        Assert.Equal(1, reader.Reads);
        Assert.Equal(TextOf(log), reader.Text);
        reader.Waiter.Cancel();
        Assert.Equal(LogWake.Cancelled, await running);
        Assert.Equal(0, log.Partition.Waiters.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Live_ManyReaders_EachGetsEveryRecordOnce(int seed)
    {
        await using var log = await TestLog.OpenAsync(
            new TopicConfiguration { SegmentBytes = 256 << 10, Flush = FlushPolicy.Os }
        );
        var random = new Random(seed);
        List<(Reader Reader, Task<LogWake> Running)> readers = [];
        List<Reader> gone = [];
        for (var round = 0; round < 400; round++)
        {
            for (var joining = random.Next(4); joining > 0 && readers.Count < 150; joining--)
            {
                var reader = new Reader(log.Partition, LogPlace.Earliest, seed: random.Next())
                {
                    Willingness = random.Next(3) == 0 ? 60 : 100,
                };
                readers.Add((reader, Task.Run(reader.RunAsync)));
            }
            // Beyond a shared page now and then.
            var sizeBytes = random.Next(20) == 0 ? 40_000 : random.Next(2_000);
            await log.AppendAsync($"{round} {new string('x', sizeBytes)}");
            if (random.Next(4) == 0 && readers.Count > 0)
                readers[random.Next(readers.Count)].Reader.Waiter.Complete(LogWake.TimedOut);
            if (random.Next(10) == 0 && readers.Count > 10)
            {
                var (reader, running) = readers[random.Next(readers.Count)];
                reader.Waiter.Cancel();
                Assert.Equal(LogWake.Cancelled, await running.WaitAsync(TimeSpan.FromSeconds(60)));
                readers.Remove((reader, running));
                gone.Add(reader);
            }
        }
        var text = TextOf(log);
        foreach (var (reader, running) in readers)
            await WaitForAsync(() => reader.Text.Length >= text.Length || running.IsCompleted);
        Assert.All(readers, one => Assert.Equal(text, one.Reader.Text));
        Assert.All(gone, one => Assert.StartsWith(one.Text, text, StringComparison.Ordinal));
        Assert.True(readers.Sum(static one => one.Reader.TakenCount) > 0);
        foreach (var (reader, running) in readers)
        {
            reader.Waiter.Cancel();
            await running;
        }
        Assert.Equal(0, log.Partition.Waiters.Count);
        Assert.Null(log.Partition.Waiters.LiveEnd);
    }

    [Fact]
    public async Task Live_MoreThanSharedPage_ReadsForItself()
    {
        await using var log = await TestLog.OpenAsync();
        var reader = new Reader(log.Partition, LogPlace.Latest, seed: 1);
        var running = reader.RunAsync();
        await log.AppendAsync(new string('x', SharedPage.MaxBytes));
        await WaitForAsync(() => reader.Reads == 2);
        await log.AppendAsync("next");
        await WaitForAsync(() => reader.TakenCount == 1);
        Assert.Equal(TextOf(log), reader.Text);
        reader.Waiter.Cancel();
        await running;
    }

    [Fact]
    public async Task Live_ManyReaders_ShareOneRead()
    {
        await using var log = await TestLog.OpenAsync();
        var readers = Enumerable.Range(0, 200).Select(i => new Reader(log.Partition, LogPlace.Latest, i)).ToArray();
        var running = readers.Select(static reader => reader.RunAsync()).ToArray();
        await log.AppendAsync("one");
        await WaitForAsync(() => readers.All(static reader => reader.TakenCount == 1));
        // Each has read once, when it began. All later bytes came from the shared page.
        Assert.All(readers, static reader => Assert.Equal(1, reader.Reads));
        foreach (var reader in readers)
            reader.Waiter.Cancel();
        await Task.WhenAll(running);
    }

    [Fact]
    public async Task Live_LogClosed_EndsWaits()
    {
        var log = await TestLog.OpenAsync();
        var readers = Enumerable.Range(0, 100).Select(i => new Reader(log.Partition, LogPlace.Latest, i)).ToArray();
        var running = readers.Select(static reader => reader.RunAsync()).ToArray();
        await log.AppendAsync("last");
        await log.DisposeAsync();
        Assert.All(
            await Task.WhenAll(running).WaitAsync(TimeSpan.FromSeconds(60)),
            static wake => Assert.Equal(LogWake.Closed, wake)
        );
    }

    [Fact]
    public async Task Live_LogTrimmed_ReadsForItself()
    {
        await using var log = await TestLog.OpenAsync();
        await log.AppendAsync("trimmed");
        var reader = new Reader(log.Partition, LogPlace.Latest, seed: 1);
        var running = reader.RunAsync();
        await log.Partition.TrimAsync(1);
        await WaitForAsync(() => reader.Reads == 2);
        await log.AppendAsync("next");
        var text = TextOf(log);
        await WaitForAsync(() => reader.Text.Length >= text.Length);
        Assert.Equal(text, reader.Text);
        reader.Waiter.Cancel();
        await running;
    }

    [Fact]
    public async Task Live_ReaderThrows_WaitThrows()
    {
        await using var log = await TestLog.OpenAsync();
        var (follower, waiter) = (new LogFollower(log.Partition, LogPlace.Latest), new LogWaiter());
        follower.Read(Page).Dispose();
        follower.LiveReader = new FailingReader();
        var wait = waiter.WaitAsync(follower).AsTask();
        await log.AppendAsync("x");
        await Assert.ThrowsAsync<NotSupportedException>(() => wait.WaitAsync(TimeSpan.FromSeconds(60)));
        follower.Unsubscribe();
        Assert.Equal(0, log.Partition.Waiters.Count);
    }

    sealed class FailingReader : ILiveReader
    {
        public LiveOutcome Take(SharedPage page) => throw new NotSupportedException();
    }

    static string TextOf(TestLog log)
    {
        var text = new StringBuilder();
        for (var page = log.Fetch("earliest"); page.Region is not null; page = log.Fetch($"{page.NextOffset}"))
        {
            text.Append(TestLog.Text(page.Region));
            page.Dispose();
        }
        return text.ToString();
    }
}
