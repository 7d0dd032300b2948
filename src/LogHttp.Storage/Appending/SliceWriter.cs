using System.Runtime.InteropServices;
using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>
/// Frames lines into a buffer and writes it to a segment whenever it is full. The index entries of the blocks they
/// complete come last.
/// </summary>
/// <param name="files">The segment's.</param>
/// <param name="cursor">Where the first line goes.</param>
/// <param name="buffer">Has room for the largest line.</param>
internal ref struct SliceWriter(SegmentFiles files, SegmentCursor cursor, Span<byte> buffer)
{
    readonly Span<byte> _buffer = buffer;
    readonly int _firstEntry = cursor.IndexEntries;
    readonly List<IndexEntry> _entries = [];
    SegmentCursor _cursor = cursor;
    RecordWriter _lines = new();
    int _bufferedBytes;
    int _coveredBytes;

    /// <summary>Where the next line goes.</summary>
    public readonly SegmentCursor Cursor => _cursor;

    /// <summary>Adds a line. A batch's first has the batch's count and, of a producer's batch, its stamp.</summary>
    /// <exception cref="IOException">Any part of what was added may have been written.</exception>
    public void Add(long offset, long timestampMs, int batchCount, BatchStamp? stamp, ReadOnlySpan<byte> tail)
    {
        if (_buffer.Length - _bufferedBytes < RecordWriter.MaxBytes(stamp, tail.Length))
            Write();
        var lineBytes = _lines.Write(_buffer[_bufferedBytes..], offset, timestampMs, batchCount, stamp, tail);
        _bufferedBytes += lineBytes;
        if (!_cursor.Pass(lineBytes, offset, timestampMs))
            return;
        Cover();
        _entries.Add(_cursor.CloseBlock());
    }

    /// <summary>Writes what is left.</summary>
    /// <exception cref="IOException">Any part of it may have been written.</exception>
    public void Finish()
    {
        Write();
        if (_entries.Count > 0)
            IndexFile.Write(files.Index, _cursor.BaseOffset, _firstEntry, CollectionsMarshal.AsSpan(_entries));
    }

    /// <summary>A block's lines at once: a line by itself is too short for the CRC to come up to speed.</summary>
    void Cover()
    {
        _cursor.Cover(_buffer[_coveredBytes.._bufferedBytes]);
        _coveredBytes = _bufferedBytes;
    }

    void Write()
    {
        if (_bufferedBytes == 0)
            return;
        Cover();
        files.Data.Write(_buffer[.._bufferedBytes], _cursor.Position - _bufferedBytes);
        (_bufferedBytes, _coveredBytes) = (0, 0);
    }
}
