using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Limits;

/// <summary>
/// Bounds the number of requests that wait for records at once, both long polls and followers. Any thread.
/// </summary>
internal sealed class WaitingRequests(int maxWaiting)
{
    int _count;

    public int Count => Volatile.Read(ref _count);

    /// <summary>The response to a request beyond the bound.</summary>
    public Problem Problem { get; } =
        new(
            StatusCodes.Status503ServiceUnavailable,
            "overloaded",
            $"{maxWaiting} requests wait for records already (MaxWaiting).",
            IsRetryable: true
        );

    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _count) <= maxWaiting)
            return true;
        Leave();
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _count);
}
