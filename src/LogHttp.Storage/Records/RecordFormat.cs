namespace LogHttp.Storage.Records;

/// <summary>
/// The one door to the format of records: finding records in bytes, and reading their fields. Segments, scans,
/// recovery, verification, backups and fetches call it, and know nothing of lines. api/FORMAT.md §1.
/// </summary>
internal static class RecordFormat
{
    /// <summary>
    /// The largest offset, one less than the largest long, so that the offset after it is still a long.
    /// </summary>
    public const long MaxOffset = long.MaxValue - 1;

    /// <summary>The largest integer that every JSON reader keeps exactly.</summary>
    public const long MaxTimestampMs = (1L << 53) - 1;

    /// <summary>Room for the longest head.</summary>
    public const int MaxHeadBytes = RecordLimits.MaxHeadBytes;

    /// <summary>
    /// The longest encoded record of a segment. Part of the format, not of the settings: the present settings limit new
    /// records, and records from earlier settings must stay readable.
    /// </summary>
    public const int MaxEncodedBytes = RecordLimits.MaxRecordBytesUpperBound + MaxHeadBytes;

    const byte LineFeed = (byte)'\n';

    /// <summary>Returns the length of the encoded record at the start of bytes, or 0 if its end is missing.</summary>
    public static int FirstRecordBytes(ReadOnlySpan<byte> bytes) => bytes.IndexOf(LineFeed) + 1;

    /// <summary>
    /// Returns the length of the whole records at the start of bytes, or 0 if the end of the first is missing.
    /// </summary>
    public static int WholeRecordsBytes(ReadOnlySpan<byte> bytes) => bytes.LastIndexOf(LineFeed) + 1;

    /// <summary>
    /// Returns the fault of an encoded record that was read from a disk, or null if it is whole and valid.
    /// </summary>
    public static string? Check(ReadOnlySpan<byte> record, out RecordHead head, out BatchFields batch) =>
        RecordLine.Check(record, out head, out batch);

    /// <summary>
    /// Reads the head of an encoded record, of which the end may be missing. Returns false if it does not begin with
    /// one.
    /// </summary>
    public static bool TryReadHead(ReadOnlySpan<byte> record, out RecordHead head) =>
        RecordFields.TryReadHead(record, out head);

    /// <summary>Finds the fields of an encoded record that the log wrote. Returns false if it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> record, out RecordView view) => RecordView.TryParse(record, out view);
}

/// <summary>The fields of a record before its content.</summary>
/// <param name="Offset">The record's offset.</param>
/// <param name="TimestampMs">Unix milliseconds.</param>
/// <param name="BatchCount">
/// How many records, from this one on, are one batch. 1 for a single record, or inside a batch.
/// </param>
internal readonly record struct RecordHead(long Offset, long TimestampMs, int BatchCount);

/// <summary>The batch's fields on its first record.</summary>
/// <param name="Stamp">The producer or the idempotency key, or null.</param>
/// <param name="Any">
/// Whether there is a field that only a batch's first record has, including those reserved for later.
/// </param>
internal readonly record struct BatchFields(BatchStamp? Stamp, bool Any);
