namespace LogHttp.Storage.Segments;

/// <summary>
/// Bounds how many segment files a data directory has open, two for each segment: thousands of idle partitions must not
/// hold thousands of handles. A segment without an open index counts once. The bound is exceeded only if every open
/// segment is in use. Any thread.
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
    /// Makes room for one more segment. If the bound is reached, closes an eighth: the longest unused of those not in
    /// use.
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
        // Outside the lock, because a segment's own lock is always taken before this one.
        foreach (var segment in candidates.OrderBy(segment => segment.LastUsed))
        {
            if (tooMany <= 0)
                break;
            tooMany -= segment.TryClose();
        }
    }

    /// <summary>Closes all segments that are not in use.</summary>
    public void CloseIdle()
    {
        Segment[] segments;
        lock (_gate)
            segments = [.. _segments];
        foreach (var segment in segments)
            segment.TryClose();
    }

    /// <summary>Counts the data file of a segment that was opened.</summary>
    public void Add(Segment segment)
    {
        lock (_gate)
        {
            _segments.Add(segment);
            _openFiles++;
        }
    }

    /// <summary>Counts the index of a segment that was opened too.</summary>
    public void AddIndex()
    {
        lock (_gate)
            _openFiles++;
    }

    /// <summary>Removes a segment whose files, one or two, were closed.</summary>
    public void Remove(Segment segment, int files)
    {
        lock (_gate)
        {
            _segments.Remove(segment);
            _openFiles -= files;
        }
    }
}
