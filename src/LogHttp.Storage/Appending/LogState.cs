using LogHttp.Storage.Producers;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>A position between two batches, with the state needed to continue from there.</summary>
/// <param name="Cursor">The position.</param>
/// <param name="LastStampMs">The server's last timestamp before the position, Unix milliseconds.</param>
/// <param name="Producers">
/// The producers at that position. A later table could have batches that a power cut removes.
/// </param>
/// <param name="IsJournaled">
/// Whether the journal decides that the log ends here. Otherwise a start finds the end by reading.
/// </param>
internal readonly record struct LogState(
    SegmentCursor Cursor,
    long LastStampMs,
    ProducerTable Producers,
    bool IsJournaled
)
{
    /// <summary>The end of the active segment that readers see if this is the end of the log.</summary>
    public SegmentEnd End => EndOf(Cursor);

    /// <summary>Returns the end of a segment that ends at a position.</summary>
    public static SegmentEnd EndOf(in SegmentCursor cursor) =>
        new(cursor.Position, cursor.NextOffset, cursor.MaxTimestampMs, cursor.IndexEntries);
}
