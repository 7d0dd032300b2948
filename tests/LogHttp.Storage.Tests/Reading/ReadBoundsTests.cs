using System.Text;
using CsCheck;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Reading;

/// <summary>A page with bounds has the records that a model of the log has before them.</summary>
public class ReadBoundsTests
{
    static readonly TopicConfiguration SmallSegments = new() { SegmentBytes = 64 << 10 };

    /// <summary>Sizes of records, and by how much their offsets jump.</summary>
    static readonly Gen<(int Size, int Jump)[]> Records = Gen.Select(
        Gen.Frequency((6, Gen.Int[1, 300]), (3, Gen.Int[300, 5_000]), (1, Gen.Int[5_000, 30_000])),
        Gen.Frequency((9, Gen.Const(0)), (1, Gen.Int[1, 20]))
    ).Array[1, 120];

    static readonly Gen<ReadBounds> Bounds = Gen.Select(
        Gen.Frequency((3, Gen.Long[1, 12]), (1, Gen.Long[12, 200]), (1, Gen.Const(long.MaxValue))),
        Gen.Frequency((3, Gen.Long[0, 200]), (1, Gen.Const(long.MaxValue))),
        (maxRecords, endOffset) => new ReadBounds { MaxRecords = maxRecords, EndOffset = endOffset }
    );

    static readonly Gen<int> PageBytes = Gen.OneOf(Gen.Const(4 << 10), Gen.Const(16 << 10), Gen.Const(1 << 20));

    static async Task AppendAsync(TestLog log, (int Size, int Jump) record)
    {
        var batch = new RecordBatch(new RecordLimits());
        var offset = log.Partition.EndOffset + record.Jump;
        Assert.Null(
            batch.AddText(
                Encoding.UTF8.GetBytes(new string('x', record.Size)),
                record.Jump == 0 ? default : new RecordMetadata { Offset = offset }
            )
        );
        Assert.Equal(AppendStatus.Appended, (await log.Partition.AppendAsync(batch)).Status);
    }

    /// <summary>Returns the offset and line of all records, and the first offset of their segment.</summary>
    static List<(long Offset, string Line, long Segment)> Model(TestLog log)
    {
        var segments = log.SegmentPaths.Select(path =>
            (
                Base: long.Parse(
                    Path.GetFileNameWithoutExtension(path),
                    System.Globalization.CultureInfo.InvariantCulture
                ),
                Text: File.ReadAllText(path)
            )
        );
        return
        [
            .. segments.SelectMany(segment =>
                segment
                    .Text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                    .Select(line =>
                        (
                            System.Text.Json.JsonDocument.Parse(line).RootElement.GetProperty("offset").GetInt64(),
                            line + "\n",
                            segment.Base
                        )
                    )
            ),
        ];
    }

    static string Expected(
        List<(long Offset, string Line, long Segment)> model,
        long place,
        int maxBytes,
        ReadBounds bounds
    )
    {
        var first = model.FindIndex(record => record.Offset >= place);
        var text = new StringBuilder();
        for (var i = first; i >= 0 && i < model.Count; i++)
        {
            var (offset, line, segment) = model[i];
            if (
                offset >= bounds.EndOffset
                || offset - model[first].Offset >= bounds.MaxRecords
                || segment != model[first].Segment
                || (i > first && text.Length + line.Length > maxBytes)
            )
                break;
            text.Append(line);
        }
        return text.ToString();
    }

    [Fact]
    public Task Fetch_AnyBounds_ReturnsRecordsOfModel() =>
        Gen.Select(Records, Gen.Select(Gen.Double[0, 1], PageBytes, Bounds).Array[80], Gen.Double[0, 1])
            .SampleAsync(
                async (records, reads, trim) =>
                {
                    await using var log = await TestLog.OpenAsync(SmallSegments);
                    foreach (var record in records)
                        await AppendAsync(log, record);
                    var model = Model(log);
                    await log.Partition.TrimAsync((long)(trim * log.Partition.EndOffset / 2));
                    Check();
                    // Without an index, the lookups make one.
                    await log.RestartAsync(() =>
                    {
                        foreach (var index in Directory.GetFiles(log.PartitionDirectory, "*.index"))
                            File.Delete(index);
                    });
                    Check();

                    void Check()
                    {
                        var (earliest, end) = (log.Partition.EarliestOffset, log.Partition.EndOffset);
                        foreach (var (at, maxBytes, bounds) in reads)
                        {
                            var place = (long)(at * (end + 2));
                            using var page = log.Partition.Fetch(LogPlace.At(place), PageSize.AtMost(maxBytes), bounds);
                            var expected = Expected(model, place, maxBytes, bounds);
                            var status =
                                place < earliest ? FetchStatus.BelowEarliest
                                : place > end ? FetchStatus.BeyondEnd
                                : expected.Length == 0 ? FetchStatus.AtEnd
                                : FetchStatus.Page;
                            Assert.Equal(status, page.Status);
                            if (status == FetchStatus.Page)
                            {
                                Assert.Equal(expected, TestLog.Text(page.Region!));
                                // The next page begins with the record after this one.
                                Assert.Equal(
                                    model.FindIndex(record => record.Offset >= page.NextOffset),
                                    NextIndex(model, place, expected)
                                );
                            }
                            if (status is FetchStatus.Page or FetchStatus.AtEnd)
                                Assert.Equal(
                                    page.NextOffset >= bounds.EndOffset
                                        || page.NextOffset - page.FirstOffset >= bounds.MaxRecords,
                                    page.IsComplete
                                );
                        }
                    }
                },
                iter: 16,
                threads: 2
            );

    static int NextIndex(List<(long Offset, string Line, long Segment)> model, long place, string page)
    {
        var next =
            model.FindIndex(record => record.Offset >= place) + page.Count(static character => character == '\n');
        return next == model.Count ? -1 : next;
    }

    [Fact]
    public Task FinalPage_LogGrows_StaysTheSame() =>
        Gen.Select(Records.Array[2, 4], Gen.Select(PageBytes, Bounds).Array[6])
            .SampleAsync(
                async (rounds, reads) =>
                {
                    await using var log = await TestLog.OpenAsync(SmallSegments);
                    var final = new Dictionary<(long, int, ReadBounds), (long NextOffset, string Text)>();
                    foreach (var records in rounds)
                    {
                        foreach (var record in records.Take(40))
                            await AppendAsync(log, record);
                        for (var offset = 0L; offset < log.Partition.EndOffset; offset++)
                        {
                            foreach (var (maxBytes, bounds) in reads)
                            {
                                using var page = log.Partition.Fetch(
                                    LogPlace.At(offset),
                                    PageSize.AtMost(maxBytes),
                                    bounds
                                );
                                if (page.Region is null)
                                    continue;
                                var found = (page.NextOffset, TestLog.Text(page.Region));
                                var read = (offset, maxBytes, bounds);
                                if (final.TryGetValue(read, out var before))
                                    Assert.True(page.IsFinal && before == found, $"{read} was final, and has changed");
                                if (page.IsFinal)
                                    final[read] = found;
                                else
                                    Assert.False(page.IsComplete, $"{read} is complete, and not final");
                            }
                        }
                    }
                },
                iter: 8,
                threads: 2
            );

    [Fact]
    public Task Follower_AnyBounds_ReadsUpToThem() =>
        Gen.Select(Records.Array[4, 12], Gen.Long[0, 60], PageBytes)
            .SampleAsync(
                async (rounds, endOffset, maxBytes) =>
                {
                    await using var log = await TestLog.OpenAsync(SmallSegments);
                    var follower = new LogFollower(log.Partition, LogPlace.Earliest)
                    {
                        Bounds = new ReadBounds { EndOffset = endOffset },
                    };
                    var (text, isComplete) = (new StringBuilder(), false);
                    foreach (var records in rounds)
                    {
                        // Few, so that most reads are those of a follower at the end.
                        foreach (var record in records.Take(6))
                            await AppendAsync(log, record);
                        while (!isComplete)
                        {
                            using var page = follower.Read(PageSize.AtMost(maxBytes));
                            isComplete = page.IsComplete;
                            if (page.Region is null)
                                break;
                            text.Append(TestLog.Text(page.Region));
                        }
                    }
                    Assert.Equal(
                        string.Concat(
                            Model(log).Where(record => record.Offset < endOffset).Select(record => record.Line)
                        ),
                        text.ToString()
                    );
                    Assert.Equal(log.Partition.EndOffset >= endOffset, isComplete);
                },
                iter: 30,
                threads: 2
            );

    [Fact]
    public async Task Fetch_DamageBeforeBounds_EndsBeforeIt()
    {
        await using var log = await TestLog.OpenAsync(SmallSegments);
        for (var i = 0; i < 40; i++)
            await log.AppendAsync(new string('x', 1_000));
        var whole = TestLog.Text(log.Fetch("0").Region!);
        var segment = log.Partition.View.Segments[0];
        var damagedOffset = 0L;
        using (var page = log.Fetch("0", 16 << 10))
        {
            damagedOffset = page.NextOffset;
            log.Partition.SetDamage(
                segment,
                [new(page.Region!.LengthBytes, page.Region.LengthBytes + 10, NextOffset: null, "a test")]
            );
        }
        foreach (var limit in new[] { 1, damagedOffset - 1, damagedOffset, damagedOffset + 1, long.MaxValue })
        {
            using var page = log.Partition.Fetch(
                LogPlace.At(0),
                PageSize.Default,
                new ReadBounds { MaxRecords = limit }
            );
            var text = TestLog.Text(page.Region!);
            Assert.StartsWith(text, whole, StringComparison.Ordinal);
            Assert.Equal(Math.Min(limit, damagedOffset), text.Count(static character => character == '\n'));
            Assert.Equal((limit <= damagedOffset, false), (page.IsComplete, page.IsFinal));
        }
    }
}
