using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Topics;
using LogHttp.Storage.Waiting;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Topics;

public class TopicGrowthTests
{
    const string TopicDirectory = "/data/topics/t";

    static void Append(ModelLog log, int partition, string text)
    {
        var append = log.BeginAppend(text, partition);
        Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(append));
    }

    static long[] Ends(ModelLog log) => [.. log.Partitions.Select(static partition => partition.EndOffset)];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Grow_Acknowledged_OutlivesProcess(bool cutsPower)
    {
        var log = new ModelLog(new() { Flush = FlushPolicy.Always });
        log.Append("old");

        log.Grow(3);
        Append(log, 2, "new");
        log.Die(cutsPower);
        Append(log, 1, "newer");

        Assert.Equal([1, 1, 1], Ends(log));
        Assert.Equal([1], log.Topic.FormerCounts);
        log.Grow(4);
        log.Restart();
        Assert.Equal([1, 3], log.Topic.FormerCounts);
        Assert.Equal(4, log.Partition.Manifest!.State.Header.Configuration.Partitions);
    }

    /// <summary>One error at the first call, at the second, … until none strikes.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Grow_FailsAnywhere_ChangesNothing(bool growsAgain)
    {
        for (var number = 1; ; number++)
        {
            var log = new ModelLog();
            log.Append("old");
            var (until, hasFailed) = (log.FileSystem.CallCount + number, false);
            log.FileSystem.Faults = call =>
            {
                hasFailed |= call.Number == until;
                return call.Number == until ? Fault.InputOutputError : Fault.None;
            };
            var failure = Record.Exception(() => log.Grow(3));
            log.FileSystem.Faults = null;
            if (failure is null)
            {
                // The growth's calls are over. What follows may fail, because a later start does it again.
                Assert.Equal(3, log.Partitions.Count);
                if (!hasFailed)
                    break;
                continue;
            }
            Assert.IsAssignableFrom<IOException>(failure);
            Assert.Single(log.Topic.Partitions);
            Assert.True(number < 100);
            Append(log, 0, "still there");
            if (!growsAgain)
            {
                // A start may find either number, and all partitions are whole.
                log.CutPower();
                Assert.Contains(log.Partitions.Count, (int[])[1, 3]);
                Append(log, log.Partitions.Count - 1, "new");
                continue;
            }
            log.Grow(2);
            Append(log, 1, "new");
            log.CutPower();
            Assert.Equal([2, 1], Ends(log));
        }
    }

    [Fact]
    public void Grow_FullDisk_LeavesNothing()
    {
        var log = new ModelLog();
        log.Append("old");
        var before = log.FileSystem.List(TopicDirectory).Count;
        log.FileSystem.CapacityBytes = log.FileSystem.UsedBytes + 100;

        Assert.Throws<DiskFullException>(() => log.Grow(3));

        Assert.Equal(before, log.FileSystem.List(TopicDirectory).Count);
        Assert.Single(log.Topic.Partitions);
        log.FileSystem.CapacityBytes = long.MaxValue;
        log.Restart();
        Assert.Single(log.Topic.Partitions);
    }

    [Fact]
    public void Grow_AfterInterruptedOne_ReplacesRest()
    {
        var log = new ModelLog();
        log.Append("old");
        log.KillAt(FileSystemCallKind.Rename, "topic.json.tmp", () => log.Grow(3));
        Assert.Single(log.Topic.Partitions);
        Assert.Contains(log.FileSystem.List(TopicDirectory), static entry => entry.Name == "2");

        log.Grow(2);
        Append(log, 1, "new");
        log.CutPower();

        Assert.Equal([1, 1], Ends(log));
        Assert.DoesNotContain(log.FileSystem.List(TopicDirectory), static entry => entry.Name == "2");
    }

    [Fact]
    public void Grow_OverRecordsOfOthers_IsRefused()
    {
        var log = new ModelLog();
        log.Restart(static fileSystem =>
        {
            fileSystem.CreateDirectory(TopicDirectory + "/1");
            using var file = fileSystem.Create(TopicDirectory + "/1/00000000000000000000.ndjson");
            file.Write("somebody's"u8, 0);
        });

        Assert.Contains(
            "/1 has records",
            Assert.Throws<IOException>(() => log.Grow(2)).Message,
            StringComparison.Ordinal
        );

        Assert.Single(log.Topic.Partitions);
        Assert.Equal("somebody's"u8, log.ReadFile(TopicDirectory + "/1/00000000000000000000.ndjson"));
    }

    [Fact]
    public void Grow_BelowOrBeyondBounds_IsRejected()
    {
        var log = new ModelLog(new() { Partitions = 2 }, adjust: static options => options with { MaxPartitions = 3 });

        Assert.Throws<ArgumentException>(() => log.Grow(1));
        Assert.Throws<ArgumentException>(() => log.Grow(TopicConfiguration.MaxPartitions + 1));
        Assert.Throws<TooManyTopicsException>(() => log.Grow(4));

        log.Grow(3);
        Assert.Equal(3, log.Partitions.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Start_WithoutTopicFile_FindsAllPartitions(bool isInterrupted)
    {
        var log = new ModelLog();
        log.Append("old");
        if (isInterrupted)
            log.StopAt(FileSystemCallKind.Rename, "topic.json.tmp", () => log.Grow(3));
        else
        {
            log.Grow(3);
            log.Close();
        }

        log.Reopen(static fileSystem => fileSystem.DeleteFile(TopicDirectory + "/topic.json"));

        // The partitions of an interrupted growth are whole, and hold nothing.
        Assert.Equal([1, 0, 0], Ends(log));
        Assert.Equal([1, 2], log.Topic.FormerCounts);
        Append(log, 2, "new");
    }

    [Fact]
    public async Task Grow_ReaderWaits_WakesIt()
    {
        var log = new ModelLog();
        var follower = new LogFollower(log.Partition, LogPlace.Earliest);
        follower.Read(PageSize.Default).Dispose();
        var waiting = new LogWaiter().WaitAsync(follower);

        log.Grow(2);
        log.RunAll();
        Assert.Equal(LogWake.Grown, await waiting);

        follower.Read(PageSize.Default).Dispose();
        log.Grow(3);
        // The growth came between the read and the wait.
        Assert.Equal(LogWake.Grown, await new LogWaiter().WaitAsync(follower));
        follower.Unsubscribe();
    }
}
