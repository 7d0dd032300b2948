using System.Buffers.Binary;
using System.Numerics;

namespace LogHttp.Storage.Bytes;

/// <summary>
/// CRC-32C over a stream of bytes. System.IO.Hashing has no Castagnoli polynomial. The framework's
/// <see cref="BitOperations.Crc32C(uint, ulong)"/> uses the processor's instruction if it has one.
/// </summary>
internal static class Crc32C
{
    /// <summary>
    /// Extends the checksum <paramref name="crc"/> by <paramref name="bytes"/>. 0 is the checksum of no bytes.
    /// </summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        crc = ~crc;
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }
        foreach (var value in bytes)
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    public static uint Of(ReadOnlySpan<byte> bytes) => Append(0, bytes);
}
