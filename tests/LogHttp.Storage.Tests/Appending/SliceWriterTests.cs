using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Tests.Appending;

public class SliceWriterTests
{
    [Theory]
    [InlineData(10)]
    [InlineData(1_000)]
    [InlineData(300_000)]
    public async Task Write_BatchOfManyWrites_IndexesEveryLine(int valueBytes)
    {
        await using var log = await TestLog.OpenAsync(adjust: static options =>
            options with
            {
                MaxGroupBytes = 1 << 20,
            }
        );
        // Lines of many lengths: writes, blocks and slices end at different lines.
        await log.AppendAsync(
            Enumerable
                .Range(0, 3_000_000 / valueBytes)
                .Select(number => new string('x', 1 + valueBytes * (number % 7) / 7))
        );

        var cursor = new SegmentCursor(0);
        var entries = new List<IndexEntry>();
        var data = await File.ReadAllBytesAsync(Assert.Single(log.SegmentPaths));
        for (var start = 0; start < data.Length; )
        {
            var line = data.AsSpan(start, data.AsSpan(start).IndexOf((byte)'\n') + 1);
            Assert.True(RecordFormat.TryReadHead(line, out var head));
            if (cursor.Advance(line, head.Offset, head.TimestampMs))
                entries.Add(cursor.CloseBlock());
            start += line.Length;
        }
        var index = await File.ReadAllBytesAsync(Path.ChangeExtension(Assert.Single(log.SegmentPaths), ".index"));
        Assert.Equal(
            entries,
            index[IndexFile.HeaderBytes..]
                .Chunk(IndexEntry.SizeBytes)
                .Select(static bytes => IndexEntry.TryRead(bytes, out var entry) ? entry : default)
        );
    }
}
