using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using LogHttp.Kestrel;
using LogHttp.Storage;
using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.Server.Following;

/// <summary>How a stream that does not end writes its records, and that it lives. For the stream's own thread.</summary>
internal abstract class FollowFormat
{
    public abstract string ContentType { get; }

    /// <summary>Said once, before the first record.</summary>
    public virtual ValueTask BeginAsync(CancellationToken aborted) => ValueTask.CompletedTask;

    public abstract ValueTask WriteAsync(FollowSource source, FetchResult page, CancellationToken aborted);

    /// <summary>Keeps proxies from closing a stream that has nothing to say, and readers of the format from noticing.</summary>
    public abstract ValueTask WriteHeartbeatAsync(CancellationToken aborted);

    public virtual ValueTask EndAsync(CancellationToken aborted) => ValueTask.CompletedTask;
}

/// <summary>
/// Record lines of one partition, by the region path: over HTTP/1.1 each piece stands between a chunk's size and its end,
/// which are written here, so that the piece itself never passes through the process. A heartbeat is an empty line.
/// </summary>
internal sealed class LinesFollow : FollowFormat
{
    /// <summary>A small piece is read in behind its chunk size, and leaves with one send.</summary>
    readonly int _smallRegionBytes;
    readonly HttpContext _context;
    readonly PipeWriter _writer;
    readonly bool _isChunked;

    public LinesFollow(HttpContext context, string contentType, int smallRegionBytes)
    {
        (_context, _writer, ContentType, _smallRegionBytes) = (context, context.Response.BodyWriter, contentType, smallRegionBytes);
        // HTTP/2 frames what it sends itself, and HTTP/1.0 knows no chunks.
        // Kestrel refuses the header in an answer that has no body.
        _isChunked = HttpProtocol.IsHttp11(context.Request.Protocol) && !HttpMethods.IsHead(context.Request.Method);
        if (_isChunked)
            context.Response.Headers.TransferEncoding = "chunked";
    }

    public override string ContentType { get; }

    public override async ValueTask WriteAsync(FollowSource source, FetchResult page, CancellationToken aborted)
    {
        var region = page.Region!;
        // Before a chunk is begun that could not be filled; it is also where a follower's log says what went wrong.
        if (region.File.LengthBytes < region.Position + region.LengthBytes)
            throw new CorruptionException(region.Path, region.File.LengthBytes, "the segment ends here, and its records do not");
        BeginChunk(region.LengthBytes);
        if (region.LengthBytes <= _smallRegionBytes || region.File.Stream is not { } stream)
        {
            var length = (int)region.LengthBytes;
            region.File.ReadExactly(_writer.GetSpan(length)[..length], region.Position);
            _writer.Advance(length);
        }
        else
        {
            await _context.Features.GetRequiredFeature<IHttpSendFileFeature>().SendFileAsync(stream, region.Position, region.LengthBytes, aborted);
        }
        EndChunk();
        await _writer.FlushAsync(aborted);
    }

    public override async ValueTask WriteHeartbeatAsync(CancellationToken aborted)
    {
        BeginChunk(1);
        _writer.Write("\n"u8);
        EndChunk();
        await _writer.FlushAsync(aborted);
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

/// <summary>Record lines of several partitions, each with its topic and partition in front of its offset.</summary>
internal sealed class ManyLinesFollow(PipeWriter writer, string contentType) : FollowFormat
{
    public override string ContentType => contentType;

    public override async ValueTask WriteAsync(FollowSource source, FetchResult page, CancellationToken aborted)
    {
        using var reader = new RecordReader(page.Region!);
        await reader.ReadAsync(source.Follower.Log, (writer, source), static (reader, to) => WriteAll(reader, to.writer, to.source), aborted);
        await writer.FlushAsync(aborted);
    }

    static int WriteAll(RecordReader reader, PipeWriter writer, FollowSource source)
    {
        var records = 0;
        for (; reader.TryRead(out var record); records++)
        {
            writer.Write(source.Prefix);
            writer.Write(record.Line[1..]);
        }
        return records;
    }

    public override async ValueTask WriteHeartbeatAsync(CancellationToken aborted)
    {
        writer.Write("\n"u8);
        await writer.FlushAsync(aborted);
    }
}

/// <summary>
/// Server-sent events: a record an event, whose id is the position in every partition followed, so that whoever comes back
/// with Last-Event-ID misses nothing and gets nothing twice. A heartbeat is a comment.
/// </summary>
internal sealed class EventsFollow(PipeWriter writer, IReadOnlyList<FollowSource> sources, bool namesPartitions) : FollowFormat
{
    const int RetryMs = 1000;

    readonly StringBuilder _id = new();

    public const string Type = "text/event-stream";

    public override string ContentType => Type;

    public override async ValueTask BeginAsync(CancellationToken aborted)
    {
        // With an id before the first record: who loses the connection before that begins where it had begun.
        WriteId();
        Write(string.Create(CultureInfo.InvariantCulture, $"\nretry: {RetryMs}\n\n"));
        await writer.FlushAsync(aborted);
    }

    public override async ValueTask WriteAsync(FollowSource source, FetchResult page, CancellationToken aborted)
    {
        using var reader = new RecordReader(page.Region!);
        await reader.ReadAsync(source.Follower.Log, (Format: this, source), static (reader, to) => to.Format.WriteAll(reader, to.source), aborted);
        await writer.FlushAsync(aborted);
    }

    int WriteAll(RecordReader reader, FollowSource source)
    {
        var records = 0;
        for (; reader.TryRead(out var record); records++)
        {
            source.NextOffset = record.Offset + 1;
            WriteId();
            writer.Write("\ndata: "u8);
            if (namesPartitions)
                writer.Write(source.Prefix);
            writer.Write(namesPartitions ? record.Line[1..] : record.Line);
            writer.Write("\n"u8);
        }
        return records;
    }

    public override async ValueTask WriteHeartbeatAsync(CancellationToken aborted)
    {
        writer.Write(":\n\n"u8);
        await writer.FlushAsync(aborted);
    }

    void WriteId()
    {
        _id.Clear().Append("id: ");
        foreach (var source in sources)
            _id.Append(source.IdPrefix).Append(CultureInfo.InvariantCulture, $"{source.NextOffset},");
        _id.Length--;
        foreach (var piece in _id.GetChunks())
            Encoding.ASCII.GetBytes(piece.Span, writer);
    }

    void Write(string text) => Encoding.ASCII.GetBytes(text, writer);
}
