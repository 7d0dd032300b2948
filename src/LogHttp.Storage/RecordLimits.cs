namespace LogHttp.Storage;

/// <summary>How large records may be. Sizes are bytes of the encoded record line, framing included.</summary>
public sealed record RecordLimits
{
    /// <summary>The upper bound of <see cref="MaxRecordBytes"/>.</summary>
    internal const int MaxRecordBytesUpperBound = 64 << 20;

    /// <summary>
    /// The bytes that each record counts in a batch for its head: names, 19 and 16 digits, and a batch count of 10.
    /// </summary>
    public const int MaxHeadBytes = 10 + 19 + 13 + 16 + 9 + 10;

    /// <summary>The largest encoded record, 1 KiB to 64 MiB.</summary>
    public int MaxRecordBytes { get; init; } = 1 << 20;

    /// <summary>The largest batch, at least <see cref="MaxRecordBytes"/> and at most 1 GiB.</summary>
    public int MaxBatchBytes { get; init; } = 64 << 20;

    /// <summary>The longest key in UTF-8, 1 to 65,536 bytes.</summary>
    public int MaxKeyBytes { get; init; } = 16 << 10;

    /// <summary>The most bytes of all header names and values of one record together, in UTF-8.</summary>
    public int MaxHeadersBytes { get; init; } = 32 << 10;
}
