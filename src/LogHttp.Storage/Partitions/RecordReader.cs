using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage;

/// <summary>
/// Reads the records of a region one by one, or only those with one key, in a few hundred KiB of memory (more where a
/// record is larger). For one thread; the region stays the caller's.
/// </summary>
public sealed class RecordReader : IDisposable
{
    readonly LineReader _lines;
    readonly RecordKey? _key;
    readonly long _endPosition;

    /// <summary>Begins at the region's first record.</summary>
    /// <param name="region">What to read.</param>
    /// <param name="key">The key that records must have, or null for all of them.</param>
    public RecordReader(LogRegion region, RecordKey? key = null)
    {
        ArgumentNullException.ThrowIfNull(region);
        _key = key;
        _endPosition = region.Position + region.LengthBytes;
        _lines = new LineReader(region.File, region.Position, _endPosition);
        Path = region.Path;
    }

    string Path { get; }

    /// <summary>Reads the next record; its spans hold until the next call. False after the last.</summary>
    /// <exception cref="CorruptionException">What stands there is no record.</exception>
    /// <exception cref="IOException">The disk can't be read.</exception>
    public bool TryRead(out RecordView record)
    {
        while (_key is null || _lines.TrySkipToLineWith(_key.Field))
        {
            if (!_lines.TryRead(out var line))
                break;
            if (!RecordView.TryParse(line, out record))
                throw new CorruptionException(Path, _lines.LinePosition, "no record stands where one should");
            // The same bytes can stand in a value.
            if (_key is null || _key.IsOf(record))
                return true;
        }
        // A file that was cut from outside ends like a region that was read whole.
        if (_lines.NextPosition < _endPosition)
            throw new CorruptionException(Path, _lines.NextPosition, "the segment ends here, and its records do not");
        record = default;
        return false;
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => _lines.Dispose();
}
