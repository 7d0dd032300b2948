using System.Buffers.Binary;
using System.Net;

namespace LogHttp.AspNetCore.Limits;

/// <summary>Distinguishes clients by their addresses. Any thread.</summary>
internal static class ClientAddress
{
    /// <summary>
    /// Returns the same number for all addresses of a client, because an IPv6 subscriber has a whole network of them.
    /// All clients without an address, as on a Unix socket, count as one.
    /// </summary>
    public static ulong NetworkOf(IPAddress? address)
    {
        if (address is null)
            return 0;
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address.TryWriteBytes(bytes, out var sizeBytes);
        // No IPv6 network with users begins with 32 zeros.
        return sizeBytes == 4
            ? BinaryPrimitives.ReadUInt32BigEndian(bytes)
            : BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }
}
