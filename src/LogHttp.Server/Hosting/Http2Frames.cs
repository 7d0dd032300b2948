using System.Buffers;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Follows the frames in the bytes of an HTTP/2 connection, to know where heads begin and end (RFC 9113 §4.1, §6.2,
/// §6.10). It decodes nothing. One thread at a time.
/// </summary>
internal struct Http2Frames
{
    const int HeaderBytes = 9;
    const byte HeadersFrame = 1;
    const byte ContinuationFrame = 9;
    const byte EndHeadersFlag = 4;

    int _headerBytes;
    int _payloadBytes;
    byte _type;
    byte _flags;
    int _stream;
    int _highestStream;
    bool _isTrailers;

    /// <summary>Whether a head has begun that continues in another frame.</summary>
    public bool IsInHead { get; private set; }

    /// <summary>The number of heads that have ended, with trailers.</summary>
    public long Heads { get; private set; }

    /// <summary>The number of heads that have ended and were trailers: their stream had a head before.</summary>
    public long Trailers { get; private set; }

    /// <summary>Follows the bytes, in their order.</summary>
    /// <param name="bytes">The next bytes of the connection.</param>
    /// <param name="stopsAfterHead">Whether to follow no byte behind the first head that ends.</param>
    /// <returns>The number of bytes followed.</returns>
    public long Follow(in ReadOnlySequence<byte> bytes, bool stopsAfterHead)
    {
        var reader = new SequenceReader<byte>(bytes);
        var headsBefore = Heads;
        while (!(stopsAfterHead && Heads != headsBefore) && TryFollow(ref reader)) { }
        return reader.Consumed;
    }

    /// <summary>Follows a byte of a frame's header, or the available bytes of its payload.</summary>
    bool TryFollow(ref SequenceReader<byte> reader)
    {
        if (_headerBytes < HeaderBytes)
        {
            if (!reader.TryRead(out var next))
                return false;
            FollowHeader(next);
        }
        else
        {
            if (reader.End)
                return false;
            var bytes = (int)Math.Min(_payloadBytes, reader.Remaining);
            reader.Advance(bytes);
            _payloadBytes -= bytes;
        }
        if (_headerBytes == HeaderBytes && _payloadBytes == 0)
            EndFrame();
        return true;
    }

    void FollowHeader(byte next)
    {
        if (_headerBytes < 3)
            _payloadBytes = (_payloadBytes << 8) | next;
        else if (_headerBytes == 3)
            _type = next;
        else if (_headerBytes == 4)
            _flags = next;
        else
            _stream = (_stream << 8) | next;
        _headerBytes++;
    }

    void EndFrame()
    {
        _headerBytes = 0;
        if (_type is not (HeadersFrame or ContinuationFrame))
            return;
        if (_type == HeadersFrame)
        {
            // The first bit is reserved, and the stream's number has the others.
            _stream &= int.MaxValue;
            _isTrailers = _stream <= _highestStream;
            _highestStream = Math.Max(_highestStream, _stream);
        }
        IsInHead = (_flags & EndHeadersFlag) == 0;
        if (IsInHead)
            return;
        Heads++;
        if (_isTrailers)
            Trailers++;
    }
}
