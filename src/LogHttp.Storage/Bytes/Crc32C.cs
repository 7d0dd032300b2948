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
    /// The bytes of one of three parts whose checksums are computed side by side. The instruction takes three cycles,
    /// but one can begin in each cycle: a block of 4 KiB took half the time.
    /// </summary>
    const int PartBytes = 256;

    /// <summary>What each byte of a checksum becomes behind as many zeros as a part has bytes.</summary>
    static readonly uint[] BehindPart = MakeBehindPart();

    /// <summary>
    /// Extends the checksum <paramref name="crc"/> by <paramref name="bytes"/>. 0 is the checksum of no bytes.
    /// </summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        crc = ~crc;
        for (; bytes.Length >= 3 * PartBytes; bytes = bytes[(3 * PartBytes)..])
        {
            var second = bytes.Slice(PartBytes, PartBytes);
            var third = bytes.Slice(2 * PartBytes, PartBytes);
            var (secondCrc, thirdCrc) = (0U, 0U);
            for (var position = 0; position < PartBytes; position += sizeof(ulong))
            {
                crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes[position..]));
                secondCrc = BitOperations.Crc32C(
                    secondCrc,
                    BinaryPrimitives.ReadUInt64LittleEndian(second[position..])
                );
                thirdCrc = BitOperations.Crc32C(thirdCrc, BinaryPrimitives.ReadUInt64LittleEndian(third[position..]));
            }
            crc = SkipPart(SkipPart(crc) ^ secondCrc) ^ thirdCrc;
        }
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var value in bytes)
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    public static uint Of(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    /// <summary>Returns the checksum's state behind a part of zeros.</summary>
    static uint SkipPart(uint crc) =>
        BehindPart[crc & 0xff]
        ^ BehindPart[0x100 + ((crc >> 8) & 0xff)]
        ^ BehindPart[0x200 + ((crc >> 16) & 0xff)]
        ^ BehindPart[0x300 + (crc >> 24)];

    static uint[] MakeBehindPart()
    {
        var table = new uint[sizeof(uint) * 0x100];
        for (var entry = 0; entry < table.Length; entry++)
        {
            var crc = (uint)(entry & 0xff) << (entry / 0x100 * 8);
            for (var skipped = 0; skipped < PartBytes; skipped += sizeof(ulong))
                crc = BitOperations.Crc32C(crc, 0UL);
            table[entry] = crc;
        }
        return table;
    }
}
