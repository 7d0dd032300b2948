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
        if (!_cursor.AdvancePosition(lineBytes, offset, timestampMs))
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
