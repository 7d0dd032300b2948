using System.Buffers;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Follows the body of an HTTP/1 request in the bytes of its connection, to know where the body ends and which of the
/// bytes are trailers (RFC 9112 §6, §7.1). It checks nothing, because Kestrel does. One thread at a time.
/// </summary>
internal struct Http1Body
{
    /// <summary>The end of the line behind a chunk.</summary>
    const int LineEndBytes = 2;

    Part _part;
    long _restBytes;
    bool _isAfterChunkSize;
    bool _isTrailerStarted;

    enum Part
    {
        None,
        Whole,
        ChunkSize,
        Chunk,
        Trailers,
    }

    /// <summary>Whether the next bytes belong to a head.</summary>
    public readonly bool HasEnded => _part == Part.None;

    /// <summary>Creates the follower of a request's body. Call it before anything changes the headers.</summary>
    public static Http1Body Of(IHeaderDictionary headers)
    {
        // Kestrel ignores the length of a body that is chunked, and refuses other encodings.
        if (headers.TransferEncoding.Count > 0)
            return new Http1Body { _part = Part.ChunkSize };
        return headers.ContentLength is > 0 and var bytes
            ? new Http1Body { _part = Part.Whole, _restBytes = bytes }
            : default;
    }

    /// <summary>Follows the bytes in their order, up to the end of the body.</summary>
    /// <param name="bytes">The next bytes of the connection.</param>
    /// <param name="trailerBytes">The number of these bytes that belong to trailers.</param>
    /// <returns>The number of bytes followed.</returns>
    public long Follow(in ReadOnlySequence<byte> bytes, out long trailerBytes)
    {
        trailerBytes = 0;
        var reader = new SequenceReader<byte>(bytes);
        while (_part != Part.None && !reader.End)
        {
            if (_part is Part.Whole or Part.Chunk)
            {
                Skip(ref reader);
                continue;
            }
            reader.TryRead(out var next);
            if (_part == Part.ChunkSize)
                FollowSize(next);
            else
            {
                trailerBytes++;
                FollowTrailer(next);
            }
        }
        return reader.Consumed;
    }

    void Skip(ref SequenceReader<byte> reader)
    {
        var bytes = Math.Min(_restBytes, reader.Remaining);
        reader.Advance(bytes);
        _restBytes -= bytes;
        if (_restBytes == 0)
            _part = _part == Part.Whole ? Part.None : Part.ChunkSize;
    }

    void FollowSize(byte next)
    {
        if (next == '\n')
        {
            _isAfterChunkSize = false;
            _part = _restBytes == 0 ? Part.Trailers : Part.Chunk;
            if (_restBytes > 0)
                _restBytes += LineEndBytes;
        }
        // The line may go on with extensions.
        else if (_isAfterChunkSize || !char.IsAsciiHexDigit((char)next))
            _isAfterChunkSize = true;
        // Kestrel ends the connection at a size of more than 31 bits.
        else
            _restBytes = ((_restBytes << 4) | (uint)HexDigit(next)) & int.MaxValue;
    }

    static int HexDigit(byte digit) => digit <= '9' ? digit - '0' : (digit | ' ') - 'a' + 10;

    /// <summary>An empty line ends the trailers, and so the body.</summary>
    void FollowTrailer(byte next)
    {
        if (next != '\n')
            _isTrailerStarted |= next != '\r';
        else if (_isTrailerStarted)
            _isTrailerStarted = false;
        else
            _part = Part.None;
    }
}
