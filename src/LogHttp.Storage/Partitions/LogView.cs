using System.Collections.Immutable;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Partitions;

/// <summary>
/// The part of a partition that readers see at one moment. Immutable: the writer publishes a new view, and a reader
/// that took one needs no lock.
/// </summary>
/// <param name="Segments">All segments in order. The last one is active.</param>
/// <param name="End">The end of the visible part of the active segment.</param>
/// <param name="EarliestOffset">The earliest available offset.</param>
/// <param name="IsDurable">
/// Whether the whole view is known to be durable. With a lax flush policy it may become true late.
/// </param>
internal sealed record LogView(
    ImmutableArray<Segment> Segments,
    SegmentEnd End,
    long EarliestOffset,
    bool IsDurable = true
)
{
    /// <summary>
    /// Whether the active segment's index is complete. Otherwise pages end only at the existing entries.
    /// </summary>
    public bool IsIndexWhole { get; init; } = true;

    /// <summary>
    /// Completes when a repair has rewritten bytes that the disk may have lost. Readers wait for it. Null without a
    /// repair.
    /// </summary>
    public Task? Repaired { get; init; }

    /// <summary>
    /// The bytes that became visible to readers since the start. The difference between two views is the growth of the
    /// log.
    /// </summary>
    public long GrownBytes { get; init; }

    public long EndOffset => End.NextOffset;

    /// <summary>The size of the sealed segments and of the visible part of the active one.</summary>
    public long SizeBytes =>
        Segments.Take(Segments.Length - 1).Sum(static segment => segment.SealedBytes) + End.Position;

    public Segment Active => Segments[^1];

    /// <summary>
    /// Whether a sealed segment stays sealed. If the segment after it has no durable records, a start may remove that
    /// one, and this one grows again.
    /// </summary>
    public bool IsPermanentlySealed(Segment segment) => segment != Segments[^2] || (End.Position > 0 && IsDurable);

    /// <summary>
    /// Returns the number of the segment whose range of offsets contains this one. The offset itself may be in a gap.
    /// </summary>
    public int SegmentNumberOf(long offset)
    {
        var (low, high) = (0, Segments.Length - 1);
        while (low < high)
        {
            var middle = low + (high - low + 1) / 2;
            if (Segments[middle].BaseOffset <= offset)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }
}
