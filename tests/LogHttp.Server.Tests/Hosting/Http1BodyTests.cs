using System.Buffers;
using System.Text;
using LogHttp.Server.Hosting;

namespace LogHttp.Server.Tests.Hosting;

public class Http1BodyTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(1000)]
    public void Follow_Chunks_FindsTrailersAndEnd(int pieceBytes)
    {
        var chunks = $"1F;a=12\r\n{new string('0', 31)}\r\n0a\r\n\n\r\n0\r\n\r\n\r\n\r\n00\r\n";
        const string Trailers = "A: 1\r\nB:\r\n\r\n";
        const string Next = "GET /";
        IHeaderDictionary headers = new HeaderDictionary();
        (headers.TransferEncoding, headers.ContentLength) = ("chunked", 3);
        Assert.Equal(
            (chunks.Length + Trailers.Length, Trailers.Length),
            Follow(Http1Body.Of(headers), chunks + Trailers + Next, pieceBytes)
        );
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    public void Follow_Length_FindsEnd(int pieceBytes) =>
        Assert.Equal(
            (5, 0),
            Follow(Http1Body.Of(new HeaderDictionary { ContentLength = 5 }), "0\r\n\r\nGET /", pieceBytes)
        );

    [Fact]
    public void Of_NoBody_HasEnded()
    {
        Assert.True(Http1Body.Of(new HeaderDictionary()).HasEnded);
        Assert.True(Http1Body.Of(new HeaderDictionary { ContentLength = 0 }).HasEnded);
    }

    static (long Bytes, long TrailerBytes) Follow(Http1Body body, string text, int pieceBytes)
    {
        var (bytes, trailerBytes) = (0L, 0L);
        foreach (var piece in Encoding.ASCII.GetBytes(text).Chunk(pieceBytes))
        {
            bytes += body.Follow(new ReadOnlySequence<byte>(piece), out var ofTrailers);
            trailerBytes += ofTrailers;
        }
        Assert.True(body.HasEnded);
        return (bytes, trailerBytes);
    }
}
