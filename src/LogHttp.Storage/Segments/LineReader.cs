using System.Buffers;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Files;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Segments;

/// <summary>Reads a range of a file line by line, in chunks. For one thread.</summary>
internal sealed class LineReader(IFile file, long position, long endPosition, int chunkBytes = 256 << 10) : IDisposable
{
    byte[] _buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(endPosition - position, 1, chunkBytes));
    int _start;
    int _end;

    /// <summary>The position of the last line.</summary>
    public long LinePosition { get; private set; } = position;

    /// <summary>The position of the next line.</summary>
    public long NextPosition { get; private set; } = position;

    /// <summary>
    /// Reads the next line with its line feed. Returns false at the end. A last line without a line feed comes without
    /// it. So does a piece of a line that is longer than any record.
    /// </summary>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        var searched = 0;
        while (true)
        {
            var available = _buffer.AsSpan(_start, _end - _start);
            var endBytes = RecordFormat.FirstRecordBytes(available[searched..]);
            if (endBytes > 0)
                return Take(searched + endBytes, out line);
            searched = available.Length;
            if (searched >= RecordFormat.MaxEncodedBytes || !Fill(file))
                return Take(searched, out line);
        }
    }

    /// <summary>
    /// Skips to the next line with some bytes, which contain no line feed. Returns false if there is none. It does not
    /// look at each line, but searches all the bytes that were read at once.
    /// </summary>
    public bool TrySkipToLineWith(ReadOnlySpan<byte> needle)
    {
        while (true)
        {
            var available = _buffer.AsSpan(_start, _end - _start);
            var found = available.IndexOf(needle);
            // Skips to the line with the bytes. If no line has them, skips to the last, whose end may not be read yet.
            var skipped = RecordFormat.WholeRecordsBytes(available[..(found < 0 ? available.Length : found)]);
            _start += skipped;
            NextPosition += skipped;
            if (found >= 0)
                return true;
            if (!Fill(file))
                return false;
        }
    }

    /// <summary>Makes the last line the next one again. At most once for each line.</summary>
    public void Unread()
    {
        _start -= (int)(NextPosition - LinePosition);
        NextPosition = LinePosition;
    }

    bool Take(int sizeBytes, out ReadOnlySpan<byte> line)
    {
        line = _buffer.AsSpan(_start, sizeBytes);
        LinePosition = NextPosition;
        NextPosition += sizeBytes;
        _start += sizeBytes;
        return sizeBytes > 0;
    }

    /// <summary>Reads more bytes from that file. Returns false at the end. Changes nothing if it throws.</summary>
    public bool Fill(IFile from)
    {
        var kept = _end - _start;
        if (_start > 0)
            _buffer.AsSpan(_start, kept).CopyTo(_buffer);
        (_start, _end) = (0, kept);
        if (kept == _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(kept * 2);
            _buffer.AsSpan(0, kept).CopyTo(larger);
            PooledArray.Return(_buffer);
            _buffer = larger;
        }
        var wanted = (int)Math.Min(_buffer.Length - kept, endPosition - NextPosition - kept);
        var read = wanted <= 0 ? 0 : from.Read(_buffer.AsSpan(kept, wanted), NextPosition + kept);
        _end += read;
        return read > 0;
    }

    public void Dispose()
    {
        if (_buffer.Length > 0)
            PooledArray.Return(_buffer);
        _buffer = [];
    }
}
