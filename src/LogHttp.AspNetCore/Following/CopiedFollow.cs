using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using LogHttp.AspNetCore.Contract;
using LogHttp.Kestrel;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.AspNetCore.Following;

/// <summary>
/// Record lines with text around each, so that they pass through the process. While the client reads, the stream holds
/// its unflushed bytes, but neither a page nor the buffer that read it.
/// </summary>
/// <remarks>
/// When a whole page was written before the first flush, 20 connections of 1 KB/s took the server from 84 MB to 2.2 GB.
/// For the stream's own thread.
/// </remarks>
internal abstract class CopiedFollow(HttpContext context, bool namesPartitions) : FollowFormat
{
    /// <summary>A page is as large as the buffer that reads it.</summary>
    static readonly PageSize CopiedPage = PageSize.AtMost(32 << 10);

    long _unflushedBytes;
    long _records;
    bool _isAtPageStart;

    protected PipeWriter Writer { get; } = context.Response.BodyWriter;

    protected bool NamesPartitions => namesPartitions;

    /// <summary>The bytes behind a record's line.</summary>
    protected abstract ReadOnlySpan<byte> Tail { get; }

    /// <summary>The most bytes that a flush adds to the written records.</summary>
    protected virtual int MaxBytesOfFlush => 0;

    /// <summary>The most bytes that <see cref="WriteHead"/> writes.</summary>
    protected abstract int MaxHeadBytes { get; }

    /// <summary>
    /// Writes the bytes before a record's line and before its partition's name. Returns their length in bytes.
    /// </summary>
    protected abstract int WriteHead(Span<byte> destination);

    public override PageSize PageSize => CopiedPage;

    /// <summary>The number of records after which the response ends.</summary>
    public long MaxRecords { get; init; } = long.MaxValue;

    public override bool IsAtLimit => _records == MaxRecords;

    public override async ValueTask FlushAsync(CancellationToken aborted)
    {
        _unflushedBytes = 0;
        ThrowIfDisconnected(await Writer.FlushAsync(aborted));
    }

    public override async ValueTask<bool> WriteAsync(
        FollowSource source,
        FetchResult page,
        int shareBytes,
        CancellationToken aborted
    )
    {
        // The last block of a share is for the ends of the others, because blocks are not filled to their last byte.
        var flushBytes = shareBytes / 4 * 3 - Math.Min(MaxBytesOfFlush, shareBytes / 4);
        int largeBytes;
        using (var reader = new RecordReader(page.Region!))
        {
            _isAtPageStart = true;
            (var end, largeBytes) = await reader.ReadAsync(
                source.Log,
                (Format: this, source, flushBytes),
                static (reader, to) => to.Format.WriteRecords(reader, to.source, to.flushBytes),
                aborted
            );
            if (end == WriteEnd.Page)
            {
                source.NextOffset = page.NextOffset;
                return false;
            }
            source.Drop();
            if (end != WriteEnd.LargeRecord)
                return end == WriteEnd.Full;
        }
        await WriteLargeAsync(page.Region!, largeBytes, shareBytes, aborted);
        return false;
    }

    public override bool TryFrame(
        FetchResult page,
        FollowSource source,
        ArrayBufferWriter<byte> destination,
        int maxBytes
    )
    {
        var aroundBytes = MaxHeadBytes + Tail.Length + (NamesPartitions ? source.MaxPrefixBytes : 0);
        using var reader = new RecordReader(
            page.Region!,
            key: null,
            page.Region!.Position,
            (int)page.Region.LengthBytes
        );
        while (reader.TryRead(out var record))
        {
            if (destination.WrittenCount + aroundBytes + record.Line.Length > maxBytes)
                return false;
            source.NextOffset = record.Offset + 1;
            var line = NamesPartitions ? record.Line[1..] : record.Line;
            var around = destination.GetSpan(aroundBytes + line.Length);
            var headBytes = WriteHead(around);
            if (NamesPartitions)
                headBytes += source.WritePrefix(around[headBytes..]);
            destination.Advance(headBytes);
            destination.Write(line);
            destination.Write(Tail);
        }
        return true;
    }

    (WriteEnd End, int LargeBytes) WriteRecords(RecordReader reader, FollowSource source, int flushBytes)
    {
        var aroundBytes = MaxHeadBytes + Tail.Length + (NamesPartitions ? source.MaxPrefixBytes : 0);
        while (!IsAtLimit && reader.TryRead(out var record))
        {
            var isLarge = record.Line.Length > flushBytes / 2;
            if (_unflushedBytes > 0 && (isLarge || _unflushedBytes + aroundBytes + record.Line.Length > flushBytes))
                return (WriteEnd.Full, 0);
            // A page that begins with a large record begins with the record's line in the file.
            if (isLarge && !_isAtPageStart)
                return (WriteEnd.BeforeLargeRecord, 0);
            _isAtPageStart = false;
            source.NextOffset = record.Offset + 1;
            _records++;
            var line = NamesPartitions ? record.Line[1..] : record.Line;
            var destination = Writer.GetSpan(aroundBytes);
            var headBytes = WriteHead(destination);
            if (NamesPartitions)
                headBytes += source.WritePrefix(destination[headBytes..]);
            Writer.Advance(headBytes);
            _unflushedBytes += headBytes;
            if (isLarge)
                return (WriteEnd.LargeRecord, line.Length);
            Writer.Write(line);
            Writer.Write(Tail);
            _unflushedBytes += line.Length + Tail.Length;
        }
        return (IsAtLimit ? WriteEnd.Limit : WriteEnd.Page, 0);
    }

    /// <summary>
    /// Sends the line of a page's first record, whose head is written, in pieces from its file. The line can have a
    /// megabyte.
    /// </summary>
    async ValueTask WriteLargeAsync(LogRegion region, int sizeBytes, int shareBytes, CancellationToken aborted)
    {
        var stream = region.File.Stream ?? throw new InvalidOperationException("The segment lies in no file.");
        var sendFile = context.Features.GetRequiredFeature<IHttpSendFileFeature>();
        var position = region.Position + (NamesPartitions ? 1 : 0);
        // A copy holds each piece twice: as it was read, and as it is sent, with the head before it.
        var pieceBytes = shareBytes / 8 * 3;
        for (var end = position + sizeBytes; position < end; position += pieceBytes)
            await sendFile.SendFileAsync(stream, position, Math.Min(end - position, pieceBytes), aborted);
        Writer.Write(Tail);
        await FlushAsync(aborted);
    }

    enum WriteEnd
    {
        /// <summary>All of the page is written.</summary>
        Page,

        /// <summary>The next record does not fit behind the written ones.</summary>
        Full,

        /// <summary>A large record follows, which has to begin a page of its own.</summary>
        BeforeLargeRecord,

        /// <summary>The response has as many records as the request wants.</summary>
        Limit,

        /// <summary>The head of a large record is written, and its line is not.</summary>
        LargeRecord,
    }
}

/// <summary>Record lines, of several partitions each with its topic and partition before its offset.</summary>
internal class CopiedLinesFollow(HttpContext context, string contentType, bool namesPartitions)
    : CopiedFollow(context, namesPartitions)
{
    public override string ContentType => contentType;

    protected override ReadOnlySpan<byte> Tail => [];

    protected override int MaxHeadBytes => 0;

    protected override int WriteHead(Span<byte> destination) => 0;

    public override async ValueTask WriteHeartbeatAsync(CancellationToken aborted)
    {
        Writer.Write("\n"u8);
        await FlushAsync(aborted);
    }
}

/// <summary>
/// Record lines of several partitions, with bookmarks among them: lines that have the position after the records before
/// them, in every followed partition. A client resumes at the last bookmark that it got.
/// </summary>
internal sealed class ManyLinesFollow(
    HttpContext context,
    string contentType,
    IReadOnlyList<FollowSource> sources,
    TimeProvider time
) : CopiedLinesFollow(context, contentType, namesPartitions: true)
{
    /// <summary>
    /// The time between two bookmarks. An id of 64 partitions can be longer than the records that come in a second.
    /// </summary>
    public static readonly TimeSpan BookmarkInterval = TimeSpan.FromSeconds(1);

    readonly EventIdFormat _id = new(sources);
    long _bookmarkTimestamp;
    bool _isBehind;

    static ReadOnlySpan<byte> IdField => "{\"lastEventId\":\""u8;

    static ReadOnlySpan<byte> IdEnd => "\"}\n"u8;

    public override TimeSpan? NextFlush =>
        _isBehind ? BookmarkInterval - time.GetElapsedTime(_bookmarkTimestamp) : null;

    protected override int MaxBytesOfFlush => IdField.Length + _id.MaxBytes + IdEnd.Length;

    protected override int WriteHead(Span<byte> destination)
    {
        _isBehind = true;
        return 0;
    }

    public override async ValueTask BeginAsync(CancellationToken aborted)
    {
        WriteBookmark();
        await FlushAsync(aborted);
    }

    public override ValueTask FlushAsync(CancellationToken aborted)
    {
        if (NextFlush <= TimeSpan.Zero)
            WriteBookmark();
        return base.FlushAsync(aborted);
    }

    public override async ValueTask EndAsync(CancellationToken aborted)
    {
        if (_isBehind)
            WriteBookmark();
        await Writer.FlushAsync(aborted);
    }

    void WriteBookmark()
    {
        Writer.Write(IdField);
        Writer.Advance(_id.Write(Writer.GetSpan(_id.MaxBytes)));
        Writer.Write(IdEnd);
        (_bookmarkTimestamp, _isBehind) = (time.GetTimestamp(), false);
    }
}

/// <summary>
/// Server-sent events, one for each record. An event's id is the position in every followed partition. A client that
/// reconnects with Last-Event-ID misses nothing and gets nothing twice. A heartbeat is a comment.
/// </summary>
internal sealed class EventsFollow(HttpContext context, IReadOnlyList<FollowSource> sources, bool namesPartitions)
    : CopiedFollow(context, namesPartitions)
{
    const int RetryMs = 1000;

    readonly EventIdFormat _id = new(sources);

    static ReadOnlySpan<byte> IdField => "id: "u8;

    static ReadOnlySpan<byte> DataField => "\ndata: "u8;

    public override string ContentType => MediaTypes.Events;

    // Records are counted one by one where the request bounds their number.
    public override SharedFormat? SharedFormat =>
        MaxRecords < long.MaxValue ? null
        : NamesPartitions ? Following.SharedFormat.NamedEvents
        : Following.SharedFormat.Events;

    protected override ReadOnlySpan<byte> Tail => "\n"u8;

    protected override int MaxHeadBytes => IdField.Length + _id.MaxBytes + DataField.Length;

    protected override int WriteHead(Span<byte> destination)
    {
        IdField.CopyTo(destination);
        var written = IdField.Length;
        written += _id.Write(destination[written..]);
        DataField.CopyTo(destination[written..]);
        return written + DataField.Length;
    }

    public override async ValueTask BeginAsync(CancellationToken aborted)
    {
        WriteBeginning();
        await FlushAsync(aborted);
    }

    /// <summary>
    /// Writes an id before the first record. A client that loses the connection before then resumes at the same start.
    /// </summary>
    void WriteBeginning()
    {
        Writer.Write(IdField);
        Writer.Advance(_id.Write(Writer.GetSpan(_id.MaxBytes)));
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"\nretry: {RetryMs}\n\n"), Writer);
    }

    public override async ValueTask WriteHeartbeatAsync(CancellationToken aborted)
    {
        Writer.Write(":\n\n"u8);
        await FlushAsync(aborted);
    }
}
