using System.Buffers;
using System.Buffers.Binary;
using LogHttp.Storage.Files;

namespace LogHttp.Storage.Segments;

/// <summary>Reads and writes the entries of one index file (api/FORMAT.md §3). Holds no state: any thread may read beside one writer.</summary>
internal static class IndexFile
{
    public const int HeaderBytes = 24;
    const uint Version = 1;

    static ReadOnlySpan<byte> Magic => "LHINDEX0"u8;

    public static long PositionOf(int entry) => HeaderBytes + (long)entry * IndexEntry.SizeBytes;

    public static void WriteHeader(IFile index, long baseOffset)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Version);
        BinaryPrimitives.WriteInt64LittleEndian(header[12..], baseOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], Crc32C.Of(header[..20]));
        index.Write(header, 0);
    }

    public static bool HasHeader(IFile index, long baseOffset)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        return index.Read(header, 0) == HeaderBytes
            && BinaryPrimitives.ReadUInt32LittleEndian(header[20..]) == Crc32C.Of(header[..20])
            && header.StartsWith(Magic)
            && BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) == Version
            && BinaryPrimitives.ReadInt64LittleEndian(header[12..]) == baseOffset;
    }

    /// <summary>Writes entries from the numbered one on, in one call.</summary>
    public static void Write(IFile index, int firstEntry, ReadOnlySpan<IndexEntry> entries)
    {
        if (entries.IsEmpty)
            return;
        var bytes = ArrayPool<byte>.Shared.Rent(entries.Length * IndexEntry.SizeBytes);
        for (var i = 0; i < entries.Length; i++)
            entries[i].Write(bytes.AsSpan(i * IndexEntry.SizeBytes));
        try
        {
            index.Write(bytes.AsSpan(0, entries.Length * IndexEntry.SizeBytes), PositionOf(firstEntry));
        }
        finally
        {
            PooledArray.Return(bytes);
        }
    }

    /// <summary>Takes away whatever follows the first so many entries.</summary>
    public static void Truncate(IFile index, int entries)
    {
        if (index.LengthBytes > PositionOf(entries))
            index.Truncate(PositionOf(entries));
    }

    /// <summary>Reads one entry; null when its CRC does not hold or the file ends before it.</summary>
    public static IndexEntry? TryRead(IFile index, int entry)
    {
        Span<byte> bytes = stackalloc byte[IndexEntry.SizeBytes];
        return index.Read(bytes, PositionOf(entry)) == bytes.Length && IndexEntry.TryRead(bytes, out var read) ? read : null;
    }
}

/// <summary>An index does not hold what it should; the segment can rebuild it. Never leaves the segment.</summary>
internal sealed class CorruptIndexException : IOException;
