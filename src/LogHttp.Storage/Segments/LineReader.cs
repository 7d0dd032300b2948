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

    /// <summary>Where the line that was read last begins.</summary>
    public long LinePosition { get; private set; } = position;

    /// <summary>Where the next line begins.</summary>
    public long NextPosition { get; private set; } = position;

    /// <summary>
    /// Reads the next line, its line feed included; false at the end. A last line without a line feed, or a piece of
    /// one longer than any record, comes without it.
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
    /// Passes over lines up to the next that holds some bytes, which have no line feed; false when none does. Lines are
    /// not looked at one by one: the search runs through all that was read at once.
    /// </summary>
    public bool TrySkipToLineWith(ReadOnlySpan<byte> needle)
    {
        while (true)
        {
            var available = _buffer.AsSpan(_start, _end - _start);
            var found = available.IndexOf(needle);
            // To the line that holds it; or, where none does, to the last, which may be cut off in the middle of it.
            var skipped = RecordFormat.WholeRecordsBytes(available[..(found < 0 ? available.Length : found)]);
            _start += skipped;
            NextPosition += skipped;
            if (found >= 0)
                return true;
            if (!Fill(file))
                return false;
        }
    }

    /// <summary>Makes the line that was read last the next one again. Once for each line.</summary>
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

    /// <summary>Reads on, from that file; false at the end. As if not called where it throws.</summary>
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
