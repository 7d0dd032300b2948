namespace LogHttp.Storage.Segments;

/// <summary>Blocks of a segment that a verification found damaged. They are not sent to readers.</summary>
/// <param name="Position">The position of the first block.</param>
/// <param name="EndPosition">The position after the last block.</param>
/// <param name="NextOffset">The offset after the blocks, or null for the segment's own next offset.</param>
/// <param name="Reason">The content that was expected, and the content that was found.</param>
internal sealed record DamagedRange(long Position, long EndPosition, long? NextOffset, string Reason);

/// <summary>A damaged range with its segment, as a checkpoint has it.</summary>
internal sealed record SegmentDamage(long Segment, DamagedRange Range);
