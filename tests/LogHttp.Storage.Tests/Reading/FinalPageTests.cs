using System.Globalization;
using CsCheck;

namespace LogHttp.Storage.Tests.Reading;

/// <summary>A final page is the same for ever. Caches keep it for a year.</summary>
public class FinalPageTests
{
    static readonly TopicConfiguration SmallSegments = new() { SegmentBytes = 64 << 10 };

    [Fact]
    public Task FinalPage_LogGrows_StaysTheSame() =>
        Gen.Int[1, 6_000]
            .Array[1, 60]
            .Array[2, 5]
            .SampleAsync(
                async rounds =>
                {
                    await using var log = await TestLog.OpenAsync(SmallSegments);
                    var final = new Dictionary<(long, int), (long NextOffset, string Text)>();
                    foreach (var sizes in rounds)
                    {
                        foreach (var size in sizes)
                            await log.AppendAsync(new string('x', size));
                        for (var offset = 0L; offset < log.Partition.EndOffset; offset++)
                        {
                            foreach (var maxBytes in (int[])[4096, 16 << 10, 1 << 20])
                            {
                                using var page = log.Fetch(offset.ToString(CultureInfo.InvariantCulture), maxBytes);
                                var found = (page.NextOffset, TestLog.Text(page.Region!));
                                if (final.TryGetValue((offset, maxBytes), out var before))
                                    Assert.True(
                                        page.IsFinal && before == found,
                                        $"The page of {maxBytes} bytes at {offset} was final, and has changed"
                                    );
                                if (page.IsFinal)
                                    final[(offset, maxBytes)] = found;
                            }
                        }
                    }
                },
                iter: 8,
                threads: 2
            );

    [Fact]
    public async Task Page_OfSealedSegment_IsFinalUnlessLogEndsIt()
    {
        await using var log = await TestLog.OpenAsync(SmallSegments);
        for (var i = 0; i < 100; i++)
            await log.AppendAsync(new string('x', 1_000));
        using var first = log.Fetch("earliest");
        using var last = log.Fetch(first.NextOffset.ToString(CultureInfo.InvariantCulture));
        Assert.True(first.IsFinal);
        Assert.False(last.IsFinal);
        Assert.Equal(100, last.NextOffset);
    }

    [Fact]
    public async Task Page_OfActiveSegment_IsFinalOnceDurable()
    {
        await using var durable = await TestLog.OpenAsync();
        await using var written = await TestLog.OpenAsync(new TopicConfiguration { Flush = FlushPolicy.Os });
        foreach (var log in new[] { durable, written })
        {
            for (var i = 0; i < 20; i++)
                await log.AppendAsync(new string('x', 1_000));
            using var page = log.Fetch("0", 4096);
            Assert.Equal(log == durable, page.IsFinal);
        }
    }
}
