namespace LogHttp.Storage.Segments;

/// <summary>Where a segment, or what readers may see of it, ends.</summary>
/// <param name="Position">In bytes.</param>
/// <param name="NextOffset">The offset after the last record's.</param>
/// <param name="MaxTimestampMs">The largest timestamp before.</param>
/// <param name="IndexEntries">How many index entries lie before.</param>
internal sealed record SegmentEnd(long Position, long NextOffset, long MaxTimestampMs, int IndexEntries);
