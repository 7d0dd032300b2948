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
}
