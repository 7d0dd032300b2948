namespace LogHttp.Storage.Records;

/// <summary>
/// Writes a batch's lines: the heads, the batch's fields on the first line, and the content that was encoded before.
/// </summary>
internal struct RecordWriter()
{
    HeadWriter _heads = new();

    /// <summary>Returns the most bytes that a line takes.</summary>
    public static int MaxBytes(BatchStamp? stamp, int tailBytes) =>
        RecordFormat.MaxHeadBytes + (stamp?.MaxBytes ?? 0) + tailBytes;

    /// <summary>Writes a line and returns its length.</summary>
    /// <param name="destination">Has room for <see cref="MaxBytes"/>.</param>
    /// <param name="offset">The record's offset.</param>
    /// <param name="timestampMs">The record's timestamp.</param>
    /// <param name="batchCount">
    /// The records of the batch, or 0 if the line does not start a batch of two or more.
    /// </param>
    /// <param name="stamp">The batch's sender, on its first line. A producer's checksum is known.</param>
    /// <param name="tail">The record's content, from its key on.</param>
    public int Write(
        Span<byte> destination,
        long offset,
        long timestampMs,
        int batchCount,
        BatchStamp? stamp,
        ReadOnlySpan<byte> tail
    )
    {
        var written = _heads.Write(destination, offset, timestampMs, batchCount);
        if (stamp is { Producer: { } producer })
            written += ProducerField.Write(destination[written..], producer, stamp.Crc!.Value);
        if (stamp is { Idempotency: { } key })
            written += IdempotencyField.Write(destination[written..], key, stamp.TimestampMs);
        tail.CopyTo(destination[written..]);
        return written + tail.Length;
    }

    /// <summary>
    /// Writes lines with consecutive offsets. Stops behind the line that reaches a size, and before one for which the
    /// destination has no room.
    /// </summary>
    /// <param name="destination">The room.</param>
    /// <param name="offset">The first record's offset.</param>
    /// <param name="timestampMs">The timestamp of all of them.</param>
    /// <param name="tails">The content of the records, one behind the other.</param>
    /// <param name="tailBytes">The length of each record's content.</param>
    /// <param name="enoughBytes">The size, more than 0.</param>
    public RecordRun WriteRun(
        Span<byte> destination,
        long offset,
        long timestampMs,
        ReadOnlySpan<byte> tails,
        ReadOnlySpan<int> tailBytes,
        long enoughBytes
    )
    {
        var (count, written, taken) = (0, 0, 0);
        while (
            count < tailBytes.Length
            && written < enoughBytes
            && RecordFormat.MaxHeadBytes + tailBytes[count] <= destination.Length - written
        )
        {
            var line = destination[written..];
            var headBytes = _heads.Write(line, offset + count, timestampMs, batchCount: 0);
            tails.Slice(taken, tailBytes[count]).CopyTo(line[headBytes..]);
            taken += tailBytes[count];
            written += headBytes + tailBytes[count];
            count++;
        }
        return new(count, written, taken);
    }
}

/// <summary>Lines that were written one behind the other.</summary>
/// <param name="Count">The number of lines.</param>
/// <param name="SizeBytes">Their bytes.</param>
/// <param name="TailBytes">The bytes of their tails.</param>
internal readonly record struct RecordRun(int Count, int SizeBytes, int TailBytes);
