using System.Globalization;
using System.Text;
using CsCheck;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Reading;

/// <summary>`@time`: begins with the first record at which the latest time so far has reached it.</summary>
public class FetchAtTimeTests
{
    static readonly TopicConfiguration SmallSegments = new() { SegmentBytes = 64 << 10 };

    [Fact]
    public Task Fetch_AtAnyTime_StartsAtRecordOfScan() =>
        // Times go up and down, by little and by much, and the sizes of records make several segments and blocks.
        Gen.Select(Gen.Int[-50, 100], Gen.Int[0, 3_000])
            .Array[1, 120]
            .SampleAsync(
                async steps =>
                {
                    await using var log = await TestLog.OpenAsync(SmallSegments);
                    var times = new List<long>();
                    foreach (var (step, size) in steps)
                    {
                        times.Add(Math.Max(0, (times.Count == 0 ? 1_000 : times[^1]) + step));
                        await AppendAsync(log, times[^1], size);
                    }
                    Check();
                    await log.RestartAsync(() =>
                    {
                        foreach (var index in Directory.GetFiles(log.PartitionDirectory, "*.index"))
                            File.Delete(index);
                    });
                    Check();

                    void Check()
                    {
                        foreach (
                            var time in times
                                .SelectMany(time => new[] { time - 1, time, time + 1 })
                                .Append(0)
                                .Append(long.MaxValue)
                                .Where(time => time >= 0)
                                .Distinct()
                        )
                        {
                            var expected = times.FindIndex(other => other >= time);
                            using var page = log.Fetch(string.Create(CultureInfo.InvariantCulture, $"@{time}"));
                            Assert.Equal(expected < 0 ? FetchStatus.AtEnd : FetchStatus.Page, page.Status);
                            Assert.Equal(expected < 0 ? times.Count : expected, page.FirstOffset);
                        }
                    }
                },
                iter: 12,
                threads: 2
            );

    [Fact]
    public async Task Fetch_AtTimeInEmptyLog_IsEnd()
    {
        await using var log = await TestLog.OpenAsync();
        using var page = log.Fetch("@0");
        Assert.Equal((FetchStatus.AtEnd, 0), (page.Status, page.FirstOffset));
    }

    static async Task AppendAsync(TestLog log, long timestampMs, int sizeBytes)
    {
        var batch = new RecordBatch(new RecordLimits());
        Assert.Null(
            batch.AddText(
                Encoding.UTF8.GetBytes(new string('x', sizeBytes)),
                new RecordMetadata { TimestampMs = timestampMs }
            )
        );
        Assert.Equal(AppendStatus.Appended, (await log.Partition.AppendAsync(batch)).Status);
    }
}
