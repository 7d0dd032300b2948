using System.Net;

namespace LogHttp.AspNetCore.Limits;

/// <summary>Bounds bytes that requests hold, in total and for each client. Any thread.</summary>
internal sealed class ClientBudget(long maxBytes, long maxClientBytes)
{
    /// <summary>The number of buckets of clients. A table by address would grow with the number of clients.</summary>
    const int Buckets = 1 << 12;

    /// <summary>Stands for many clients, for which only the bound in total holds.</summary>
    public const int NoBucket = -1;

    readonly long[] _clientBytes = new long[Buckets];
    long _heldBytes;

    public long HeldBytes => Volatile.Read(ref _heldBytes);

    /// <summary>
    /// Counts the bytes that a request holds now, more or fewer than before. Returns false and changes nothing if the
    /// budget has no room.
    /// </summary>
    /// <param name="client">The request, or null without a client.</param>
    /// <param name="heldBytes">The bytes counted for the request. Updated.</param>
    /// <param name="neededBytes">The bytes that the request holds.</param>
    public bool TryHold(HttpContext? client, ref long heldBytes, long neededBytes) =>
        neededBytes == heldBytes || TryHold(BucketOf(client?.Connection.RemoteIpAddress), ref heldBytes, neededBytes);

    /// <summary>
    /// Counts the bytes that are held now, more or fewer than before. Returns false and changes nothing if the budget
    /// has no room.
    /// </summary>
    /// <param name="bucket">The client's, or <see cref="NoBucket"/>.</param>
    /// <param name="heldBytes">The bytes counted so far. Updated.</param>
    /// <param name="neededBytes">The bytes that are held.</param>
    public bool TryHold(int bucket, ref long heldBytes, long neededBytes)
    {
        var moreBytes = neededBytes - heldBytes;
        if (moreBytes == 0)
            return true;
        var isTooMuch = Interlocked.Add(ref _heldBytes, moreBytes) > maxBytes;
        if (bucket != NoBucket)
            isTooMuch |= Interlocked.Add(ref _clientBytes[bucket], moreBytes) > maxClientBytes;
        if (isTooMuch && moreBytes > 0)
        {
            Interlocked.Add(ref _heldBytes, -moreBytes);
            if (bucket != NoBucket)
                Interlocked.Add(ref _clientBytes[bucket], -moreBytes);
            return false;
        }
        heldBytes = neededBytes;
        return true;
    }

    /// <summary>The bucket of a client's address.</summary>
    public static int BucketOf(IPAddress? address) =>
        HashCode.Combine(ClientAddress.NetworkOf(address)) & (Buckets - 1);

    /// <summary>Gives back all that a request holds.</summary>
    public void Release(HttpContext? client, ref long heldBytes)
    {
        if (heldBytes > 0)
            TryHold(client, ref heldBytes, 0);
    }
}
