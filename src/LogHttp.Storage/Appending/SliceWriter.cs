using System.Runtime.InteropServices;
using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>
/// Frames lines into a buffer and writes it to a segment whenever it is full. Writes the index entries of the completed
/// blocks last.
/// </summary>
/// <param name="files">The segment's files.</param>
/// <param name="cursor">The position of the first line.</param>
/// <param name="buffer">A buffer that has room for the largest line.</param>
internal ref struct SliceWriter(SegmentFiles files, SegmentCursor cursor, Span<byte> buffer)
{
    readonly Span<byte> _buffer = buffer;
    readonly int _firstEntry = cursor.IndexEntries;
    readonly List<IndexEntry> _entries = [];
    SegmentCursor _cursor = cursor;
    RecordWriter _lines = new();
    int _bufferedBytes;
    int _checksummedBytes;

    /// <summary>The position of the next line.</summary>
    public readonly SegmentCursor Cursor => _cursor;

    /// <summary>
    /// Adds a line. A batch's first line has the batch's count and, for a producer's batch, its stamp.
    /// </summary>
    /// <exception cref="IOException">Any part of the added lines may have been written.</exception>
    public void Add(long offset, long timestampMs, int batchCount, BatchStamp? stamp, ReadOnlySpan<byte> tail)
    {
        if (_buffer.Length - _bufferedBytes < RecordWriter.MaxBytes(stamp, tail.Length))
            Write();
        var lineBytes = _lines.Write(_buffer[_bufferedBytes..], offset, timestampMs, batchCount, stamp, tail);
        _bufferedBytes += lineBytes;
        Advance(lineBytes, offset, timestampMs);
    }

    /// <summary>
    /// Adds lines with consecutive offsets from the next one on, until one ends behind a position. Returns how many.
    /// </summary>
    /// <param name="timestampMs">The timestamp of all of them.</param>
    /// <param name="tails">All their tails, one behind the other.</param>
    /// <param name="tailBytes">The length of each tail.</param>
    /// <param name="endPosition">The position.</param>
    /// <exception cref="IOException">Any part of the added lines may have been written.</exception>
    public int AddRun(long timestampMs, ReadOnlySpan<byte> tails, ReadOnlySpan<int> tailBytes, long endPosition)
    {
        var added = 0;
        while (added < tailBytes.Length && _cursor.Position < endPosition)
        {
            // Up to the end of a block, and as far as the buffer has room, only the buffer changes.
            var offset = _cursor.NextOffset;
            var blockEnd = Math.Min(endPosition, _cursor.BlockPosition + SegmentLayout.BlockBytes) - _cursor.Position;
            var run = _lines.WriteRun(
                _buffer[_bufferedBytes..],
                offset,
                timestampMs,
                tails,
                tailBytes[added..],
                blockEnd
            );
            if (run.Count == 0)
            {
                Write();
                continue;
            }
            added += run.Count;
            tails = tails[run.TailBytes..];
            _bufferedBytes += run.SizeBytes;
            Advance(run.SizeBytes, offset + run.Count - 1, timestampMs);
        }
        return added;
    }

    /// <summary>Advances behind buffered lines of one block.</summary>
    void Advance(int sizeBytes, long lastOffset, long timestampMs)
    {
        if (!_cursor.AdvancePosition(sizeBytes, lastOffset, timestampMs))
            return;
        UpdateBlockCrc();
        _entries.Add(_cursor.CloseBlock());
    }

    /// <summary>Writes the buffered lines and the index entries.</summary>
    /// <exception cref="IOException">Any part of them may have been written.</exception>
    public void Finish()
    {
        Write();
        if (_entries.Count > 0)
            IndexFile.Write(files.Index, _cursor.BaseOffset, _firstEntry, CollectionsMarshal.AsSpan(_entries));
    }

    /// <summary>
    /// Updates the CRC of the block with all its lines at once: a single line is too short for a fast CRC.
    /// </summary>
    void UpdateBlockCrc()
    {
        _cursor.UpdateBlockCrc(_buffer[_checksummedBytes.._bufferedBytes]);
        _checksummedBytes = _bufferedBytes;
    }

    void Write()
    {
        if (_bufferedBytes == 0)
            return;
        UpdateBlockCrc();
        files.Data.Write(_buffer[.._bufferedBytes], _cursor.Position - _bufferedBytes);
        (_bufferedBytes, _checksummedBytes) = (0, 0);
    }
}
