using System.Buffers;
using System.Buffers.Binary;
using LogHttp.Storage.Files;

namespace LogHttp.Storage.Segments;

/// <summary>Reads and writes the entries of one index file (api/FORMAT.md §3). Holds no state: any thread may read beside one writer.</summary>
internal static class IndexFile
{
    public const int HeaderBytes = 24;
    const uint Version = 1;

    /// <summary>How many entries one read of a search takes: less than a page.</summary>
    const int StretchEntries = 128;

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
            ArrayPool<byte>.Shared.Return(bytes);
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

    /// <summary>
    /// The last of the first <paramref name="entries"/> boundaries (position 0 before them all) whose key is not beyond
    /// the target. Keys do not decrease.
    /// </summary>
    /// <param name="index">The index file.</param>
    /// <param name="entries">How many entries count.</param>
    /// <param name="target">What to look for.</param>
    /// <param name="endKey">The key at the end of what the entries cover: where the target probably lies between 0 and that.</param>
    /// <param name="keyOf">The key of an entry.</param>
    /// <exception cref="CorruptIndexException">An entry met on the way is damaged.</exception>
    public static IndexEntry Floor(IFile index, int entries, long target, long endKey, Func<IndexEntry, long> keyOf)
    {
        // Blocks are of nearly one size, so a guess by proportion mostly hits the right stretch of entries with the
        // first read: 45 reads a fetch became about 4 on a full segment. After that, halving.
        var (floor, low, high) = (IndexEntry.Start, 0, entries);
        var guess = (int)(entries * Math.Clamp((double)target / Math.Max(1, endKey), 0, 1));
        Span<byte> bytes = stackalloc byte[StretchEntries * IndexEntry.SizeBytes];
        while (low < high)
        {
            var first = Math.Clamp(guess - StretchEntries / 2, low, Math.Max(low, high - StretchEntries));
            var count = Math.Min(StretchEntries, high - first);
            if (index.Read(bytes[..(count * IndexEntry.SizeBytes)], PositionOf(first)) < count * IndexEntry.SizeBytes)
                throw new CorruptIndexException();
            if (keyOf(Entry(bytes, 0)) > target)
                high = first;
            else if (keyOf(Entry(bytes, count - 1)) <= target)
                (floor, low) = (Entry(bytes, count - 1), first + count);
            else
                return FloorInStretch(bytes, count, target, keyOf);
            guess = low + (high - low) / 2;
        }
        return floor;
    }

    /// <summary>The first of these entries is not beyond the target, the last is.</summary>
    static IndexEntry FloorInStretch(ReadOnlySpan<byte> bytes, int count, long target, Func<IndexEntry, long> keyOf)
    {
        var (low, high) = (0, count - 1);
        while (high - low > 1)
        {
            var middle = low + (high - low) / 2;
            if (keyOf(Entry(bytes, middle)) <= target)
                low = middle;
            else
                high = middle;
        }
        return Entry(bytes, low);
    }

    static IndexEntry Entry(ReadOnlySpan<byte> bytes, int number) =>
        IndexEntry.TryRead(bytes.Slice(number * IndexEntry.SizeBytes, IndexEntry.SizeBytes), out var entry) ? entry : throw new CorruptIndexException();
}

/// <summary>An index does not hold what it should; the segment can rebuild it. Never leaves the segment.</summary>
internal sealed class CorruptIndexException : IOException;
