using LogHttp.Storage.Bytes;
using static LogHttp.Storage.Journal.JournalFormat;

namespace LogHttp.Storage.Journal;

/// <summary>The head of a round (api/FORMAT.md §8).</summary>
/// <param name="EntryCount">The number of entries in the round.</param>
/// <param name="Epoch">A random number, new for each use of a file.</param>
/// <param name="Number">The round's number, from 1.</param>
/// <param name="OldestNeeded">The oldest round that recovery still needs, from 1 to <paramref name="Number"/>.</param>
/// <param name="LengthBytes">The round's length with its head, without the padding to the next block.</param>
/// <param name="PreviousHeadChecksum">The head checksum of the round before. 0 for the first round ever.</param>
/// <param name="BodyChecksum">CRC-32C of the bytes after the head.</param>
internal readonly record struct RoundHead(
    uint EntryCount,
    ulong Epoch,
    ulong Number,
    ulong OldestNeeded,
    int LengthBytes,
    uint PreviousHeadChecksum,
    uint BodyChecksum
)
{
    const int ChecksumAt = 60;

    // Each entry takes at least its head, so the length bounds the count.
    bool IsValid =>
        LengthBytes is >= HeadBytes and <= MaxRoundBytes
        && EntryCount <= (uint)(LengthBytes - HeadBytes) / EntryHeadBytes
        && Number >= 1
        && OldestNeeded >= 1
        && OldestNeeded <= Number;

    /// <summary>Writes the head's 64 bytes and returns the head checksum.</summary>
    /// <exception cref="ArgumentException">The format has no such head.</exception>
    public uint Write(Span<byte> destination)
    {
        if (!IsValid)
            throw new ArgumentException($"{this} is not a valid round head.");
        destination = destination[..HeadBytes];
        Magic.CopyTo(destination);
        WriteU32(destination, 8, JournalFormat.Version);
        WriteU32(destination, 12, EntryCount);
        WriteU64(destination, 16, Epoch);
        WriteU64(destination, 24, Number);
        WriteU64(destination, 32, OldestNeeded);
        WriteU32(destination, 40, (uint)LengthBytes);
        WriteU32(destination, 44, PreviousHeadChecksum);
        WriteU32(destination, 48, BodyChecksum);
        WriteU64(destination, 52, 0);
        var checksum = Crc32C.Of(destination[..ChecksumAt]);
        WriteU32(destination, ChecksumAt, checksum);
        return checksum;
    }

    /// <summary>
    /// Reads a head. Returns false if the bytes are no valid head of this version. Then <paramref name="head"/> still
    /// has their values if <see cref="IsWritten"/> holds.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out RoundHead head, out uint headChecksum)
    {
        head = default;
        headChecksum = 0;
        if (!IsWritten(source))
            return false;
        head = new(
            ReadU32(source, 12),
            ReadU64(source, 16),
            ReadU64(source, 24),
            ReadU64(source, 32),
            (int)ReadU32(source, 40),
            ReadU32(source, 44),
            ReadU32(source, 48)
        );
        headChecksum = ReadU32(source, ChecksumAt);
        return VersionOf(source) == JournalFormat.Version && ReadU64(source, 52) == 0 && head.IsValid;
    }

    /// <summary>
    /// Returns whether the magic and the checksum are correct. Then a server wrote this head, perhaps in another
    /// version.
    /// </summary>
    public static bool IsWritten(ReadOnlySpan<byte> source) =>
        source.Length >= HeadBytes
        && source.StartsWith(Magic)
        && ReadU32(source, ChecksumAt) == Crc32C.Of(source[..ChecksumAt]);

    /// <summary>Returns the version of a head for which <see cref="IsWritten"/> holds.</summary>
    public static uint VersionOf(ReadOnlySpan<byte> source) => ReadU32(source, 8);

    /// <summary>Returns the epoch of a head for which <see cref="IsWritten"/> holds, in every version.</summary>
    public static ulong EpochOf(ReadOnlySpan<byte> source) => ReadU64(source, 16);

    /// <summary>Returns whether a whole round is valid: its length, its body checksum and its entries.</summary>
    public bool IsBodyValid(ReadOnlySpan<byte> body) =>
        body.Length == LengthBytes - HeadBytes && Crc32C.Of(body) == BodyChecksum && AreEntriesValid(body, EntryCount);
}
