namespace LogHttp.Storage.Reading;

/// <summary>What a fetch found at a place.</summary>
public enum FetchStatus
{
    /// <summary>Records: <see cref="FetchResult.Region"/> holds them.</summary>
    Page,

    /// <summary>The place is the end of the log; nothing is there yet.</summary>
    AtEnd,

    /// <summary>The place lies before the earliest record there is.</summary>
    BelowEarliest,

    /// <summary>The place lies beyond the end of the log.</summary>
    BeyondEnd,
}

/// <summary>The answer to a fetch. Whoever gets one with a region disposes of it once the bytes are sent.</summary>
/// <param name="Status">What was found.</param>
/// <param name="EarliestOffset">The first offset there is.</param>
/// <param name="EndOffset">The offset after the last one readers may see.</param>
/// <param name="FirstOffset">The first record's offset; the place's own where there is no page.</param>
/// <param name="NextOffset">Where the next fetch goes on.</param>
/// <param name="Region">The bytes, or null where there is no page.</param>
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
    /// Whether all of the page is durable, as far as is known: with a lax flush policy that may be said late.
    /// </summary>
    public bool IsDurable { get; init; }

    /// <summary>
    /// Whether the page will be the same for ever: it is durable, and its end does not move when the log grows.
    /// </summary>
    public bool IsFinal { get; init; }

    /// <summary>Gives the region's lease back.</summary>
    public void Dispose() => Region?.Dispose();
}
