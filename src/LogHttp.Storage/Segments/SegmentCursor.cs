using System.Runtime.InteropServices;
using LogHttp.Storage.Bytes;

namespace LogHttp.Storage.Segments;

/// <summary>
/// A place between two lines of a segment, with all that has to be known to go on from there: what append, recovery and
/// an index rebuild share, so that blocks come out the same (api/FORMAT.md §2). A value: keeping a copy is how to go
/// back.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal record struct SegmentCursor
{
    public SegmentCursor(long baseOffset) => (BaseOffset, NextOffset, MaxTimestampMs) = (baseOffset, baseOffset, -1);

    public long BaseOffset { get; init; }

    /// <summary>Bytes before this place.</summary>
    public long Position { get; set; }

    /// <summary>The offset after the last line's.</summary>
    public long NextOffset { get; set; }

    /// <summary>The largest timestamp before this place; -1 when there is none.</summary>
    public long MaxTimestampMs { get; set; }

    /// <summary>The last boundary at or before this place.</summary>
    public long BlockPosition { get; set; }

    /// <summary>CRC of what lies between the last boundary and this place.</summary>
    public uint BlockCrc { get; set; }

    /// <summary>How many boundaries, and so index entries, came before.</summary>
    public int IndexEntries { get; set; }

    /// <summary>
    /// Passes over one line; true when a boundary was reached, and then <see cref="CloseBlock"/> is due.
    /// </summary>
    public bool Advance(ReadOnlySpan<byte> line, long offset, long timestampMs)
    {
        Cover(line);
        return Pass(line.Length, offset, timestampMs);
    }

    /// <summary>
    /// Takes bytes into the block's CRC: those of lines that were passed and not covered yet, before their block is
    /// closed.
    /// </summary>
    public void Cover(ReadOnlySpan<byte> lines) => BlockCrc = Crc32C.Append(BlockCrc, lines);

    /// <summary>
    /// As <see cref="Advance"/>, for a line that <see cref="Cover"/> comes to later, together with others.
    /// </summary>
    public bool Pass(int lineBytes, long offset, long timestampMs)
    {
        Position += lineBytes;
        NextOffset = offset + 1;
        MaxTimestampMs = Math.Max(MaxTimestampMs, timestampMs);
        return Position - BlockPosition >= SegmentLayout.BlockBytes;
    }

    /// <summary>Ends the block here and begins the next.</summary>
    public IndexEntry CloseBlock()
    {
        var entry = new IndexEntry(
            checked((uint)(NextOffset - BaseOffset)),
            checked((uint)Position),
            MaxTimestampMs,
            BlockCrc
        );
        BlockPosition = Position;
        BlockCrc = 0;
        IndexEntries++;
        return entry;
    }
}
