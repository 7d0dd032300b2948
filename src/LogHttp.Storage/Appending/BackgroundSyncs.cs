using LogHttp.Storage.Journal;

namespace LogHttp.Storage.Appending;

/// <summary>
/// Syncs the active segment beside the turns: at intervals, and before the journal reuses a file. Knows whether the
/// segment holds bytes that are durable only in the journal.
/// </summary>
/// <remarks>The partition's lock guards all fields. Any thread.</remarks>
internal sealed class BackgroundSyncs(Appender appender)
{
    // From the first group that needs a sync until the sync ends.
    bool _isDue;
    bool _isRunning;
    bool _turnWaits;
    bool _areFilesReleased;
    bool _isUnsynced;

    // Set while a sync waits for its interval.
    ITimer? _timer;

    // The journal's checkpoints that wait for this log. Allocated lazily.
    List<JournalCheckpoint> JournalCheckpoints => field ??= [];

    /// <summary>Whether the segment holds bytes that are durable only in the journal. Set under the lock.</summary>
    public bool IsUnsynced => Volatile.Read(ref _isUnsynced);

    /// <summary>
    /// Under the lock: whether the files of an unsynced log stay open. Otherwise only a sync of the volume reports a
    /// loss.
    /// </summary>
    public bool KeepsFilesOpen { get; private set; } = true;

    /// <summary>
    /// The journal holds all unsynced bytes in rounds from this one on. Set under the lock. The turn reads it while no
    /// sync runs.
    /// </summary>
    public ulong UnsyncedSinceRound { get; private set; }

    /// <summary>Under the lock: notes that the journal will have bytes up to the submitted end.</summary>
    public void NoteSubmitted()
    {
        if (_isUnsynced)
        {
            EndUnsyncedIfSynced();
        }
        else if (!appender.Watermarks.IsSubmittedSynced)
        {
            UnsyncedSinceRound = appender.Context.Journal.LastRound + 1;
            Volatile.Write(ref _isUnsynced, true);
            KeepsFilesOpen = appender.Context.Journal.AddUnsynced(appender);
        }
    }

    /// <summary>
    /// Under the lock: returns false if no sync runs in the background. Otherwise the turn continues when it has ended.
    /// Used by the turn.
    /// </summary>
    public bool TurnWaits() => _turnWaits = _isRunning;

    /// <summary>
    /// Schedules a background sync for data acknowledged before it was durable. It runs within the interval or a
    /// checkpoint's bytes, or at once if the policy has become <c>always</c>.
    /// </summary>
    public void SyncInBackground()
    {
        lock (appender.Gate)
        {
            var flush = appender.Queue.Configuration.Flush;
            var interval = flush.Interval;
            ref readonly var published = ref appender.Watermarks.Published;
            // The journal has the unsynced bytes, except those written after it stopped describing this partition.
            var unsyncedBytes =
                _isUnsynced && published.IsJournaled
                    ? 0
                    : published.Cursor.Position - appender.Watermarks.Synced.Position;
            if (_isDue || appender.Queue.IsClosing || appender.Queue.IsStopped || unsyncedBytes <= 0)
                return;
            if (!flush.IsAlways && interval is null && unsyncedBytes < appender.Context.Options.CheckpointBytes)
                return;
            _isDue = true;
            if (interval is { } wait)
            {
                _timer = appender.Context.Environment.Time.CreateTimer(
                    static syncs => ((BackgroundSyncs)syncs!).IntervalElapsed(),
                    this,
                    wait,
                    Timeout.InfiniteTimeSpan
                );
                return;
            }
        }
        Submit();
    }

    void IntervalElapsed()
    {
        lock (appender.Gate)
        {
            // The timer was stopped after it fired.
            if (!StopTimer())
                return;
        }
        Submit();
    }

    /// <summary>Under the lock: returns whether a sync waited for its interval.</summary>
    public bool StopTimer()
    {
        if (_timer is null)
            return false;
        _timer.Dispose();
        _timer = null;
        return true;
    }

    /// <summary>Makes the segment durable, so that the journal can reuse the files that hold the same bytes.</summary>
    public void SyncFor(JournalCheckpoint checkpoint)
    {
        lock (appender.Gate)
        {
            if (_isUnsynced && !_areFilesReleased)
            {
                JournalCheckpoints.Add(checkpoint);
                // A running sync may have begun before the last write. Another one follows it.
                if (_isRunning || appender.Queue.Repair is not null)
                    return;
            }
            else
            {
                // A log that was closed with unsynced bytes keeps the journal's files until the next start.
                if (!_isUnsynced)
                    checkpoint.CountDown();
                return;
            }
        }
        Submit();
    }

    /// <summary>Syncs all groups that were handed on, unless that is under way or not needed any more.</summary>
    public void Submit()
    {
        BackgroundSync? sync = null;
        JournalCheckpoint[] done = [];
        lock (appender.Gate)
        {
            if (_isRunning)
                return;
            EndUnsyncedIfSynced();
            var queue = appender.Queue;
            // A roll, or a rollback, can have synced everything since this sync was requested.
            if (((queue.IsClosing || queue.IsStopped) && !_isUnsynced) || appender.Watermarks.IsSubmittedSynced)
            {
                _isDue = false;
                done = TakeJournalCheckpoints();
            }
            else if (queue.Repair is not null || _areFilesReleased)
            {
                _isDue = false;
            }
            else
            {
                _isRunning = true;
                sync = new BackgroundSync(appender, [.. JournalCheckpoints]);
            }
        }
        foreach (var checkpoint in done)
            checkpoint.CountDown();
        if (sync is not null)
            appender.Context.Syncer.Submit(sync);
    }

    /// <summary>Ends a sync that <see cref="Submit"/> began. Runs on the syncer's thread.</summary>
    public void Synced(BackgroundSync sync, IOException? error)
    {
        if (error is null)
            NoteSynced(sync);
        else if (!sync.IsJournaling)
            appender.Publication.Stop($"A sync failed ({error.Message})", error);
        bool resumesTurn;
        bool continues;
        SegmentRepair? repair = null;
        JournalCheckpoint[] done = [];
        lock (appender.Gate)
        {
            _isDue = _isRunning = false;
            (resumesTurn, _turnWaits) = (_turnWaits, false);
            if (error is not null && sync.IsJournaling)
                repair = SegmentRepair.TryRequire(appender, error);
            // If a sync of the turn has failed meanwhile, this one proves nothing. Then the repair completes the
            // checkpoints. Each is completed once.
            if ((error is null && appender.Queue.Repair is null) || !sync.IsJournaling)
                done = Array.FindAll(sync.Checkpoints, JournalCheckpoints.Remove);
            continues = JournalCheckpoints.Count > 0;
            appender.Turn.CloseIdleFiles();
        }
        repair?.Begin();
        foreach (var checkpoint in done)
            checkpoint.CountDown();
        if (resumesTurn)
            appender.ScheduleTurn();
        else if (continues)
            Submit();
        else // Records published meanwhile need another sync.
            SyncInBackground();
    }

    /// <summary>
    /// Notes that a sync of either kind succeeded, and writes the checkpoint that is due then. Runs on the syncer's
    /// thread.
    /// </summary>
    public void NoteSynced(SegmentSync sync)
    {
        bool isCheckpointDue;
        lock (appender.Gate)
        {
            // A stopped log still leaves the journal.
            if (appender.Queue.Repair is not null || (appender.Queue.IsStopped && !_isUnsynced))
                return;
            ref readonly var synced = ref appender.Watermarks.Synced;
            // The other kind of sync may be further already, or a roll may have left the segment.
            var isNews = sync.Cursor.BaseOffset == synced.BaseOffset && sync.Cursor.Position > synced.Position;
            if (isNews)
            {
                appender.Checkpoints.NoteSynced(sync.Cursor.Position - synced.Position);
                appender.Watermarks.SetSynced(
                    sync.Cursor,
                    sync.IsBatchEnd,
                    isSubmitted: sync.Checkpointable is not null
                );
                UnsyncedSinceRound = sync.NextRound;
            }
            EndUnsyncedIfSynced();
            isCheckpointDue = isNews && !appender.Queue.IsStopped && appender.Checkpoints.IsDue;
        }
        if (isCheckpointDue && sync.Checkpointable is { } state)
            appender.Checkpoints.TryWrite(sync.Segment, state);
    }

    /// <summary>Under the lock: a log whose bytes are all synced no longer needs the journal's copy.</summary>
    public void EndUnsyncedIfSynced()
    {
        if (_isUnsynced && appender.Watermarks.IsSubmittedSynced)
            EndUnsynced();
    }

    /// <summary>Releases the journal files that are kept for this log. Used by the turn.</summary>
    public void ReleaseJournalFiles()
    {
        JournalCheckpoint[] left;
        lock (appender.Gate)
        {
            left = TakeJournalCheckpoints();
            EndUnsynced();
        }
        foreach (var checkpoint in left)
            checkpoint.CountDown();
    }

    /// <summary>Ends all syncs, because the segment's files are about to be closed. Used by the closing turn.</summary>
    public void End()
    {
        // The journal's keeper may ask for a sync just now.
        lock (appender.Gate)
            _areFilesReleased = true;
    }

    /// <summary>Under the lock.</summary>
    void EndUnsynced()
    {
        Volatile.Write(ref _isUnsynced, false);
        KeepsFilesOpen = true;
        appender.Context.Journal.RemoveUnsynced(appender);
    }

    /// <summary>Under the lock.</summary>
    JournalCheckpoint[] TakeJournalCheckpoints()
    {
        JournalCheckpoint[] taken = [.. JournalCheckpoints];
        JournalCheckpoints.Clear();
        return taken;
    }
}
