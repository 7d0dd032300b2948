using System.Text;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Records;

public class HeadWriterTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(95)]
    [InlineData(999_999_995)]
    [InlineData(RecordFormat.MaxOffset - 10)]
    public void Write_ConsecutiveOffsets_MatchesWriteHead(long first)
    {
        var heads = new HeadWriter();
        for (var offset = first; offset < first + 10; offset++)
            AssertEqual(ref heads, offset, 1_795_370_332_451, batchCount: 0);
    }

    [Fact]
    public void Write_GapsTimesAndBatches_MatchesWriteHead()
    {
        var heads = new HeadWriter();
        foreach (
            var (offset, timestampMs, batchCount) in new[]
            {
                (7L, 5L, 3),
                (8L, 5L, 0),
                (9L, 5L, 0),
                (10L, 5L, 2),
                (11L, 5L, 1),
                (12L, 6L, 0),
                (15L, 6L, 0),
                (16L, 6L, 0),
                (16L, 6L, 0),
                (17L, RecordFormat.MaxTimestampMs, 0),
                (18L, 0L, 0),
            }
        )
            AssertEqual(ref heads, offset, timestampMs, batchCount);
    }

    static void AssertEqual(ref HeadWriter heads, long offset, long timestampMs, int batchCount)
    {
        var (written, expected) = (new byte[RecordFormat.MaxHeadBytes], new byte[RecordFormat.MaxHeadBytes]);
        var writtenBytes = heads.Write(written, offset, timestampMs, batchCount);
        var expectedBytes = RecordFields.WriteHead(expected, offset, timestampMs, batchCount);
        Assert.Equal(
            Encoding.ASCII.GetString(expected, 0, expectedBytes),
            Encoding.ASCII.GetString(written, 0, writtenBytes)
        );
    }
}
