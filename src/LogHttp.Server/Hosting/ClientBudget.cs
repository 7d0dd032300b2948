namespace LogHttp.Server.Hosting;

/// <summary>Bounds bytes that requests hold, in total and for each client. Any thread.</summary>
internal sealed class ClientBudget(long maxBytes, long maxClientBytes)
{
    /// <summary>Clients are counted in so many buckets: a table by address would grow with the number of clients.</summary>
    const int Buckets = 1 << 12;

    readonly long[] _clientBytes = new long[Buckets];
    long _heldBytes;

    public long HeldBytes => Volatile.Read(ref _heldBytes);

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
        var isTooMuch = Interlocked.Add(ref _heldBytes, moreBytes) > maxBytes;
        isTooMuch |= Interlocked.Add(ref clientBytes, moreBytes) > maxClientBytes;
        if (isTooMuch && moreBytes > 0)
        {
            Interlocked.Add(ref _heldBytes, -moreBytes);
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
