using static LogHttp.Storage.Journal.JournalFormat;

namespace LogHttp.Storage.Journal;

/// <summary>The kind of an entry. The numbers are stored on disk, so new kinds only get higher ones.</summary>
internal enum JournalEntryKind : byte
{
    /// <summary>The payload is the segment's bytes at the position.</summary>
    Records = 1,

    /// <summary>The partition ends at the position of the segment, and everything before it is synced.</summary>
    SyncedUpTo = 2,

    /// <summary>The segment was created. Precedes the segment's records.</summary>
    SegmentMade = 3,

    /// <summary>
    /// From here on the journal decides the partition's end. The position is as in <see cref="SyncedUpTo"/>.
    /// </summary>
    JournalingBegins = 4,

    /// <summary>From here on the journal does not describe the partition.</summary>
    JournalingEnds = 5,

    /// <summary>The topic of this id was deleted.</summary>
    TopicDeleted = 6,

    /// <summary>The payload is the whole state of a group. Partition and base offset name it.</summary>
    GroupState = 7,
}

/// <summary>The head of one entry of a round (api/FORMAT.md §8).</summary>
/// <param name="Kind">The kind of the entry.</param>
/// <param name="TopicId">The topic's incarnation.</param>
/// <param name="Partition">The partition's number, from 0.</param>
/// <param name="SegmentBaseOffset">The segment.</param>
/// <param name="Generation">The segment's generation.</param>
/// <param name="Position">A position in the segment, in bytes.</param>
internal readonly record struct JournalEntry(
    JournalEntryKind Kind,
    ulong TopicId,
    int Partition,
    long SegmentBaseOffset,
    uint Generation,
    long Position
)
{
    bool HasPayload => Kind is JournalEntryKind.Records or JournalEntryKind.GroupState;

    // A group's key may have any numbers.
    bool IsValid =>
        Kind is >= JournalEntryKind.Records and <= JournalEntryKind.GroupState
        && Partition >= 0
        && (Kind is JournalEntryKind.GroupState || (SegmentBaseOffset >= 0 && Position >= 0));

    /// <summary>Writes the entry with its padding and returns the encoded size in bytes.</summary>
    /// <exception cref="ArgumentException">
    /// The format has no such entry, or <paramref name="destination"/> is shorter than the encoded size.
    /// </exception>
    public int Write(Span<byte> destination, ReadOnlySpan<byte> payload)
    {
        if (!IsValid)
            throw new ArgumentException($"{this} is not a valid entry: numbers must not be negative.");
        if (!HasPayload && !payload.IsEmpty)
        {
            throw new ArgumentException(
                $"An entry of kind {Kind} must have no payload, and {payload.Length} bytes were given.",
                nameof(payload)
            );
        }
        var encodedBytes = EncodedBytes(payload.Length);
        destination = destination[..encodedBytes];
        destination[0] = (byte)Kind;
        destination[1..4].Clear();
        WriteU32(destination, 4, (uint)Partition);
        WriteU64(destination, 8, TopicId);
        WriteU64(destination, 16, (ulong)SegmentBaseOffset);
        WriteU32(destination, 24, Generation);
        WriteU32(destination, 28, (uint)payload.Length);
        WriteU64(destination, 32, (ulong)Position);
        payload.CopyTo(destination[EntryHeadBytes..]);
        destination[(EntryHeadBytes + payload.Length)..].Clear();
        return encodedBytes;
    }

    /// <summary>
    /// Reads the entry at the start of <paramref name="source"/>. Returns false if there is no valid one.
    /// </summary>
    /// <param name="source">The rest of a round's body.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="payload">The payload, a part of <paramref name="source"/>.</param>
    /// <param name="encodedBytes">The entry's size with its padding.</param>
    public static bool TryRead(
        ReadOnlySpan<byte> source,
        out JournalEntry entry,
        out ReadOnlySpan<byte> payload,
        out int encodedBytes
    )
    {
        entry = default;
        payload = default;
        encodedBytes = 0;
        if (source.Length < EntryHeadBytes || source[1..4].ContainsAnyExcept((byte)0))
            return false;
        var payloadBytes = ReadU32(source, 28);
        if (payloadBytes > source.Length - EntryHeadBytes)
            return false;
        encodedBytes = EncodedBytes((int)payloadBytes);
        if (encodedBytes > source.Length)
            return false;
        entry = new(
            (JournalEntryKind)source[0],
            ReadU64(source, 8),
            (int)ReadU32(source, 4),
            (long)ReadU64(source, 16),
            ReadU32(source, 24),
            (long)ReadU64(source, 32)
        );
        payload = source.Slice(EntryHeadBytes, (int)payloadBytes);
        return entry.IsValid
            && (entry.HasPayload || payload.IsEmpty)
            && !source[(EntryHeadBytes + (int)payloadBytes)..encodedBytes].ContainsAnyExcept((byte)0);
    }
}
