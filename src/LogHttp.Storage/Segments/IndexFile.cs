using System.Buffers;
using System.Buffers.Binary;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Files;

namespace LogHttp.Storage.Segments;

/// <summary>
/// Reads and writes the entries of one index file (api/FORMAT.md §3). Holds no state: any thread may read beside one
/// writer.
/// </summary>
internal static class IndexFile
{
    public const int HeaderBytes = 24;
    const uint Version = 1;

    static ReadOnlySpan<byte> Magic => "LHINDEX0"u8;

    public static long PositionOf(int entry) => HeaderBytes + (long)entry * IndexEntry.SizeBytes;

    public static void WriteHeader(IFile index, long baseOffset)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        EncodeHeader(header, baseOffset);
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

    /// <summary>
    /// Writes entries from the numbered one on, in one call. It writes the header again with the first entry, because a
    /// failed sync of the file system may have lost it.
    /// </summary>
    public static void Write(IFile index, long baseOffset, int firstEntry, ReadOnlySpan<IndexEntry> entries)
    {
        if (entries.IsEmpty)
            return;
        var headerBytes = firstEntry == 0 ? HeaderBytes : 0;
        var sizeBytes = headerBytes + entries.Length * IndexEntry.SizeBytes;
        var bytes = ArrayPool<byte>.Shared.Rent(sizeBytes);
        if (headerBytes > 0)
            EncodeHeader(bytes, baseOffset);
        for (var i = 0; i < entries.Length; i++)
            entries[i].Write(bytes.AsSpan(headerBytes + i * IndexEntry.SizeBytes));
        try
        {
            index.Write(bytes.AsSpan(0, sizeBytes), PositionOf(firstEntry) - headerBytes);
        }
        finally
        {
            PooledArray.Return(bytes);
        }
    }

    static void EncodeHeader(Span<byte> header, long baseOffset)
    {
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Version);
        BinaryPrimitives.WriteInt64LittleEndian(header[12..], baseOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], Crc32C.Of(header[..20]));
    }

    /// <summary>Removes everything after the first so many entries.</summary>
    public static void Truncate(IFile index, int entries)
    {
        if (index.LengthBytes > PositionOf(entries))
            index.Truncate(PositionOf(entries));
    }

    /// <summary>Reads one entry. Returns null if its CRC is wrong or the file ends before it.</summary>
    public static IndexEntry? TryRead(IFile index, int entry)
    {
        Span<byte> bytes = stackalloc byte[IndexEntry.SizeBytes];
        return index.Read(bytes, PositionOf(entry)) == bytes.Length && IndexEntry.TryRead(bytes, out var read)
            ? read
            : null;
    }
}

/// <summary>Thrown when an index is wrong. The segment can rebuild it, so this never leaves the segment.</summary>
internal sealed class CorruptIndexException : IOException;
