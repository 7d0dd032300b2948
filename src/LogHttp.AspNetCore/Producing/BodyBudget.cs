using LogHttp.AspNetCore.Limits;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// Bounds the memory that all request bodies really hold, in total and for each client, and the least rate of a body.
/// Without it, a few thousand uploads that stop half way hold all memory. Any thread.
/// </summary>
/// <param name="limits">The bounds.</param>
/// <param name="time">The clock.</param>
internal sealed class BodyBudget(BodyLimits limits, TimeProvider time)
{
    readonly ClientBudget _budget = new(limits.MaxReadingBytes, limits.MaxClientReadingBytes);

    public BodyLimits Limits => limits;

    /// <summary>How long to wait for the next piece of a body.</summary>
    public TimeSpan Timeout => limits.Timeout;

    public TimeProvider Time => time;

    public long ReadingBytes => _budget.HeldBytes;

    /// <inheritdoc cref="ClientBudget.TryHold(HttpContext?, ref long, long)"/>
    public bool TryHold(HttpContext? client, ref long heldBytes, long neededBytes) =>
        _budget.TryHold(client, ref heldBytes, neededBytes);

    /// <inheritdoc cref="ClientBudget.Release"/>
    public void Release(HttpContext? client, ref long heldBytes) => _budget.Release(client, ref heldBytes);
}

/// <summary>The bounds of request bodies.</summary>
/// <param name="MaxReadingBytes">The most bytes that all bodies hold.</param>
/// <param name="MaxClientReadingBytes">The most bytes that the bodies of one client hold.</param>
/// <param name="MinBytesPerSecond">
/// The least rate of a body, over a window of <paramref name="Timeout"/> and some seconds.
/// </param>
/// <param name="Timeout">The longest time without a byte.</param>
internal sealed record BodyLimits(
    long MaxReadingBytes,
    long MaxClientReadingBytes,
    int MinBytesPerSecond,
    TimeSpan Timeout
);
