using System.Runtime.InteropServices;
using LogHttp.Storage.Bytes;

namespace LogHttp.Storage.Segments;

/// <summary>
/// A position between two lines of a segment, with all the state that a writer or reader needs to resume there. Append,
/// recovery and an index rebuild share it, so that blocks are the same (api/FORMAT.md §2). A value: a kept copy
/// restores the position.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal record struct SegmentCursor
{
    public SegmentCursor(long baseOffset) => (BaseOffset, NextOffset, MaxTimestampMs) = (baseOffset, baseOffset, -1);

    public long BaseOffset { get; init; }

    /// <summary>The bytes before this position.</summary>
    public long Position { get; set; }

    /// <summary>The offset after the last line's.</summary>
    public long NextOffset { get; set; }

    /// <summary>The largest timestamp before this position, or -1 if there is none.</summary>
    public long MaxTimestampMs { get; set; }

    /// <summary>The last boundary at or before this position.</summary>
    public long BlockPosition { get; set; }

    /// <summary>The CRC of the bytes between the last boundary and this position.</summary>
    public uint BlockCrc { get; set; }

    /// <summary>The number of boundaries, and so of index entries, before this position.</summary>
    public int IndexEntries { get; set; }

    /// <summary>
    /// Advances past one line. Returns true if a boundary was reached. Then call <see cref="CloseBlock"/>.
    /// </summary>
    public bool Advance(ReadOnlySpan<byte> line, long offset, long timestampMs)
    {
        UpdateBlockCrc(line);
        return AdvancePosition(line.Length, offset, timestampMs);
    }

    /// <summary>Adds the bytes of passed lines to the block's CRC. Call it before <see cref="CloseBlock"/>.</summary>
    public void UpdateBlockCrc(ReadOnlySpan<byte> lines) => BlockCrc = Crc32C.Append(BlockCrc, lines);

    /// <summary>
    /// Does the same as <see cref="Advance"/>, but leaves the line to a later call of <see cref="UpdateBlockCrc"/> for
    /// several lines.
    /// </summary>
    public bool AdvancePosition(int lineBytes, long offset, long timestampMs)
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
