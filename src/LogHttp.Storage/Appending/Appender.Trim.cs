using LogHttp.Storage.Files;

namespace LogHttp.Storage.Appending;

// Moving the log's start: records before it are gone for readers at once, and segments that lie before it are removed.
internal sealed partial class Appender
{
    // Guarded by _gate.
    Queue<TrimRequest> Trims => field ??= [];

    /// <summary>Puts a trim in the queue, or answers it at once when it can't be taken.</summary>
    public Task<long> Trim(TrimRequest trim)
    {
        lock (_gate)
        {
            if (_refusal is { } refusal)
                trim.Refuse(refusal);
            else if (IsClosing)
                trim.Refuse(new(AppendStatus.Closed));
            else
                Trims.Enqueue(trim);
            if (trim.Task.IsCompleted || _turnTaken)
                return trim.Task;
            _turnTaken = true;
        }
        ScheduleTurn();
        return trim.Task;
    }

    /// <summary>A turn's step, where a trim waits: false where none does.</summary>
    bool TryRunTrim()
    {
        TrimRequest? trim;
        lock (_gate)
        {
            if (!Trims.TryPeek(out trim))
                return false;
        }
        // The checkpoint says where the log begins, and a start reads on from where it says that the log is synced.
        if (WaitsForDrain() || WaitsForSync())
            return true;
        try
        {
            MoveStart(Math.Min(trim.Offset, _view.EndOffset));
            trim.Complete(_view.EarliestOffset);
        }
        catch (IOException exception)
        {
            trim.Fail(exception);
        }
        lock (_gate)
        {
            // A failed sync has refused all that waited.
            if (Trims.Count > 0)
                Trims.Dequeue();
        }
        ScheduleTurn();
        return true;
    }

    /// <summary>
    /// Moves the start of the log, durably: first the checkpoint says so, then readers see it, then the manifest drops
    /// the segments, then names go. A crash in between leaves segments before the start, which the next start removes.
    /// </summary>
    void MoveStart(long offset)
    {
        if (offset > _view.EarliestOffset)
        {
            WithReserve(() => WriteCheckpoint(Active, _written, offset));
            lock (_gate)
                _view = _view with { EarliestOffset = offset };
            Waiters.Shrunk();
        }
        RemoveSegments(SegmentsBeforeStart());
        DeleteRemoved();
        if (_view.EarliestOffset == _view.EndOffset && _written.Cursor.Position > 0)
            LeaveActiveSegment();
        _context.Reserve.Keep();
    }

    /// <summary>Does what takes little room, and on a full disk takes the reserve for it.</summary>
    void WithReserve(Action act)
    {
        try
        {
            act();
        }
        // After a failed sync, whatever it says, nothing is synced again.
        catch (DiskFullException) when (StoppedReason is null)
        {
            if (!_context.Reserve.TryUse(act))
                throw;
        }
    }

    /// <summary>All is gone, so the space of the segment that is being written can be returned too.</summary>
    void LeaveActiveSegment()
    {
        try
        {
            WithReserve(() => Roll(_written.Cursor.NextOffset));
        }
        catch (IOException exception)
        {
            // The log begins where it was told to. The next roll, or trim, removes the segment.
            StorageLog.SpaceNotReturned(_context.Environment.Logger, exception, Active.DataPath);
        }
    }

    int SegmentsBeforeStart()
    {
        var view = _view;
        var count = 0;
        while (count < view.Segments.Length - 1 && view.Segments[count + 1].BaseOffset <= view.EarliestOffset)
            count++;
        return count;
    }

    /// <summary>
    /// Takes the first segments away from readers. Those who read them finish. <see cref="DeleteRemoved"/> deletes the
    /// files. The space is returned when the last reader has finished.
    /// </summary>
    void RemoveSegments(int count)
    {
        if (count == 0)
            return;
        var removed = _view.Segments[..count];
        lock (_gate)
            _view = _view with { Segments = _view.Segments[count..] };
        foreach (var segment in removed)
            Remove(segment);
    }
}
