using System.Buffers;
using System.IO.Compression;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// Unpacks the bytes pushed into it. Detects a body that is cut off or followed by other bytes, which the framework's
/// streams take for a whole one. For one thread.
/// </summary>
internal abstract class BodyDecoder : IDisposable
{
    /// <summary>Unpacks the next bytes. If it has written less than fits, it needs more.</summary>
    /// <exception cref="InvalidDataException">The bytes can't be unpacked.</exception>
    public abstract void Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written);

    /// <summary>Checks that the body is complete, after all bytes have been pushed and unpacked.</summary>
    /// <exception cref="InvalidDataException">It is not complete.</exception>
    public abstract void Finish();

    public abstract void Dispose();

    protected static InvalidDataException Corrupt(Exception? inner = null) =>
        new("it is damaged, or something else", inner);

    protected static InvalidDataException Truncated() => new("it ends too early");

    protected static InvalidDataException TrailingData() => new("something else follows its end");
}

/// <summary>One or several members, as gzip itself accepts them.</summary>
internal sealed class GzipDecoder : BodyDecoder
{
    static ReadOnlySpan<byte> EndMarker => "the end of a body"u8;

    // The framework does not tell whether the last member was complete. So one more member is appended. It comes out
    // unchanged only if it stands behind a complete member.
    static readonly byte[] EndMarkerMember = Compress(EndMarker);

    readonly Feed _feed = new();
    readonly GZipStream _unpacking;

    public GzipDecoder() => _unpacking = new GZipStream(_feed, CompressionMode.Decompress);

    public override void Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        consumed = _feed.Fill(source);
        try
        {
            // The stream continues to read after the feed had no bytes for it.
            for (
                written = 0;
                written < destination.Length && _unpacking.Read(destination[written..]) is > 0 and var more;

            )
                written += more;
        }
        catch (InvalidDataException exception)
        {
            throw Corrupt(exception);
        }
        // The stream reads no further after bytes that are not a member.
        if (written < destination.Length && !_feed.IsEmpty)
            throw TrailingData();
    }

    public override void Finish()
    {
        Span<byte> end = stackalloc byte[EndMarker.Length + 1];
        try
        {
            Decode(EndMarkerMember, end, out _, out var written);
            if (!end[..written].SequenceEqual(EndMarker))
                throw Truncated();
        }
        catch (InvalidDataException)
        {
            throw _feed.IsEmpty ? Truncated() : TrailingData();
        }
    }

    public override void Dispose() => _unpacking.Dispose();

    static byte[] Compress(ReadOnlySpan<byte> bytes)
    {
        using var packed = new MemoryStream();
        using (var packing = new GZipStream(packed, CompressionLevel.Fastest))
            packing.Write(bytes);
        return packed.ToArray();
    }
}

/// <summary>
/// Gives the framework's streams the bytes it was filled with, and then none until it is filled again.
/// </summary>
internal sealed class Feed : MemoryStream
{
    const int BufferBytes = 8 << 10;

    readonly int _maxReadBytes;

    /// <param name="maxReadBytes">The most bytes that a stream gets at a time.</param>
    public Feed(int maxReadBytes = BufferBytes)
        : base(new byte[BufferBytes], 0, BufferBytes, writable: true, publiclyVisible: true)
    {
        _maxReadBytes = maxReadBytes;
        SetLength(0);
    }

    public bool IsEmpty => Position == Length;

    public override bool CanSeek => false;

    public override int Read(byte[] buffer, int offset, int count) =>
        base.Read(buffer, offset, Math.Min(count, _maxReadBytes));

    public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, _maxReadBytes)]);

    /// <summary>Takes as many bytes as it has room for, once it is empty.</summary>
    public int Fill(ReadOnlySpan<byte> source)
    {
        if (!IsEmpty)
            return 0;
        var taken = source[..Math.Min(source.Length, BufferBytes)];
        SetLength(0);
        Write(taken);
        Position = 0;
        return taken.Length;
    }
}

/// <summary>
/// <c>deflate</c>: the zlib format (RFC 1950), and raw deflate (RFC 1951). Some programs send the latter under the same
/// name (RFC 9110 §8.4.1.2).
/// </summary>
internal sealed class DeflateBodyDecoder : BodyDecoder
{
    // The framework's streams do not tell at which byte the data ended. So they get one byte at a time, and never read
    // the bytes behind the end. This form is rare, and the calls cost less than a decoder of our own would.
    readonly Feed _feed = new(maxReadBytes: 1);
    byte? _first;
    Stream? _unpacking;

    public override void Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        (consumed, written) = (0, 0);
        if (_unpacking is null)
        {
            // The first two bytes tell the format. They may come in two pieces.
            if (source.IsEmpty)
                return;
            if (_first is null)
            {
                (_first, consumed) = (source[0], 1);
                return;
            }
            var isZlib = (_first & 0x0f) == 8 && ((_first.Value << 8) | source[0]) % 31 == 0;
            _unpacking = isZlib
                ? new ZLibStream(_feed, CompressionMode.Decompress)
                : new DeflateStream(_feed, CompressionMode.Decompress);
            _feed.Fill([_first.Value, source[0]]);
            consumed = 1;
        }
        else
        {
            consumed = _feed.Fill(source);
        }
        Read(destination, out written);
    }

    public override void Finish()
    {
        if (_unpacking is null ? _first is not null : !HasDataEnded())
            throw Truncated();
    }

    public override void Dispose()
    {
        _unpacking?.Dispose();
        _feed.Dispose();
    }

    void Read(Span<byte> destination, out int written)
    {
        written = 0;
        try
        {
            while (written < destination.Length && _unpacking!.Read(destination[written..]) is > 0 and var more)
                written += more;
        }
        catch (InvalidDataException exception)
        {
            throw Corrupt(exception);
        }
        // Bytes left in the feed stand behind the end of the data.
        if (written < destination.Length && !_feed.IsEmpty)
            throw TrailingData();
    }

    /// <summary>Tests whether the data has ended: the stream then requests no more bytes.</summary>
    bool HasDataEnded()
    {
        _feed.Fill([0]);
        Span<byte> none = stackalloc byte[1];
        try
        {
            return _unpacking!.Read(none) == 0 && !_feed.IsEmpty;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }
}

/// <summary>
/// Brotli (RFC 7932), with windows of at most 16 MiB. It holds no more of a window than it has unpacked.
/// </summary>
internal sealed class BrotliBodyDecoder : BodyDecoder
{
    BrotliDecoder _decoder;
    OperationStatus _status = OperationStatus.Done;
    bool _isBegun;

    public override void Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        (consumed, written) = (0, 0);
        if (_isBegun && _status == OperationStatus.Done)
        {
            if (!source.IsEmpty)
                throw TrailingData();
            return;
        }
        if (source.IsEmpty && !_isBegun)
            return;
        _isBegun = true;
        _status = _decoder.Decompress(source, destination, out consumed, out written);
        if (_status == OperationStatus.InvalidData)
            throw Corrupt();
    }

    public override void Finish()
    {
        if (_status != OperationStatus.Done)
            throw Truncated();
    }

    public override void Dispose() => _decoder.Dispose();
}

/// <summary>Zstandard (RFC 8878): one frame or several, without a dictionary.</summary>
internal sealed class ZstdBodyDecoder : BodyDecoder
{
    /// <summary>
    /// The window that RFC 8878 asks every decoder to accept, and the largest that RFC 9659 allows on the web. A frame
    /// can ask for gigabytes.
    /// </summary>
    const int MaxWindowLog = 23;

    public const int MaxWindowBytes = 1 << MaxWindowLog;

    readonly Decompressor _decompressor = new();
    OperationStatus _status = OperationStatus.Done;

    public ZstdBodyDecoder() => _decompressor.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, MaxWindowLog);

    public override void Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        (consumed, written) = (0, 0);
        if (source.IsEmpty && _status == OperationStatus.Done)
            return;
        _status = _decompressor.UnwrapStream(source, destination, out consumed, out written);
        if (_status == OperationStatus.InvalidData)
            throw new InvalidDataException(
                $"it is damaged, or something else, or its window is larger than {MaxWindowBytes} bytes (zstd "
                    + "--ultra, --long)"
            );
    }

    public override void Finish()
    {
        if (_status != OperationStatus.Done)
            throw Truncated();
    }

    public override void Dispose() => _decompressor.Dispose();
}
