using System.Buffers;
using LogHttp.Server.Hosting;

namespace LogHttp.Server.Tests.Hosting;

public class Http2FramesTests
{
    const byte Data = 0;
    const byte Headers = 1;
    const byte Continuation = 9;
    const byte EndHeaders = 4;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(1000)]
    public void Follow_SplitBytes_FindsHeads(int pieceBytes)
    {
        byte[] bytes =
        [
            .. Http2Client.Frame(Headers, EndHeaders, 1, new byte[300]),
            .. Http2Client.Frame(Data, EndHeaders, 1, []),
            .. Http2Client.Frame(Headers, 0, 3, []),
            .. Http2Client.Frame(Continuation, 0, 3, new byte[5]),
        ];
        byte[] rest = Http2Client.Frame(Continuation, EndHeaders, 3, []);
        var frames = new Http2Frames();
        foreach (var piece in bytes.Chunk(pieceBytes))
            Assert.Equal(piece.Length, frames.Follow(new ReadOnlySequence<byte>(piece), stopsAfterHead: false));
        Assert.Equal((1, true), (frames.Heads, frames.IsInHead));
        frames.Follow(new ReadOnlySequence<byte>(rest), stopsAfterHead: false);
        Assert.Equal((2, false), (frames.Heads, frames.IsInHead));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    public void Follow_HeadOfOlderStream_CountsAsTrailers(int pieceBytes)
    {
        byte[] bytes =
        [
            .. Http2Client.Frame(Headers, EndHeaders, 1, new byte[3]),
            .. Http2Client.Frame(Headers, 0, 70_001, []),
            .. Http2Client.Frame(Continuation, EndHeaders, 70_001, []),
            .. Http2Client.Frame(Data, EndHeaders, 1, []),
            .. Http2Client.Frame(Headers, 0, int.MinValue | 1, new byte[3]),
            .. Http2Client.Frame(Continuation, EndHeaders, 1, []),
            .. Http2Client.Frame(Headers, EndHeaders, 70_001, new byte[3]),
            .. Http2Client.Frame(Headers, EndHeaders, 70_003, new byte[3]),
        ];
        var frames = new Http2Frames();
        foreach (var piece in bytes.Chunk(pieceBytes))
            frames.Follow(new ReadOnlySequence<byte>(piece), stopsAfterHead: false);
        Assert.Equal((5, 2), (frames.Heads, frames.Trailers));
    }

    [Fact]
    public void Follow_StopsAfterHead_LeavesRest()
    {
        byte[] first =
        [
            .. Http2Client.Frame(Data, 0, 1, new byte[3]),
            .. Http2Client.Frame(Headers, EndHeaders, 3, new byte[4]),
        ];
        byte[] bytes = [.. first, .. Http2Client.Frame(Headers, EndHeaders, 5, [])];
        var frames = new Http2Frames();
        Assert.Equal(first.Length, frames.Follow(new ReadOnlySequence<byte>(bytes), stopsAfterHead: true));
        Assert.Equal(
            bytes.Length - first.Length,
            frames.Follow(new ReadOnlySequence<byte>(bytes.AsMemory(first.Length)), stopsAfterHead: true)
        );
        Assert.Equal(2, frames.Heads);
    }
}
