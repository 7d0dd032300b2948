using LogHttp.Storage.Files;

namespace LogHttp.Storage.Appending;

// Moves the log's start. Readers lose earlier records at once, and segments before the start are removed.
internal sealed partial class Appender
{
    // Guarded by _gate.
    Queue<TrimRequest> Trims => field ??= [];

    /// <summary>Queues a trim, or completes it at once if it can't be accepted.</summary>
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

    /// <summary>A step of the turn: runs the next trim. Returns false if none waits.</summary>
    bool TryRunTrim()
    {
        TrimRequest? trim;
        lock (_gate)
        {
            if (!Trims.TryPeek(out trim))
                return false;
        }
        // The checkpoint holds the log's start and the synced end, from which the next start reads on.
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
            // A failed sync has rejected all waiting trims.
            if (Trims.Count > 0)
                Trims.Dequeue();
        }
        ScheduleTurn();
        return true;
    }

    /// <summary>
    /// Moves the start of the log, durably. The order is: checkpoint, readers' view, manifest, files. A crash in
    /// between leaves segments before the start, which the next start removes.
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

    /// <summary>Runs an action that needs little room. On a full disk it uses the reserve.</summary>
    void WithReserve(Action act)
    {
        try
        {
            act();
        }
        // After a failed sync, nothing is synced again, whatever the error is.
        catch (DiskFullException) when (StoppedReason is null)
        {
            if (!_context.Reserve.TryUse(act))
                throw;
        }
    }

    /// <summary>
    /// Rolls to a new segment after all records are trimmed, so that the space of the active one can be returned too.
    /// </summary>
    void LeaveActiveSegment()
    {
        try
        {
            WithReserve(() => Roll(_written.Cursor.NextOffset));
        }
        catch (IOException exception)
        {
            // The trim has taken effect. The next roll, or trim, removes the segment.
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
    /// Removes the first segments from the view. Reads in progress finish. <see cref="DeleteRemoved"/> deletes the
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
