using LogHttp.Storage.Files;

namespace LogHttp.Storage.Appending;

/// <summary>
/// The written groups that are not published yet. Publishes them in order once they are durable and completes their
/// requests. Stops the partition if a disk or the journal has failed.
/// </summary>
/// <remarks>The partition's lock guards all fields. Any thread, except where the turn is named.</remarks>
internal sealed class Publication(Appender appender)
{
    // Allocated lazily: most partitions are idle.
    Queue<GroupUnit> InFlight => field ??= [];
    bool _isPublishing;
    bool _turnWaits;
    bool _closingWaits;

    // The completions that have begun and not ended. Changed by any thread.
    int _completing;

    /// <summary>Under the lock: whether all groups are published.</summary>
    public bool IsDrained => InFlight.Count == 0;

    /// <summary>
    /// Used by the turn. Returns false if all groups are published. Otherwise the turn continues when they are.
    /// </summary>
    public bool TurnWaits()
    {
        lock (appender.Gate)
            return _turnWaits = InFlight.Count > 0;
    }

    /// <summary>
    /// Used by the closing turn. Returns false if all requests are completed. Otherwise the turn continues when they
    /// are.
    /// </summary>
    public bool ClosingWaits()
    {
        lock (appender.Gate)
            return _closingWaits = Volatile.Read(ref _completing) > 0;
    }

    /// <summary>Returns an empty set of requests to complete. The closing waits until it has run.</summary>
    public RequestCompletions BeginCompletions()
    {
        Interlocked.Increment(ref _completing);
        return new RequestCompletions(appender);
    }

    /// <summary>Notes that a set of <see cref="BeginCompletions"/> has run.</summary>
    public void EndCompletions()
    {
        if (Interlocked.Decrement(ref _completing) > 0)
            return;
        lock (appender.Gate)
        {
            if (!_closingWaits || Volatile.Read(ref _completing) > 0)
                return;
            _closingWaits = false;
        }
        appender.ScheduleTurn();
    }

    /// <summary>Used by the turn: hands a written group to the journal.</summary>
    public void Submit(GroupUnit unit)
    {
        lock (appender.Gate)
        {
            appender.Watermarks.Submit(unit.End);
            // Comes before the journal has the unit: a checkpoint that finds its file sealed must find this log too.
            appender.Syncs.NoteSubmitted();
            InFlight.Enqueue(unit);
            appender.Queue.IsGroupInFlight = true;
        }
        appender.Context.Journal.Submit(unit);
    }

    /// <summary>
    /// Used by the turn: ends a group that left nothing in the log, after the groups before it. Returns the requests to
    /// complete now, or null.
    /// </summary>
    public RequestCompletions? SubmitRefused(GroupUnit unit)
    {
        lock (appender.Gate)
            InFlight.Enqueue(unit);
        return GroupCommitted(unit, failure: null);
    }

    /// <summary>
    /// Notes that a group is durable, or that its outcome is unknown. The first caller publishes all groups that are
    /// due, in order.
    /// </summary>
    /// <returns>The requests to complete, or null if another thread publishes the group.</returns>
    public RequestCompletions? GroupCommitted(GroupUnit unit, IOException? failure)
    {
        lock (appender.Gate)
        {
            (unit.IsDone, unit.Failure) = (true, failure);
            if (_isPublishing)
                return null;
            _isPublishing = true;
        }
        var completions = BeginCompletions();
        while (TryPublish(completions)) { }
        return completions;
    }

    /// <summary>Publishes the groups that are due. Returns false, and ends the publishing, if there is none.</summary>
    bool TryPublish(RequestCompletions completions)
    {
        var ready = new List<GroupUnit>();
        var hasGrown = false;
        var nowMs = appender.Context.Environment.NowMs;
        IOException? failure = null;
        lock (appender.Gate)
        {
            while (InFlight.TryPeek(out var unit) && unit.IsDone)
            {
                ready.Add(InFlight.Dequeue());
                failure ??= unit.Failure;
                if (appender.Queue.IsStopped || failure is not null || unit.Refusal is not null)
                    continue;
                hasGrown |= appender.Watermarks.PublishJournaled(unit.End);
                unit.IsPublished = true;
            }
            if (ready.Count == 0)
            {
                _isPublishing = false;
                EndFlight();
                return false;
            }
            if (hasGrown)
                appender.Watermarks.ShowPublished(nowMs);
        }
        if (failure is not null)
            StopForJournal(failure);
        if (hasGrown)
            appender.Waiters.Grown();
        foreach (var unit in ready)
            completions.Add(unit.Group.Requests, unit.IsPublished ? null : StopOr(unit.Refusal));
        return true;
    }

    /// <summary>Under the lock: lets the next turn begin if all groups are published.</summary>
    void EndFlight()
    {
        var queue = appender.Queue;
        queue.IsGroupInFlight = InFlight.Count > 0;
        if (!queue.IsGroupInFlight && (_turnWaits || (!queue.IsIdle && queue.TryTakeTurn())))
        {
            _turnWaits = false;
            appender.ScheduleTurn();
        }
        else
        {
            appender.Turn.CloseIdleFiles();
        }
    }

    /// <summary>Returns the refusal of a stopped partition, or else <paramref name="refusal"/>.</summary>
    public AppendResult? StopOr(AppendResult? refusal)
    {
        lock (appender.Gate)
            return appender.Queue.Refusal ?? refusal;
    }

    /// <summary>
    /// Stops the partition, because the journal could not make a group durable. The next start finds out whether it
    /// did. Durable records stay readable.
    /// </summary>
    public void StopForJournal(IOException exception) =>
        Stop($"The journal could not be written ({exception.Message})", exception);

    /// <summary>
    /// Rejects all further writes. The disk reports lost bytes only once, and bytes that another program cut are gone.
    /// Readers see the durable records, and the next start checks the rest.
    /// </summary>
    public void Stop(string cause, IOException? exception)
    {
        AppendRequest[] waiting;
        TrimRequest[] trims;
        AppendResult refusal;
        bool hidesRecords;
        lock (appender.Gate)
        {
            if (appender.Queue.IsStopped)
                return;
            (waiting, trims) = appender.Queue.Stop(StoppedReason(cause));
            refusal = appender.Queue.Refusal!.Value;
            hidesRecords = !appender.Watermarks.IsPublishedDurable;
            if (hidesRecords)
                appender.Watermarks.HideUnsynced();
        }
        var context = appender.Context;
        StorageLog.PartitionStopped(context.Environment.Logger, exception, context.Directory, refusal.Reason!);
        if (hidesRecords)
            appender.Waiters.Shrunk();
        var completions = BeginCompletions();
        completions.Add(waiting, refusal);
        completions.Schedule();
        foreach (var trim in trims)
            trim.Refuse(refusal);
    }

    /// <summary>
    /// Used by the turn: stops the partition after the disk has failed twice. Readers get the records that were synced
    /// before, and the next start writes the rest again from the journal.
    /// </summary>
    public void StopUnrepaired(string cause, IOException failure)
    {
        Stop(cause, failure);
        lock (appender.Gate)
        {
            // The partition may have stopped before, for a lesser reason.
            appender.Queue.SetStoppedReason(StoppedReason(cause));
            if (appender.Watermarks.IsUnsyncedVisible)
                appender.Watermarks.HideUnsynced();
        }
        appender.Waiters.Shrunk();
    }

    /// <summary>
    /// Syncs an index. An index is only a shortcut, but no reader checks it against the data. Entries lost in a failed
    /// sync could leave older ones in their place.
    /// </summary>
    public void SyncIndex(IFile index) => SyncOrStop(index.Sync);

    /// <summary>Runs a sync, and stops the partition if it fails.</summary>
    public void SyncOrStop(Action sync)
    {
        try
        {
            sync();
        }
        catch (IOException exception)
        {
            Stop($"A sync failed ({exception.Message})", exception);
            throw;
        }
    }

    /// <summary>
    /// Used by the turn: runs an action that needs little room. If the disk is full, the action runs again in the room
    /// of the reserve.
    /// </summary>
    public void RunInReserveIfFull(Action act)
    {
        try
        {
            act();
        }
        // After a failed sync, nothing is synced again, whatever the error is.
        catch (DiskFullException) when (appender.StoppedReason is null)
        {
            if (!appender.Context.Reserve.TryUse(act))
                throw;
        }
    }

    static string StoppedReason(string cause) =>
        $"{cause}, so the partition takes no more writes until the server is restarted on a healthy disk. "
        + "What was durable is served.";
}
