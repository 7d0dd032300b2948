using System.Globalization;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Reading;

namespace LogHttp.Storage.Tests.Logs;

public class PartitionLogTests
{
    static readonly TopicConfiguration SmallSegments = new() { SegmentBytes = 64 << 10 };

    static IEnumerable<string> Values(int count, string prefix = "value") =>
        Enumerable
            .Range(0, count)
            .Select(number =>
                string.Create(CultureInfo.InvariantCulture, $"{prefix} {number} {new string('x', number % 300)}")
            );

    [Fact]
    public async Task Append_ThenFetch_ReturnsLinesAsFormatted()
    {
        await using var log = await TestLog.OpenAsync();
        var result = await log.AppendAsync("hello");

        using var page = log.Fetch("0");
        Assert.Equal(
            $$"""{"offset":0,"timestamp":{{result.TimestampMs}},"value":"hello"}""" + "\n",
            TestLog.Text(page.Region!)
        );
        Assert.Equal((0, 1, 1, 0), (page.FirstOffset, page.NextOffset, page.EndOffset, page.EarliestOffset));
    }

    [Fact]
    public async Task Append_Batch_MarksFirstLine()
    {
        await using var log = await TestLog.OpenAsync();
        await log.AppendAsync("a", "b");
        var records = log.ReadAll();
        Assert.Equal(2, records[0].GetProperty("batch").GetInt32());
        Assert.False(records[1].TryGetProperty("batch", out _));
    }

    [Fact]
    public async Task Append_AboveSegmentSize_RollsAndKeepsEveryRecord()
    {
        await using var log = await TestLog.OpenAsync(SmallSegments);
        var values = Values(2_000).ToArray();
        foreach (var chunk in values.Chunk(50))
            await log.AppendAsync(chunk);

        Assert.True(log.SegmentPaths.Count() > 3);
        Assert.All(log.SegmentPaths, path => Assert.True(new FileInfo(path).Length <= SmallSegments.SegmentBytes));
        Assert.Equal(values, log.ReadAll(maxBytes: 4096).Select(record => record.GetProperty("value").GetString()));
    }

    [Fact]
    public async Task Append_Concurrent_GivesEachItsOwnOffset()
    {
        await using var log = await TestLog.OpenAsync(SmallSegments);
        var results = await Task.WhenAll(
            Enumerable.Range(0, 500).Select(number => Task.Run(() => log.AppendAsync($"{number} a", $"{number} b")))
        );

        var records = log.ReadAll();
        Assert.Equal(
            Enumerable.Range(0, 1_000).Select(offset => (long)offset),
            records.Select(record => record.GetProperty("offset").GetInt64())
        );
        for (var number = 0; number < results.Length; number++)
        {
            Assert.Equal($"{number} a", records[(int)results[number].FirstOffset].GetProperty("value").GetString());
            Assert.Equal($"{number} b", records[(int)results[number].NextOffset - 1].GetProperty("value").GetString());
        }
    }

    [Theory]
    [InlineData("os")]
    [InlineData("5ms")]
    public async Task Append_WithoutSync_SurvivesCleanRestart(string flush)
    {
        Assert.True(FlushPolicy.TryParse(flush, out var policy));
        await using var log = await TestLog.OpenAsync(SmallSegments with { Flush = policy });
        var values = Values(3_000).ToArray();
        foreach (var chunk in values.Chunk(7))
            await log.AppendAsync(chunk);
        await log.RestartAsync();
        Assert.Equal(values, log.ReadAll().Select(record => record.GetProperty("value").GetString()));
    }

    [Fact]
    public async Task Append_BatchLargerThanGroup_IsWholeAndInOrder()
    {
        await using var log = await TestLog.OpenAsync(adjust: options => options with { MaxGroupBytes = 64 << 10 });
        var values = Values(5_000).ToArray();
        var large = log.AppendAsync(values);
        var small = log.AppendAsync("after");
        await Task.WhenAll(large, small);
        Assert.Equal([.. values, "after"], log.ReadAll().Select(record => record.GetProperty("value").GetString()));
    }

    [Fact]
    public async Task Fetch_AnyPlace_ReturnsItsOffset()
    {
        await using var log = await TestLog.OpenAsync();
        Assert.Equal(FetchStatus.AtEnd, log.Fetch("earliest").Status);
        Assert.Equal(FetchStatus.AtEnd, log.Fetch("0").Status);
        await log.AppendAsync(Values(20));
        Assert.Equal(FetchStatus.AtEnd, log.Fetch("latest").Status);
        Assert.Equal(FetchStatus.AtEnd, log.Fetch("20").Status);
        Assert.Equal(FetchStatus.BeyondEnd, log.Fetch("21").Status);
        Assert.Equal(10, log.ReadAll("-10")[0].GetProperty("offset").GetInt64());
        Assert.Equal(0, log.ReadAll("-100")[0].GetProperty("offset").GetInt64());
    }

    [Fact]
    public async Task Fetch_AnyOffset_ContinuesOnSharedPages()
    {
        await using var log = await TestLog.OpenAsync(SmallSegments);
        await log.AppendAsync(Values(2_000));
        var ends = new HashSet<long>();
        for (var offset = 0L; offset < 2_000; )
        {
            using var page = log.Fetch($"{offset}", maxBytes: 16 << 10);
            ends.Add(page.NextOffset);
            offset = page.NextOffset;
        }
        for (var offset = 0L; offset < 2_000; offset += 13)
        {
            using var page = log.Fetch($"{offset}", maxBytes: 16 << 10);
            Assert.Equal(offset, page.FirstOffset);
            Assert.Equal(offset, TestLog.Parse(page.Region!).First().GetProperty("offset").GetInt64());
            Assert.Contains(page.NextOffset, ends);
            Assert.InRange(page.Region!.LengthBytes, 1, 16 << 10);
        }
    }

    [Fact]
    public async Task Fetch_RecordLargerThanPage_ReturnsItWhole()
    {
        await using var log = await TestLog.OpenAsync();
        await log.AppendAsync("small", new string('y', 100_000), "small");
        using var page = log.Fetch("1", maxBytes: 4096);
        Assert.Equal((1, 2), (page.FirstOffset, page.NextOffset));
        Assert.Equal(100_000, TestLog.Parse(page.Region!).Single().GetProperty("value").GetString()!.Length);
    }

    [Fact]
    public async Task Restart_AfterCleanStop_ReadsNoSegment()
    {
        await using var log = await TestLog.OpenAsync();
        await log.AppendAsync(Values(1_000));
        // Unread bytes may be nonsense: the same length, without a single valid line.
        await log.RestartAsync(() =>
            File.WriteAllBytes(log.SegmentPaths.Single(), new byte[new FileInfo(log.SegmentPaths.Single()).Length])
        );
        Assert.Equal(1_000, log.Partition.EndOffset);
        Assert.Null(log.Partition.StoppedReason);
    }

    [Fact]
    public async Task Restart_TornTail_CutsAndKeepsIt()
    {
        await using var log = await TestLog.OpenAsync();
        await log.AppendAsync(Values(100));
        await log.RestartAsync(() =>
            File.AppendAllText(log.SegmentPaths.Single(), """{"offset":100,"timestamp":1,"val""")
        );
        Assert.Equal(100, log.Partition.EndOffset);
        Assert.Single(Directory.GetFiles(log.PartitionDirectory, "*.torn"));
        await log.AppendAsync("next");
        Assert.Equal("next", log.ReadAll("100").Single().GetProperty("value").GetString());
    }

    [Fact]
    public async Task Restart_HalfBatch_CutsAllOfIt()
    {
        await using var log = await TestLog.OpenAsync();
        await log.AppendAsync(Values(10));
        await log.RestartAsync(() =>
            File.AppendAllText(
                log.SegmentPaths.Single(),
                """{"offset":10,"timestamp":1,"batch":3,"value":1}"""
                    + "\n"
                    + """{"offset":11,"timestamp":1,"value":2}"""
                    + "\n"
            )
        );
        Assert.Equal(10, log.Partition.EndOffset);
    }

    [Fact]
    public async Task Restart_RecordsAfterJournaledEnd_CutsThem()
    {
        await using var log = await TestLog.OpenAsync();
        await log.AppendAsync(Values(10));
        await log.RestartAsync(() =>
            File.AppendAllText(log.SegmentPaths.Single(), """{"offset":10,"timestamp":1,"value":1}""" + "\n")
        );
        // No producer was told that they are durable, so they are kept in a file beside the segment.
        Assert.Equal(10, log.ReadAll().Count);
        Assert.Equal(10, (await log.AppendAsync("x")).FirstOffset);
        Assert.Single(Directory.GetFiles(log.PartitionDirectory, "*.torn"));
    }

    [Fact]
    public async Task Restart_ValidRecordsAfterBadLine_IsReadOnly()
    {
        await using var log = await TestLog.OpenAsync(new TopicConfiguration { Flush = FlushPolicy.Os });
        await log.AppendAsync(Values(10));
        var lengthBytes = 0L;
        await log.RestartAsync(() =>
        {
            File.AppendAllText(
                log.SegmentPaths.Single(),
                "rubbish\n" + """{"offset":10,"timestamp":1,"value":1}""" + "\n"
            );
            lengthBytes = new FileInfo(log.SegmentPaths.Single()).Length;
        });
        Assert.Equal(10, log.ReadAll().Count);
        Assert.Equal(AppendStatus.PartitionStopped, (await log.Partition.AppendAsync(TestLog.Batch("x"))).Status);
        Assert.Contains("read-only", log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Equal(lengthBytes, new FileInfo(log.SegmentPaths.Single()).Length);
    }

    [Fact]
    public async Task Restart_WithoutIndexesOrCheckpoint_RebuildsThem()
    {
        await using var log = await TestLog.OpenAsync(SmallSegments);
        await log.AppendAsync(Values(300));
        await log.AppendAsync(Values(300));
        await log.AppendAsync(Values(300));
        var before = new Dictionary<string, byte[]>();
        await log.RestartAsync(() =>
        {
            foreach (var path in Directory.GetFiles(log.PartitionDirectory, "*.index"))
            {
                before[path] = File.ReadAllBytes(path);
                File.Delete(path);
            }
            File.Delete(Path.Combine(log.PartitionDirectory, "checkpoint"));
        });
        Assert.Equal(900, log.ReadAll(maxBytes: 4096).Count);
        Assert.True(before.Count > 1);
        foreach (var (path, bytes) in before)
            Assert.Equal(bytes, File.ReadAllBytes(path));
    }

    [Fact]
    public async Task Fetch_DamagedIndex_RebuildsIt()
    {
        await using var log = await TestLog.OpenAsync(SmallSegments);
        for (var i = 0; i < 4; i++)
            await log.AppendAsync(Values(200));
        foreach (var path in Directory.GetFiles(log.PartitionDirectory, "*.index"))
        {
            using var file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            file.Position = 24 + 5;
            for (var value = file.ReadByte(); value >= 0; value = file.ReadByte())
            {
                file.Position--;
                file.WriteByte((byte)(value ^ 0x40));
            }
        }
        Assert.Equal(800, log.ReadAll(maxBytes: 4096).Count);
    }
}
