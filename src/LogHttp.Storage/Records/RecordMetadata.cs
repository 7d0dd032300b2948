namespace LogHttp.Storage.Records;

/// <summary>All parts of a record except its value.</summary>
public readonly record struct RecordMetadata
{
    /// <summary>
    /// The largest offset that a record can bring, 2^62. Counting on from there never reaches the largest offset of the
    /// log.
    /// </summary>
    public const long MaxOffset = 1L << 62;

    /// <summary>The key, or null when the record has none.</summary>
    public string? Key { get; init; }

    /// <summary>
    /// A key of bytes, instead of <see cref="Key"/>. Kept as text if it is valid UTF-8, else as Base64.
    /// </summary>
    public ReadOnlyMemory<byte>? KeyBytes { get; init; }

    /// <summary>
    /// Names (made lower-case) and values, in order. A repeated name becomes an array. Null for none.
    /// </summary>
    public IReadOnlyList<KeyValuePair<string, string>>? Headers { get; init; }

    /// <summary>Headers whose order, case, nulls and bytes are kept, instead of <see cref="Headers"/>.</summary>
    public IReadOnlyList<RecordHeader>? HeaderPairs { get; init; }

    /// <summary>The sender's timestamp in Unix milliseconds, 0 to 2^53-1. Null for the server's own.</summary>
    public long? TimestampMs { get; init; }

    /// <summary>
    /// The sender's offset, 0 to <see cref="MaxOffset"/> (Kafka as the engine). It is larger than all before it. Null
    /// for the next one. Within a batch, all records have one or none has.
    /// </summary>
    public long? Offset { get; init; }
}
