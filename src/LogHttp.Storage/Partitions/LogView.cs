using System.Collections.Immutable;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Partitions;

/// <summary>
/// What readers may see of a partition at one moment. Immutable: the writer publishes a new one, and a reader that took
/// one needs no lock.
/// </summary>
/// <param name="Segments">All segments in order; the last is the active one.</param>
/// <param name="End">Where the visible part of the active segment ends.</param>
/// <param name="EarliestOffset">The first offset readers may have.</param>
/// <param name="IsDurable">
/// Whether all of it is known to be durable; with a lax flush policy that may be said late.
/// </param>
internal sealed record LogView(
    ImmutableArray<Segment> Segments,
    SegmentEnd End,
    long EarliestOffset,
    bool IsDurable = true
)
{
    /// <summary>
    /// Whether the active segment's index has all its entries; else pages end only where those do that there are.
    /// </summary>
    public bool IsIndexWhole { get; init; } = true;

    /// <summary>
    /// While bytes are written again that the disk may have lost: ends when they are. Readers wait for it.
    /// </summary>
    public Task? Repaired { get; init; }

    /// <summary>
    /// How much readers have come to see since the start, in bytes; says how far the log grew between two views.
    /// </summary>
    public long GrownBytes { get; init; }

    public long EndOffset => End.NextOffset;

    /// <summary>The size of all segments, and of the visible part of the active one.</summary>
    public long SizeBytes =>
        Segments.Take(Segments.Length - 1).Sum(static segment => segment.SealedBytes) + End.Position;

    public Segment Active => Segments[^1];

    /// <summary>
    /// Whether a sealed segment stays so. As long as the one after it has nothing durable, a start may take that away,
    /// and this one grows again.
    /// </summary>
    public bool IsSealedForGood(Segment segment) => segment != Segments[^2] || (End.Position > 0 && IsDurable);

    /// <summary>The number of the segment that holds an offset, or would if there were no gap.</summary>
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
