using System.Buffers.Binary;

namespace LogHttp.Storage.Journal;

/// <summary>Sizes of the journal's rounds and entries (api/FORMAT.md §8).</summary>
internal static class JournalFormat
{
    /// <summary>Rounds begin at multiples of this.</summary>
    public const int BlockBytes = 4096;

    /// <summary>The length of a round's head.</summary>
    public const int HeadBytes = 64;

    /// <summary>The length of an entry's head.</summary>
    public const int EntryHeadBytes = 40;

    /// <summary>The limit of one round with its head. A round of 4 MiB still has room for one large unit.</summary>
    public const int MaxRoundBytes = 8 << 20;

    internal const uint Version = 1;

    const int EntryAlignmentBytes = 8;

    internal static ReadOnlySpan<byte> Magic => "LHROUND0"u8;

    /// <summary>Returns the size of an entry with this payload, with its head and its padding.</summary>
    public static int EncodedBytes(int payloadBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(payloadBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payloadBytes, MaxRoundBytes - HeadBytes - EntryHeadBytes);
        return (EntryHeadBytes + payloadBytes + EntryAlignmentBytes - 1) / EntryAlignmentBytes * EntryAlignmentBytes;
    }

    /// <summary>Returns the first block boundary at or beyond a position.</summary>
    public static long Align(long position) => (position + BlockBytes - 1) / BlockBytes * BlockBytes;

    /// <summary>
    /// Checks that a round's body consists of exactly as many entries as its head counts. The caller checks the
    /// checksums.
    /// </summary>
    /// <param name="body">The bytes after the head.</param>
    /// <param name="entryCount">The head's count.</param>
    public static bool AreEntriesValid(ReadOnlySpan<byte> body, uint entryCount)
    {
        for (; entryCount > 0; entryCount--)
        {
            if (!JournalEntry.TryRead(body, out _, out _, out var encodedBytes))
                return false;
            body = body[encodedBytes..];
        }
        return body.IsEmpty;
    }

    internal static uint ReadU32(ReadOnlySpan<byte> bytes, int at) =>
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    internal static ulong ReadU64(ReadOnlySpan<byte> bytes, int at) =>
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    internal static void WriteU32(Span<byte> bytes, int at, uint value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[at..], value);

    internal static void WriteU64(Span<byte> bytes, int at, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[at..], value);
}
