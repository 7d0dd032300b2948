namespace LogHttp.Storage.Segments;

/// <summary>
/// Blocks of a segment that a verification found not to be what was written; they are not sent to anybody.
/// </summary>
/// <param name="Position">Where the first of them begins.</param>
/// <param name="EndPosition">Where the last of them ends.</param>
/// <param name="NextOffset">The offset after them; null where that is the segment's own.</param>
/// <param name="Reason">What was expected and found.</param>
internal sealed record DamagedRange(long Position, long EndPosition, long? NextOffset, string Reason);

/// <summary>The same, of a segment that is named; as a checkpoint has it.</summary>
internal sealed record SegmentDamage(long Segment, DamagedRange Range);
