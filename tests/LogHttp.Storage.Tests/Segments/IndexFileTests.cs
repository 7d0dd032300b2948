using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Segments;

public class IndexFileTests
{
    readonly IFile _index = new PowerCutFileSystem(new Random(1)).Create("/index");

    /// <summary>Boundaries at 100, 200, …</summary>
    void Write(int entries) =>
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

    [Fact]
    public void HasHeader_AnyBaseOffset_IsTrueForOwnAlone()
    {
        Assert.False(IndexFile.HasHeader(_index, 42));
        Write(1);
        Assert.True(IndexFile.HasHeader(_index, 42));
        Assert.False(IndexFile.HasHeader(_index, 43));
        _index.Write([2], 8);
        Assert.False(IndexFile.HasHeader(_index, 42));
    }

    [Fact]
    public void Write_FirstEntry_RestoresLostHeader()
    {
        Write(1);
        _index.Write(new byte[IndexFile.HeaderBytes], 0);
        IndexFile.Write(_index, baseOffset: 42, firstEntry: 1, [new IndexEntry(2, 200, 2, 0)]);
        Assert.False(IndexFile.HasHeader(_index, 42));
        Write(1);
        Assert.True(IndexFile.HasHeader(_index, 42));
        Assert.NotNull(IndexFile.TryRead(_index, 1));
    }

    [Fact]
    public void Truncate_Entries_RemovesLaterOnesAlone()
    {
        Write(3);
        IndexFile.Truncate(_index, 5);
        Assert.Equal(IndexFile.PositionOf(3), _index.LengthBytes);
        IndexFile.Truncate(_index, 2);
        Assert.Equal(IndexFile.PositionOf(2), _index.LengthBytes);
    }
}
