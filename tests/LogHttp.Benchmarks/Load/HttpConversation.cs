using System.Buffers.Text;
using System.Text;

namespace LogHttp.Benchmarks.Load;

/// <summary>
/// HTTP/1.1 with requests encoded beforehand, in turn. Content-Length or the last chunk ends a response, and bodies are
/// dropped.
/// </summary>
sealed class HttpConversation(ReadOnlyMemory<byte>[] requests, int first, int expectedStatus) : IConversation
{
    static ReadOnlySpan<byte> HeadEnd => "\r\n\r\n"u8;
    static ReadOnlySpan<byte> LengthName => "\r\nContent-Length: "u8;
    static ReadOnlySpan<byte> ChunkedName => "\r\nTransfer-Encoding: chunked"u8;
    static ReadOnlySpan<byte> LastChunk => "\r\n0\r\n\r\n"u8;

    readonly byte[] _expected = Encoding.ASCII.GetBytes($"HTTP/1.1 {expectedStatus} ");
    readonly byte[] _head = new byte[8192];
    int _headBytes;
    long _bodyBytes;
    bool _isChunked;
    int _ofLastChunk;
    int _next = first;

    public static ReadOnlyMemory<byte> Request(
        string method,
        string path,
        string? contentType = null,
        ReadOnlySpan<byte> body = default,
        string headers = ""
    )
    {
        var type = contentType is null ? "" : $"Content-Type: {contentType}\r\nContent-Length: {body.Length}\r\n";
        return (byte[])
            [
                .. Encoding.ASCII.GetBytes($"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}{type}\r\n"),
                .. body,
            ];
    }

    public ReadOnlyMemory<byte> NextRequest() => requests[(_next++ & int.MaxValue) % requests.Length];

    public int Take(ReadOnlySpan<byte> received)
    {
        var answers = 0;
        while (!received.IsEmpty)
        {
            if (_isChunked)
            {
                answers += TakeChunks(ref received);
                continue;
            }
            if (_bodyBytes == 0 && !TakeHead(ref received))
                break;
            if (_isChunked)
                continue;
            var taken = (int)Math.Min(_bodyBytes, received.Length);
            _bodyBytes -= taken;
            received = received[taken..];
            if (_bodyBytes == 0)
                answers++;
        }
        return answers;
    }

    /// <summary>Reads a response's head. False while it is incomplete.</summary>
    bool TakeHead(ref ReadOnlySpan<byte> received)
    {
        // Mostly the head comes in one piece and needs no copy.
        var end = _headBytes == 0 ? received.IndexOf(HeadEnd) : -1;
        if (end >= 0)
        {
            Read(received[..(end + 2)]);
            received = received[(end + HeadEnd.Length)..];
            return true;
        }
        var before = _headBytes;
        var copied = Math.Min(received.Length, _head.Length - before);
        received[..copied].CopyTo(_head.AsSpan(before));
        _headBytes += copied;
        end = _head.AsSpan(0, _headBytes).IndexOf(HeadEnd);
        if (end < 0)
        {
            received = received[copied..];
            return _headBytes < _head.Length ? false : throw new IOException("An answer's head is longer than 8 KiB.");
        }
        Read(_head.AsSpan(0, end + 2));
        received = received[(end + HeadEnd.Length - before)..];
        _headBytes = 0;
        return true;
    }

    /// <summary>Searches for the last chunk alone: bodies of JSON or text cannot contain it.</summary>
    int TakeChunks(ref ReadOnlySpan<byte> received)
    {
        for (var i = 0; i < received.Length; i++)
        {
            _ofLastChunk =
                received[i] == LastChunk[_ofLastChunk] ? _ofLastChunk + 1
                : received[i] == '\r' ? 1
                : 0;
            if (_ofLastChunk < LastChunk.Length)
                continue;
            _isChunked = false;
            received = received[(i + 1)..];
            return 1;
        }
        received = default;
        return 0;
    }

    void Read(ReadOnlySpan<byte> head)
    {
        if (!head.StartsWith(_expected))
            throw new IOException($"Not the answer that was expected: {Encoding.ASCII.GetString(head)}");
        var at = head.IndexOf(LengthName);
        _bodyBytes = 0;
        // The line end behind the head may be the one before the last chunk.
        (_isChunked, _ofLastChunk) = (at < 0 && head.IndexOf(ChunkedName) >= 0, 2);
        if (at >= 0 && !Utf8Parser.TryParse(head[(at + LengthName.Length)..], out _bodyBytes, out _))
            throw new IOException($"An answer without a length: {Encoding.ASCII.GetString(head)}");
    }
}
