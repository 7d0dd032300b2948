using System.Buffers;
using System.IO.Pipelines;
using LogHttp.AspNetCore.Limits;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>
/// Copies a region's records into a response in another form than the segment's: some of them, their values, an array.
/// While the client reads, the response holds at most its share of the budget, and a position. For one thread.
/// </summary>
internal sealed class RecordStream(
    HttpContext context,
    Representation representation,
    bool showsValues,
    FollowBudget budget
) : IDisposable
{
    /// <summary>A larger record is not gathered with others.</summary>
    const int LargeBytes = 15 << 10;

    /// <summary>The most bytes between two records: ",\n".</summary>
    const int SeparatorBytes = 2;

    readonly PipeWriter _writer = context.Response.BodyWriter;

    // Gathered here first, because the response's writer makes a call for a small piece as expensive as for a large
    // one. If the first record can't be read, the response has not started yet.
    ArrayBufferWriter<byte>? _pieces;
    bool _isFirst = true;
    long _unflushedBytes;
    int _shareBytes;
    int _neededBytes;

    /// <summary>Writes the records. The last of them are flushed with the end of the response.</summary>
    /// <param name="partition">The region's partition.</param>
    /// <param name="region">The region.</param>
    /// <param name="key">The key that records must have, or null for all of them.</param>
    /// <param name="position">The position of the first record, or that of the region.</param>
    /// <param name="aborted">Cancelled when the client has disconnected.</param>
    public async Task WriteAsync(
        PartitionLog partition,
        LogRegion region,
        RecordKey? key,
        long position,
        CancellationToken aborted
    )
    {
        // The last share is given back when the client has the end of the response.
        context.Response.RegisterForDispose(this);
        RecordReader? reader = null;
        try
        {
            while (true)
            {
                if (_shareBytes == 0)
                    _shareBytes = await budget.TakeAsync(_neededBytes, aborted);
                reader ??= new RecordReader(region, key, position, FollowBudget.ShareBytes);
                if (
                    !await reader.ReadAsync(
                        partition,
                        this,
                        static (reader, stream) => stream.WriteSome(reader),
                        aborted
                    )
                )
                    break;
                position = reader.NextPosition;
                var needsMore = _neededBytes > _shareBytes;
                var flushing = needsMore ? default : FlushAsync(aborted);
                // A fast client takes the records at once. If the client is slow or needs more room, only the position
                // waits.
                var waits = needsMore || !flushing.IsCompleted;
                if (waits)
                {
                    reader.Dispose();
                    (reader, _pieces) = (null, null);
                }
                if ((await flushing).IsCompleted)
                    return;
                if (waits)
                    Release();
            }
        }
        finally
        {
            reader?.Dispose();
        }
        if (representation == Representation.JsonArray)
            Pieces.Write(_isFirst ? "[]\n"u8 : "]\n"u8);
        WritePieces();
    }

    public void Dispose() => Release();

    ArrayBufferWriter<byte> Pieces => _pieces ??= new(LargeBytes);

    void Release()
    {
        budget.Release(_shareBytes);
        _shareBytes = 0;
    }

    ValueTask<FlushResult> FlushAsync(CancellationToken aborted)
    {
        WritePieces();
        (_unflushedBytes, _neededBytes) = (0, 0);
        return _writer.FlushAsync(aborted);
    }

    void WritePieces()
    {
        if (_pieces is null)
            return;
        _writer.Write(_pieces.WrittenSpan);
        _pieces.ResetWrittenCount();
    }

    /// <summary>
    /// Gathers records until it is time to send them, or the next one needs more room. Returns false after the last.
    /// </summary>
    bool WriteSome(RecordReader reader)
    {
        // The last block of a share is for the ends of the others, because blocks are not filled to their last byte.
        var flushBytes = _shareBytes / 4 * 3;
        while (reader.TryRead(out var record))
        {
            var content = showsValues ? record.Value : record.Line[..^1];
            if (_unflushedBytes + content.Length + SeparatorBytes > flushBytes)
            {
                reader.Unread();
                _neededBytes = _unflushedBytes > 0 ? 0 : (content.Length + SeparatorBytes) / 3 * 4 + 8;
                return true;
            }
            if (representation == Representation.JsonArray)
                Pieces.Write(_isFirst ? "["u8 : ",\n"u8);
            _isFirst = false;
            var isLarge = content.Length > LargeBytes;
            if (isLarge)
                WritePieces();
            IBufferWriter<byte> destination = isLarge ? _writer : Pieces;
            if (representation == Representation.TextLines)
                RecordValue.WriteText(destination, record);
            else
                destination.Write(content);
            if (representation != Representation.JsonArray)
                Pieces.Write("\n"u8);
            _unflushedBytes += content.Length + SeparatorBytes;
            // The next record may be unreadable. The client gets an error only if nothing was sent before it.
            if (isLarge)
                return true;
        }
        return false;
    }
}
