using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Reading;

/// <summary>The result of a fetch at a place.</summary>
public enum FetchStatus
{
    /// <summary>Records were found. <see cref="FetchResult.Region"/> has them.</summary>
    Page,

    /// <summary>The place is the end of the log. Nothing is there yet.</summary>
    AtEnd,

    /// <summary>The place lies before the earliest available record.</summary>
    BelowEarliest,

    /// <summary>The place lies beyond the end of the log.</summary>
    BeyondEnd,
}

/// <summary>The response to a fetch. The caller disposes of one with a region once the bytes are sent.</summary>
/// <param name="Status">Whether there is a page.</param>
/// <param name="EarliestOffset">The earliest available offset.</param>
/// <param name="EndOffset">The offset after the last one readers may see.</param>
/// <param name="FirstOffset">The first record's offset, or the place's own if there is no page.</param>
/// <param name="NextOffset">The offset at which the next fetch resumes.</param>
/// <param name="Region">The bytes, or null if there is no page.</param>
public sealed record FetchResult(
    FetchStatus Status,
    long EarliestOffset,
    long EndOffset,
    long FirstOffset,
    long NextOffset,
    LogRegion? Region = null
) : IDisposable
{
    /// <summary>
    /// Whether all of the page is known to be durable. With a lax flush policy this may become true late.
    /// </summary>
    public bool IsDurable { get; init; }

    /// <summary>
    /// Whether the page will stay the same for ever: it is durable, and its end does not move when the log grows.
    /// </summary>
    public bool IsFinal { get; init; }

    /// <summary>
    /// Whether the read has reached its <see cref="ReadBounds"/>, so that no record can come to the page any more.
    /// </summary>
    public bool IsComplete { get; init; }

    /// <summary>
    /// An object that the caller keeps beside the page, as long as the page is cached, because it depends only on the
    /// page. Null for a page whose end moves when the log grows, and for one that is read the first time. Any thread.
    /// The last one that is set stays.
    /// </summary>
    public object? Companion
    {
        get => FixedPage?.Companion;
        set
        {
            if (FixedPage is not null)
                FixedPage.Companion = value;
        }
    }

    internal FoundPage? FixedPage { get; init; }

    /// <summary>
    /// Returns the page up to a position in its region. It has the same lease, so only this page or that one is
    /// disposed of.
    /// </summary>
    /// <param name="position">The position after the last record, in bytes.</param>
    /// <param name="nextOffset">The offset after the last record.</param>
    public FetchResult EndAt(long position, long nextOffset) =>
        this with
        {
            NextOffset = nextOffset,
            Region = Region?.EndAt(position),
            // The end stays where it is, because the records before it do.
            IsFinal = IsDurable && Region?.Segment.Damage.Count == 0,
            IsComplete = true,
            FixedPage = null,
        };

    /// <summary>Returns the region's lease.</summary>
    public void Dispose() => Region?.Dispose();
}
