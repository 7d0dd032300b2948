namespace LogHttp.Storage.Segments;

/// <summary>
/// Bounds how many files of segments a data directory has open at once, two for each of so many: thousands of idle
/// partitions must not hold thousands of handles. A segment whose index nobody needed has one. The bound gives way only
/// when every open segment is in use. Any thread.
/// </summary>
internal sealed class OpenSegments(int maxOpenSegments)
{
    readonly Lock _gate = new();
    readonly HashSet<Segment> _segments = [];
    readonly int _maxOpenFiles = 2 * maxOpenSegments;

    // Guarded by _gate.
    int _openFiles;

    public int OpenFiles
    {
        get
        {
            lock (_gate)
                return _openFiles;
        }
    }

    /// <summary>
    /// Before one more is opened closes an eighth when the bound is reached, of those not in use the longest unused.
    /// </summary>
    public void MakeRoom()
    {
        Segment[] candidates;
        int tooMany;
        lock (_gate)
        {
            if (_openFiles + 2 <= _maxOpenFiles)
                return;
            candidates = [.. _segments];
            tooMany = _openFiles + 2 - _maxOpenFiles + _maxOpenFiles / 8;
        }
        // Outside of the lock: a segment's own lock is always taken before this one.
        foreach (var segment in candidates.OrderBy(segment => segment.LastUsed))
        {
            if (tooMany <= 0)
                break;
            tooMany -= segment.TryClose();
        }
    }

    /// <summary>Closes all that are not in use.</summary>
    public void CloseIdle()
    {
        Segment[] segments;
        lock (_gate)
            segments = [.. _segments];
        foreach (var segment in segments)
            segment.TryClose();
    }

    /// <summary>A segment's data was opened.</summary>
    public void Add(Segment segment)
    {
        lock (_gate)
        {
            _segments.Add(segment);
            _openFiles++;
        }
    }

    /// <summary>The index of a segment was opened as well.</summary>
    public void AddIndex()
    {
        lock (_gate)
            _openFiles++;
    }

    /// <summary>A segment's files were closed, one or two.</summary>
    public void Remove(Segment segment, int files)
    {
        lock (_gate)
        {
            _segments.Remove(segment);
            _openFiles -= files;
        }
    }
}
