using System.Buffers;
using System.IO.Pipelines;
using LogHttp.Storage;
using LogHttp.Storage.Records;

namespace LogHttp.Server.Fetching;

/// <summary>
/// Copies a region's records into a response in another form than the segment's: some of them, their values, an array.
/// Holds a few hundred KiB, or a few times its largest record, however large the region is. For one thread.
/// </summary>
internal sealed class RecordStream(PipeWriter writer, Representation representation, bool showsValues)
{
    /// <summary>So much is written before the client has to take it.</summary>
    const int FlushBytes = 48 << 10;

    /// <summary>A larger record is not gathered with others.</summary>
    const int LargeBytes = 15 << 10;

    bool _isFirst = true;

    public async Task WriteAsync(PartitionLog partition, LogRegion region, RecordKey? key, CancellationToken aborted)
    {
        using var reader = new RecordReader(region, key);
        // Gathered here first: the response's writer takes a large piece for what a small one costs, and nothing has been
        // said yet where the first record can't be read.
        var pieces = new ArrayBufferWriter<byte>(FlushBytes + LargeBytes);
        if (representation == Representation.JsonArray)
            pieces.Write("["u8);
        while (await reader.ReadAsync(partition, (Stream: this, pieces), static (reader, to) => to.Stream.WriteSome(reader, to.pieces), aborted))
        {
            if ((await writer.WriteAsync(pieces.WrittenMemory, aborted)).IsCompleted)
                return;
            pieces.ResetWrittenCount();
        }
        if (representation == Representation.JsonArray)
            pieces.Write("]\n"u8);
        // Not flushed: what ends the response goes with it.
        writer.Write(pieces.WrittenSpan);
    }

    /// <summary>Gathers records until it is time to send them; false after the last.</summary>
    bool WriteSome(RecordReader reader, ArrayBufferWriter<byte> pieces)
    {
        while (pieces.WrittenCount < FlushBytes)
        {
            if (!reader.TryRead(out var record))
                return false;
            var content = showsValues ? record.Value : record.Line[..^1];
            if (representation == Representation.JsonArray && !_isFirst)
                pieces.Write(",\n"u8);
            _isFirst = false;
            if (content.Length > LargeBytes)
            {
                writer.Write(pieces.WrittenSpan);
                pieces.ResetWrittenCount();
            }
            IBufferWriter<byte> destination = content.Length > LargeBytes ? writer : pieces;
            if (representation == Representation.TextLines)
                RecordValue.WriteText(destination, record);
            else
                destination.Write(content);
            if (representation != Representation.JsonArray)
                pieces.Write("\n"u8);
            if (content.Length > LargeBytes)
                return true;
        }
        return true;
    }
}
