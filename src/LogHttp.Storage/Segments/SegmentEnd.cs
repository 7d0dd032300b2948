namespace LogHttp.Storage.Segments;

/// <summary>The end of a segment, or of the part of it that readers may see.</summary>
/// <param name="Position">The position in bytes.</param>
/// <param name="NextOffset">The offset after the last record's.</param>
/// <param name="MaxTimestampMs">The largest timestamp before.</param>
/// <param name="IndexEntries">The number of index entries before.</param>
internal sealed record SegmentEnd(long Position, long NextOffset, long MaxTimestampMs, int IndexEntries);
