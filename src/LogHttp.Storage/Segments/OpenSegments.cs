namespace LogHttp.Storage.Segments;

/// <summary>
/// Bounds how many segments of a data directory have their files open at once: thousands of idle partitions must not hold
/// thousands of handles. The bound gives way only when every open segment is in use. Any thread.
/// </summary>
internal sealed class OpenSegments(int maxOpenSegments)
{
    readonly Lock _gate = new();
    readonly HashSet<Segment> _segments = [];

    public int Count
    {
        get
        {
            lock (_gate)
                return _segments.Count;
        }
    }

    /// <summary>Before one more is opened: closes an eighth when the bound is reached, of those not in use the longest unused.</summary>
    public void MakeRoom()
    {
        Segment[] candidates;
        int tooMany;
        lock (_gate)
        {
            if (_segments.Count < maxOpenSegments)
                return;
            candidates = [.. _segments];
            tooMany = candidates.Length - maxOpenSegments + Math.Max(1, maxOpenSegments / 8);
        }
        // Outside of the lock: a segment's own lock is always taken before this one.
        foreach (var segment in candidates.OrderBy(segment => segment.LastUsed))
        {
            if (tooMany > 0 && segment.TryClose())
                tooMany--;
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

    public void Add(Segment segment)
    {
        lock (_gate)
            _segments.Add(segment);
    }

    public void Remove(Segment segment)
    {
        lock (_gate)
            _segments.Remove(segment);
    }
}
