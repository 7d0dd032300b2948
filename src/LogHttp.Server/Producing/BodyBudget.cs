using LogHttp.Server.Hosting;

namespace LogHttp.Server.Producing;

/// <summary>
/// Bounds the memory that all request bodies under way really hold, in total and for each client, and how slowly a body may
/// come: without it, a few thousand uploads that stop half way hold all memory. Any thread.
/// </summary>
/// <param name="limits">The bounds.</param>
/// <param name="time">The clock.</param>
internal sealed class BodyBudget(BodyLimits limits, TimeProvider time)
{
    /// <summary>Clients are counted in so many buckets: a table by address would grow with the number of clients.</summary>
    const int Buckets = 1 << 12;

    readonly long[] _clientBytes = new long[Buckets];
    long _readingBytes;

    public BodyLimits Limits => limits;

    /// <summary>How long to wait for the next piece of a body.</summary>
    public TimeSpan Timeout => limits.Timeout;

    public TimeProvider Time => time;

    public long ReadingBytes => Volatile.Read(ref _readingBytes);

    /// <summary>Counts what a request holds by now, more or less than before; false, and nothing changes, where there is no room.</summary>
    /// <param name="client">The request; null for one without a client.</param>
    /// <param name="heldBytes">What was counted for it, brought up to date.</param>
    /// <param name="neededBytes">What it holds.</param>
    public bool TryHold(HttpContext? client, ref long heldBytes, long neededBytes)
    {
        var moreBytes = neededBytes - heldBytes;
        if (moreBytes == 0)
            return true;
        ref var clientBytes = ref _clientBytes[BucketOf(client)];
        var isTooMuch = Interlocked.Add(ref _readingBytes, moreBytes) > limits.MaxReadingBytes;
        isTooMuch |= Interlocked.Add(ref clientBytes, moreBytes) > limits.MaxClientReadingBytes;
        if (isTooMuch && moreBytes > 0)
        {
            Interlocked.Add(ref _readingBytes, -moreBytes);
            Interlocked.Add(ref clientBytes, -moreBytes);
            return false;
        }
        heldBytes = neededBytes;
        return true;
    }

    /// <summary>Gives back all that a request holds.</summary>
    public void GiveBack(HttpContext? client, ref long heldBytes)
    {
        if (heldBytes > 0)
            TryHold(client, ref heldBytes, 0);
    }

    static int BucketOf(HttpContext? client) =>
        HashCode.Combine(ClientLimit.ClientOf(client?.Connection.RemoteIpAddress)) & (Buckets - 1);
}

/// <summary>The bounds of request bodies.</summary>
/// <param name="MaxReadingBytes">What all hold.</param>
/// <param name="MaxClientReadingBytes">What those of one client hold.</param>
/// <param name="MinBytesPerSecond">How fast a body must come, over a window of <paramref name="Timeout"/> and some seconds.</param>
/// <param name="Timeout">How long it may bring nothing.</param>
internal sealed record BodyLimits(long MaxReadingBytes, long MaxClientReadingBytes, int MinBytesPerSecond, TimeSpan Timeout);
