using System.Buffers.Binary;
using System.Numerics;

namespace LogHttp.Storage.Bytes;

/// <summary>
/// CRC-32C over a stream of bytes. System.IO.Hashing has no Castagnoli polynomial; the framework's
/// <see cref="BitOperations.Crc32C(uint, ulong)"/> is the processor's own instruction where there is one.
/// </summary>
internal static class Crc32C
{
    /// <summary>
    /// The checksum of what <paramref name="crc"/> covers followed by <paramref name="bytes"/>; 0 covers nothing.
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
