using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Segments;

public class IndexFileTests
{
    readonly IFile _index = new PowerCutFileSystem(new Random(1)).Create("/index");

    /// <summary>Boundaries at 100, 200, …</summary>
    void Write(int entries)
    {
        IndexFile.WriteHeader(_index, 42);
        IndexFile.Write(_index, 0, [.. Enumerable.Range(1, entries).Select(number => new IndexEntry((uint)number, (uint)number * 100, number, 0))]);
    }

    uint Floor(int entries, long position, long endPosition) =>
        IndexFile.Floor(_index, entries, position, endPosition, static entry => entry.Position).Position;

    [Fact]
    public void Floor_OfEveryPosition_IsTheLastBoundaryAtOrBeforeIt()
    {
        foreach (var entries in new[] { 0, 1, 2, 127, 128, 129, 1_000 })
        {
            Write(entries);
            // The end is only a hint: a wrong one costs reads, never the answer.
            foreach (var endPosition in new[] { 1L, 100L * entries, 1_000_000_000 })
            {
                for (var position = 0; position <= 110_000; position += 950)
                    Assert.Equal((uint)Math.Min(entries, position / 100) * 100, Floor(entries, position, endPosition));
            }
        }
    }

    [Fact]
    public void Floor_MeetingADamagedOrMissingEntry_SaysSo()
    {
        Write(8);
        Assert.Throws<CorruptIndexException>(() => Floor(entries: 9, position: 900, endPosition: 900));
        _index.Write([1], IndexFile.PositionOf(7) + 5);
        Assert.Throws<CorruptIndexException>(() => Floor(entries: 8, position: 800, endPosition: 800));
    }

    [Fact]
    public void HasHeader_IsTrueOfItsOwnBaseOffsetAlone()
    {
        Assert.False(IndexFile.HasHeader(_index, 42));
        Write(1);
        Assert.True(IndexFile.HasHeader(_index, 42));
        Assert.False(IndexFile.HasHeader(_index, 43));
        _index.Write([2], 8);
        Assert.False(IndexFile.HasHeader(_index, 42));
    }

    [Fact]
    public void Truncate_TakesWhatFollows_AndNothingElse()
    {
        Write(3);
        IndexFile.Truncate(_index, 5);
        Assert.Equal(IndexFile.PositionOf(3), _index.LengthBytes);
        IndexFile.Truncate(_index, 2);
        Assert.Equal(IndexFile.PositionOf(2), _index.LengthBytes);
    }
}
