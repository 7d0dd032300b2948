using LogHttp.Storage.Files;
using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Reading;

/// <summary>
/// Reads the records of a region one by one, or only those with one key. It takes a few hundred KiB of memory, and more
/// for a larger record. For one thread. The region stays the caller's.
/// </summary>
public sealed class RecordReader : IDisposable
{
    const int DefaultBufferBytes = 256 << 10;

    readonly LineReader _lines;
    readonly IFile _file;
    readonly RecordKey? _key;
    readonly long _endPosition;

    /// <summary>Starts at the region's first record.</summary>
    /// <param name="region">The region to read.</param>
    /// <param name="key">The key that records must have, or null for all of them.</param>
    public RecordReader(LogRegion region, RecordKey? key = null)
        : this(region, key, region?.Position ?? 0, DefaultBufferBytes) { }

    /// <summary>Starts at a record of the region.</summary>
    /// <param name="region">The region to read.</param>
    /// <param name="key">The key that records must have, or null for all of them.</param>
    /// <param name="position">
    /// The record's position in the segment file, in bytes: <see cref="NextPosition"/> of another reader.
    /// </param>
    /// <param name="bufferBytes">The buffer's size, which grows for a larger record.</param>
    public RecordReader(LogRegion region, RecordKey? key, long position, int bufferBytes)
    {
        ArgumentNullException.ThrowIfNull(region);
        ArgumentOutOfRangeException.ThrowIfLessThan(position, region.Position);
        ArgumentOutOfRangeException.ThrowIfLessThan(bufferBytes, 1);
        _key = key;
        _endPosition = region.Position + region.LengthBytes;
        _file = region.File;
        _lines = new LineReader(_file.Cached, position, _endPosition, bufferBytes);
        Path = region.Path;
    }

    /// <summary>The position of the next record in the segment file, in bytes.</summary>
    public long NextPosition => _lines.NextPosition;

    string Path { get; }

    /// <summary>Reads the next record. Its spans are valid until the next call. Returns false after the last.</summary>
    /// <exception cref="WouldWaitException">
    /// It is not in the page cache. <c>ReadAsync</c> of <c>LogHttp.Storage.Logs</c> waits for it.
    /// </exception>
    /// <exception cref="CorruptionException">The bytes at the position are no record.</exception>
    /// <exception cref="IOException">The disk can't be read.</exception>
    public bool TryRead(out RecordView record)
    {
        while (_key is null || _lines.TrySkipToLineWith(_key.Field))
        {
            if (!_lines.TryRead(out var line))
                break;
            if (!RecordFormat.TryRead(line, out record))
                throw new CorruptionException(Path, _lines.LinePosition, "no record begins at this position");
            // A value can contain the same bytes.
            if (_key is null || _key.IsOf(record))
                return true;
        }
        // A file that was cut from outside ends like a region that was read whole.
        if (_lines.NextPosition < _endPosition)
            throw new CorruptionException(Path, _lines.NextPosition, "the segment ends here, before its last record");
        record = default;
        return false;
    }

    /// <summary>Makes the last record the next one again. At most once for each record.</summary>
    public void Unread() => _lines.Unread();

    /// <summary>Reads the next bytes into the buffer, on a thread that may wait for the disk.</summary>
    internal bool Fill() => _lines.Fill(_file);

    /// <summary>Returns the buffer to its pool.</summary>
    public void Dispose() => _lines.Dispose();
}
