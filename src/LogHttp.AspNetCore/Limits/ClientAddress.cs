using System.Buffers.Binary;
using System.Net;

namespace LogHttp.AspNetCore.Limits;

/// <summary>Tells clients apart by their addresses. Any thread.</summary>
internal static class ClientAddress
{
    /// <summary>
    /// The same number for all addresses of a client: a subscriber of IPv6 has a whole network of them. Who has none,
    /// as on a Unix socket, is one client.
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
        // No network of IPv6 that has users begins with 32 zeros.
        return sizeBytes == 4
            ? BinaryPrimitives.ReadUInt32BigEndian(bytes)
            : BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }
}
