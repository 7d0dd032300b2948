namespace LogHttp.Server.Producing;

/// <summary>
/// Bounds what all request bodies under way hold together, and how long one may bring nothing: without it, a few
/// thousand uploads that stop half way hold all memory. Any thread.
/// </summary>
internal sealed class BodyBudget(long maxReadingBytes, TimeSpan timeout, TimeProvider time)
{
    long _readingBytes;

    /// <summary>How long to wait for the next piece of a body.</summary>
    public TimeSpan Timeout { get; } = timeout;

    public TimeProvider Time { get; } = time;

    public bool TryTake(long sizeBytes)
    {
        if (Interlocked.Add(ref _readingBytes, sizeBytes) <= maxReadingBytes)
            return true;
        GiveBack(sizeBytes);
        return false;
    }

    public void GiveBack(long sizeBytes) => Interlocked.Add(ref _readingBytes, -sizeBytes);
}
