namespace LogHttp.Storage.Records;

/// <summary>What goes with a value: everything of a record that is not the value.</summary>
public readonly record struct RecordMetadata
{
    /// <summary>
    /// The largest offset that can be given, 2^62: however many records are counted on from there, their offsets never
    /// reach the largest one there is.
    /// </summary>
    public const long MaxOffset = 1L << 62;

    /// <summary>The key, or null when the record has none.</summary>
    public string? Key { get; init; }

    /// <summary>
    /// A key that is bytes, in the place of <see cref="Key"/>: kept as text where it is valid UTF-8, else as Base64.
    /// </summary>
    public ReadOnlyMemory<byte>? KeyBytes { get; init; }

    /// <summary>
    /// Names (made lower-case) and values, in order; a repeated name becomes an array. Null for none.
    /// </summary>
    public IReadOnlyList<KeyValuePair<string, string>>? Headers { get; init; }

    /// <summary>Headers whose order, case, nulls and bytes are kept, in the place of <see cref="Headers"/>.</summary>
    public IReadOnlyList<RecordHeader>? HeaderPairs { get; init; }

    /// <summary>Unix milliseconds, 0 to 2^53-1, when given from outside; null for the server's own stamp.</summary>
    public long? TimestampMs { get; init; }

    /// <summary>
    /// The offset, 0 to <see cref="MaxOffset"/>, when given from outside (Kafka as the engine): larger than all before
    /// it. Null for the next one. Within a batch all records have one or none has.
    /// </summary>
    public long? Offset { get; init; }
}
