namespace LogHttp.Storage.Records;

/// <summary>
/// The one door to the format of records: how bytes are told apart into records, and what a record says. Segments,
/// scans, recovery, verification, backups and fetches ask here and know no line. api/FORMAT.md §1.
/// </summary>
internal static class RecordFormat
{
    /// <summary>Offsets stop one short of the largest long, so that the offset after the last still is one.</summary>
    public const long MaxOffset = long.MaxValue - 1;

    /// <summary>The largest integer that every JSON reader keeps exactly.</summary>
    public const long MaxTimestampMs = (1L << 53) - 1;

    /// <summary>Room for the longest head.</summary>
    public const int MaxHeadBytes = RecordLimits.MaxHeadBytes;

    /// <summary>
    /// The longest encoded record a segment can hold. Of the format, not of the settings: those of today say what is
    /// let in, and what was let in under others must be read.
    /// </summary>
    public const int MaxEncodedBytes = RecordLimits.MostRecordBytes + MaxHeadBytes;

    const byte LineFeed = (byte)'\n';

    /// <summary>The length of the encoded record that bytes begin with; 0 where its end is not among them.</summary>
    public static int FirstRecordBytes(ReadOnlySpan<byte> bytes) => bytes.IndexOf(LineFeed) + 1;

    /// <summary>
    /// The length of the whole records that bytes begin with; 0 where the first one's end is not among them.
    /// </summary>
    public static int WholeRecordsBytes(ReadOnlySpan<byte> bytes) => bytes.LastIndexOf(LineFeed) + 1;

    /// <summary>
    /// Says what is wrong with an encoded record that comes back from a disk, or null when it is a whole, valid one.
    /// </summary>
    public static string? Check(ReadOnlySpan<byte> record, out RecordHead head, out BatchFields batch) =>
        RecordLine.Check(record, out head, out batch);

    /// <summary>
    /// Reads the head of an encoded record, of which the end may be missing; false when it does not begin with one.
    /// </summary>
    public static bool TryReadHead(ReadOnlySpan<byte> record, out RecordHead head) =>
        RecordFields.TryReadHead(record, out head);

    /// <summary>Finds the fields of an encoded record of the log's own; false when it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> record, out RecordView view) => RecordView.TryParse(record, out view);
}

/// <summary>What a record says before its content.</summary>
/// <param name="Offset">The record's offset.</param>
/// <param name="TimestampMs">Unix milliseconds.</param>
/// <param name="BatchCount">
/// How many records, from this one on, are one batch; 1 inside of one or where there is none.
/// </param>
internal readonly record struct RecordHead(long Offset, long TimestampMs, int BatchCount);

/// <summary>What a batch's first record says of the batch.</summary>
/// <param name="Stamp">Its producer, or null.</param>
/// <param name="Any">
/// Whether there is a field that only a batch's first record has, also one of those reserved for later.
/// </param>
internal readonly record struct BatchFields(BatchStamp? Stamp, bool Any);
