using LogHttp.Storage.Producers;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>A place between two batches, with all that must be known to continue from there.</summary>
/// <param name="Cursor">The place.</param>
/// <param name="LastStampMs">The last timestamp that the server gave out before it, Unix milliseconds.</param>
/// <param name="Producers">
/// The producers at that place: a later table would know batches that a power cut can take.
/// </param>
/// <param name="IsJournaled">
/// Whether the journal decides that the log ends here. Else a start finds the end by reading.
/// </param>
internal readonly record struct LogState(
    SegmentCursor Cursor,
    long LastStampMs,
    ProducerTable Producers,
    bool IsJournaled
)
{
    /// <summary>What readers see of the active segment where this is the end.</summary>
    public SegmentEnd End => new(Cursor.Position, Cursor.NextOffset, Cursor.MaxTimestampMs, Cursor.IndexEntries);
}
