using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Segments;

public class IndexSearchTests
{
    readonly IFile _index = new PowerCutFileSystem(new Random(1)).Create("/index");

    /// <summary>Boundaries at 100, 200, …</summary>
    void Write(int entries)
    {
        IndexFile.Write(
            _index,
            baseOffset: 42,
            firstEntry: 0,
            [
                .. Enumerable
                    .Range(1, entries)
                    .Select(number => new IndexEntry((uint)number, (uint)number * 100, number, 0)),
            ]
        );
    }

    IndexSearch Search(int entries, byte[] stretch) => new(_index, entries, stretch);

    static uint Floor(ref IndexSearch search, long position, long endPosition) =>
        search.Floor(position, endPosition, static entry => entry.Position).Position;

    [Fact]
    public void Floor_AnyPosition_IsLastBoundaryAtOrBefore()
    {
        foreach (var entries in new[] { 0, 1, 2, 127, 128, 129, 1_000 })
        {
            Write(entries);
            // The end is only a hint: a wrong one costs reads, and never changes the result.
            foreach (var endPosition in new[] { 1L, 100L * entries, 1_000_000_000 })
            {
                for (var position = 0; position <= 110_000; position += 950)
                {
                    var search = Search(entries, new byte[IndexSearch.StretchBytes]);
                    Assert.Equal(
                        (uint)Math.Min(entries, position / 100) * 100,
                        Floor(ref search, position, endPosition)
                    );
                }
            }
        }
    }

    [Fact]
    public void Floor_Repeated_IsIndependentOfHistory()
    {
        Write(1_000);
        var random = new Random(7);
        var search = Search(1_000, new byte[IndexSearch.StretchBytes]);
        for (var i = 0; i < 10_000; i++)
        {
            // Near one another, as the ends of a page are, and by either key.
            var position = Math.Clamp(random.Next(0, 101_000) / 5_000 * 5_000 + random.Next(-150, 150), 0, 101_000);
            Assert.Equal(
                (uint)Math.Min(1_000, position / 100) * 100,
                Floor(ref search, position, endPosition: 100_000)
            );
            Assert.Equal(
                (uint)Math.Min(1_000, position / 100) * 100,
                search.Floor(position / 100, 1_000, static entry => entry.RelativeOffset).Position
            );
        }
    }

    [Fact]
    public void Floor_DamagedOrMissingEntry_Throws()
    {
        Write(8);
        Assert.Throws<CorruptIndexException>(() => Ask(entries: 9, position: 900));
        _index.Write([1], IndexFile.PositionOf(7) + 5);
        Assert.Throws<CorruptIndexException>(() => Ask(entries: 8, position: 800));

        void Ask(int entries, long position)
        {
            var search = Search(entries, new byte[IndexSearch.StretchBytes]);
            Floor(ref search, position, position);
        }
    }
}
