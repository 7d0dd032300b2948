using System.Buffers.Binary;
using LogHttp.Storage.Bytes;

namespace LogHttp.Storage.Segments;

/// <summary>One boundary of a segment, as the index keeps it (api/FORMAT.md §3).</summary>
/// <param name="RelativeOffset">
/// The offset after the last record before the boundary, less the segment's base offset.
/// </param>
/// <param name="Position">The boundary's position.</param>
/// <param name="MaxTimestampMs">The largest timestamp before the boundary.</param>
/// <param name="BlockCrc">CRC-32C of the block that ends here.</param>
internal readonly record struct IndexEntry(uint RelativeOffset, uint Position, long MaxTimestampMs, uint BlockCrc)
{
    public const int SizeBytes = 24;

    /// <summary>Position 0, a boundary of every segment. No index has an entry for it.</summary>
    public static readonly IndexEntry Start = new(0, 0, -1, 0);

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, RelativeOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Position);
        BinaryPrimitives.WriteInt64LittleEndian(destination[8..], MaxTimestampMs);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[16..], BlockCrc);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[20..], Crc32C.Of(destination[..20]));
    }

    /// <summary>Reads an entry. Returns false if its CRC is wrong.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out IndexEntry entry)
    {
        entry = new(
            BinaryPrimitives.ReadUInt32LittleEndian(source),
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[16..])
        );
        return BinaryPrimitives.ReadUInt32LittleEndian(source[20..]) == Crc32C.Of(source[..20]);
    }
}
