using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using LogHttp.Kestrel;
using LogHttp.Storage;
using LogHttp.Storage.Files;
using LogHttp.Storage.Reading;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.AspNetCore.Following;

/// <summary>The format of an endless stream: its records and its heartbeats. For the stream's own thread.</summary>
internal abstract class FollowFormat
{
    public abstract string ContentType { get; }

    /// <summary>Writes the beginning, once before the first record.</summary>
    public virtual ValueTask BeginAsync(CancellationToken aborted) => ValueTask.CompletedTask;

    /// <summary>The most bytes read of a partition at a time.</summary>
    public abstract PageSize PageSize { get; }

    /// <summary>
    /// Writes some or all records of a page, and moves <see cref="FollowSource.NextOffset"/> behind them. Leaves at
    /// most <paramref name="shareBytes"/> unflushed, unless one event is larger.
    /// </summary>
    /// <returns>Whether to flush before the next page is read.</returns>
    public abstract ValueTask<bool> WriteAsync(
        FollowSource source,
        FetchResult page,
        int shareBytes,
        CancellationToken aborted
    );

    /// <summary>Sends all written bytes, and completes when the kernel has them.</summary>
    /// <exception cref="OperationCanceledException">The client has disconnected.</exception>
    public abstract ValueTask FlushAsync(CancellationToken aborted);

    /// <summary>Sends a heartbeat so that proxies keep an idle connection open. Clients ignore it.</summary>
    public abstract ValueTask WriteHeartbeatAsync(CancellationToken aborted);

    /// <summary>The format in which new records can be shared with other followers. Null if they can't be.</summary>
    public virtual SharedFormat? SharedFormat => null;

    /// <summary>
    /// Writes a page's records as this response sends them. The bytes depend on the partition and the page alone.
    /// Returns false if there are more than <paramref name="maxBytes"/>.
    /// </summary>
    /// <exception cref="WouldWaitException">A byte is not in the page cache.</exception>
    public abstract bool TryFrame(
        FetchResult page,
        FollowSource source,
        ArrayBufferWriter<byte> destination,
        int maxBytes
    );

    /// <summary>Whether the response has as many records as the request wants.</summary>
    public virtual bool IsAtLimit => false;

    /// <summary>The time until <see cref="FlushAsync"/> has more to write than was flushed, or null.</summary>
    public virtual TimeSpan? NextFlush => null;

    public virtual ValueTask EndAsync(CancellationToken aborted) => ValueTask.CompletedTask;

    /// <summary>Ends the stream if the connection is gone, without waiting for the token.</summary>
    /// <remarks>
    /// Kestrel cancels the token on the thread pool, and meanwhile takes all written bytes. When 10,000 followers left
    /// at once, the pool was busy reading the log for them, and had not cancelled it after ten minutes.
    /// </remarks>
    protected static void ThrowIfDisconnected(FlushResult flushed)
    {
        if (flushed.IsCompleted)
            throw new OperationCanceledException("The client has closed the connection.");
    }
}

/// <summary>
/// Record lines of one partition, sent from the file. Over HTTP/1.1 the stream writes the size and the end of each
/// chunk itself, so that the records never pass through the process. A heartbeat is an empty line.
/// </summary>
internal sealed class LinesFollow : FollowFormat
{
    /// <summary>A small piece is read into the buffer behind its chunk size, and both leave in one send.</summary>
    readonly int _smallRegionBytes;
    readonly HttpContext _context;
    readonly PipeWriter _writer;
    readonly bool _isChunked;

    public LinesFollow(HttpContext context, string contentType, int smallRegionBytes)
    {
        (_context, _writer, ContentType, _smallRegionBytes) = (
            context,
            context.Response.BodyWriter,
            contentType,
            smallRegionBytes
        );
        // HTTP/2 frames its data itself, and HTTP/1.0 has no chunks. Kestrel rejects the header in a response without a
        // body.
        _isChunked = HttpProtocol.IsHttp11(context.Request.Protocol) && !HttpMethods.IsHead(context.Request.Method);
        if (_isChunked)
            context.Response.Headers.TransferEncoding = "chunked";
    }

    public override string ContentType { get; }

    /// <summary>As large as a fetch's, because sendfile holds no memory.</summary>
    public override PageSize PageSize => PageSize.Default;

    public override async ValueTask<bool> WriteAsync(
        FollowSource source,
        FetchResult page,
        int shareBytes,
        CancellationToken aborted
    )
    {
        var region = page.Region!;
        // Checked before a chunk begins that could not be filled. A follower's log then names the cause.
        if (region.File.LengthBytes < region.Position + region.LengthBytes)
            throw new CorruptionException(
                region.Path,
                region.File.LengthBytes,
                "the segment ends here, and its records do not"
            );
        BeginChunk(region.LengthBytes);
        if (region.LengthBytes <= _smallRegionBytes || region.File.Stream is not { } stream)
        {
            var length = (int)region.LengthBytes;
            region.File.ReadExactly(_writer.GetSpan(length)[..length], region.Position);
            _writer.Advance(length);
        }
        else
        {
            var sendFile = _context.Features.GetRequiredFeature<IHttpSendFileFeature>();
            // A copy holds each piece twice: as it was read, and as it is sent.
            var pieceBytes = sendFile.CopiesRegions ? shareBytes / 2 : region.LengthBytes;
            var end = region.Position + region.LengthBytes;
            for (var position = region.Position; position < end; position += pieceBytes)
                await sendFile.SendFileAsync(stream, position, Math.Min(end - position, pieceBytes), aborted);
        }
        EndChunk();
        ThrowIfDisconnected(await _writer.FlushAsync(aborted));
        source.NextOffset = page.NextOffset;
        return false;
    }

    public override SharedFormat? SharedFormat => Following.SharedFormat.Lines;

    public override bool TryFrame(
        FetchResult page,
        FollowSource source,
        ArrayBufferWriter<byte> destination,
        int maxBytes
    )
    {
        var region = page.Region!;
        var lengthBytes = (int)Math.Min(region.LengthBytes, maxBytes);
        region.File.Cached.ReadExactly(destination.GetSpan(lengthBytes)[..lengthBytes], region.Position);
        destination.Advance(lengthBytes);
        return lengthBytes == region.LengthBytes;
    }

    public override async ValueTask FlushAsync(CancellationToken aborted) =>
        ThrowIfDisconnected(await _writer.FlushAsync(aborted));

    public override async ValueTask WriteHeartbeatAsync(CancellationToken aborted)
    {
        BeginChunk(1);
        _writer.Write("\n"u8);
        EndChunk();
        ThrowIfDisconnected(await _writer.FlushAsync(aborted));
    }

    public override async ValueTask EndAsync(CancellationToken aborted)
    {
        if (_isChunked)
            _writer.Write("0\r\n\r\n"u8);
        await _writer.FlushAsync(aborted);
    }

    void BeginChunk(long lengthBytes)
    {
        if (!_isChunked)
            return;
        Span<byte> size = stackalloc byte[18];
        lengthBytes.TryFormat(size, out var digits, "x", CultureInfo.InvariantCulture);
        "\r\n"u8.CopyTo(size[digits..]);
        _writer.Write(size[..(digits + 2)]);
    }

    void EndChunk()
    {
        if (_isChunked)
            _writer.Write("\r\n"u8);
    }
}
