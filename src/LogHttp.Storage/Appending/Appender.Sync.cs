using LogHttp.Storage.Committing;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

// Making segments durable: as part of the turn (large groups, rolls, trims, closing), or beside it (intervals, and for
// the journal before it uses a file again). And the checkpoints that follow.
internal sealed partial class Appender
{
    // Allocated lazily: most partitions are idle.
    TurnSync? _turnSync;

    // The turn's: whether bytes were cut, here or by a process before, and a power cut could bring them back.
    bool _hasUnsyncedCut;

    // Guarded by _gate: a timer runs, or a sync is under way, beside the turns.
    bool _backgroundSyncDue;
    bool _backgroundSyncRuns;
    bool _closingTurnWaits;
    bool _isDeletionDue;
    bool _isDeleted;

    // Guarded by _gate: set while a sync is due that waits for its interval.
    ITimer? _timer;

    // Guarded by _gate: journal checkpoints that wait for this log.
    readonly List<JournalCheckpoint> _journalCheckpoints = [];

    // Held while a checkpoint is written, by a syncer or a turn. Never taken below _gate.
    readonly Lock _checkpointGate = new();

    // Guarded by _checkpointGate. One that a start found may have a name that no process has synced.
    Checkpoint _checkpointed;
    bool _isCheckpointDurable;

    // Guarded by _checkpointGate: the directory may have another name by now, or another topic's files.
    bool _checkpointsEnded;

    // The syncer's, and the closing turn's after the last sync.
    long _bytesSinceCheckpoint;

    /// <summary>Has everything synced that the turn wrote. False where it is. The turn goes on then.</summary>
    bool WaitsForSync()
    {
        lock (_gate)
        {
            if (_synced == _written.Cursor)
                return false;
        }
        SubmitTurnSync();
        return true;
    }

    /// <summary>
    /// Has the whole segment synced, also that bytes were cut: no end in the journal tells any more, from now on, that
    /// they are not part of it. False where it is. The turn goes on then.
    /// </summary>
    bool WaitsForWholeSync()
    {
        if (!_hasUnsyncedCut)
            return WaitsForSync();
        SubmitTurnSync();
        return true;
    }

    void SubmitTurnSync()
    {
        _turnSync ??= new TurnSync(this);
        var isBatchEnd = _group is null or { IsWritten: true } || _written.Cursor == _group.Start;
        _turnSync.Begin(TurnFiles(), _written, isBatchEnd);
        _context.Syncer.Submit(_turnSync);
    }

    void TurnSynced(IOException? error)
    {
        lock (_gate)
        {
            // A sync beside the turn failed: that this one succeeds proves nothing of what both covered.
            if (_isRepairDue)
                error ??= _repairCause;
        }
        if (error is not null)
        {
            FailTurnSync(error);
        }
        else
        {
            _hasUnsyncedCut = false;
            Synced(_turnSync!);
        }
        var isGroupSynced = _group is { IsWritten: true } && _group.Cursor != _group.Start && error is null;
        if (!isGroupSynced || StoppedReason is not null)
            ScheduleTurn();
        else if (_isAlways)
            SubmitSyncedGroup();
        else
            PublishWrittenGroup();
    }

    /// <summary>
    /// A sync of the turn's failed. A group that was not in the journal is taken back. What the journal has is written
    /// again. What nobody has is lost, and the partition stops.
    /// </summary>
    void FailTurnSync(IOException error)
    {
        if (!_written.IsJournaled)
        {
            Stop($"A sync failed ({error.Message})", error);
            return;
        }
        if (_group is { } group && group.Cursor != group.Start)
            GoBack(error);
        RequireRepair(error);
    }

    /// <summary>
    /// Where something was acknowledged without a sync: schedules one within the interval or a checkpoint's bytes, at
    /// once where the policy has become <c>always</c>. Any thread.
    /// </summary>
    void SyncInBackground()
    {
        lock (_gate)
        {
            var flush = _configuration.Flush;
            var interval = flush.Interval;
            // The journal has what is not synced, but not what came after it ceased to describe this partition.
            var unsyncedBytes =
                _isUnsynced && _published.IsJournaled ? 0 : _published.Cursor.Position - _synced.Position;
            if (_backgroundSyncDue || IsClosing || _refusal is not null || unsyncedBytes <= 0)
                return;
            if (!flush.IsAlways && interval is null && unsyncedBytes < _context.Options.CheckpointBytes)
                return;
            _backgroundSyncDue = true;
            if (interval is { } wait)
            {
                _timer = _context.Environment.Time.CreateTimer(
                    static state => ((Appender)state!).IntervalElapsed(),
                    this,
                    wait,
                    Timeout.InfiniteTimeSpan
                );
                return;
            }
        }
        SubmitBackgroundSync();
    }

    void IntervalElapsed()
    {
        lock (_gate)
        {
            // Stopped while it was on its way here.
            if (_timer is null)
                return;
            StopTimer();
        }
        SubmitBackgroundSync();
    }

    /// <summary>Under <c>_gate</c>.</summary>
    void StopTimer()
    {
        _timer?.Dispose();
        _timer = null;
    }

    /// <summary>
    /// Makes the segment durable, so that the journal can use the files again that hold the same bytes.
    /// </summary>
    public void SyncFor(JournalCheckpoint checkpoint)
    {
        lock (_gate)
        {
            if (_isUnsynced && _closed?.Task.IsCompleted != true)
            {
                _journalCheckpoints.Add(checkpoint);
                // One that runs may have begun before the last write. Another follows it.
                if (_backgroundSyncRuns || _isRepairDue)
                    return;
            }
            else
            {
                // One that was closed with unsynced bytes keeps the journal's files until the next start.
                if (!_isUnsynced)
                    checkpoint.Done();
                return;
            }
        }
        SubmitBackgroundSync();
    }

    void SubmitBackgroundSync()
    {
        BackgroundSync sync;
        lock (_gate)
        {
            // A roll, or going back, can have synced everything since this was asked for.
            if (((IsClosing || _refusal is not null) && !_isUnsynced) || _isRepairDue || _submitted.Cursor == _synced)
            {
                _backgroundSyncDue = false;
                return;
            }
            if (_backgroundSyncRuns)
                return;
            _backgroundSyncRuns = true;
            // Opens nothing: the partition keeps a lease as long as something is not synced.
            var lease = Active.Acquire(isSealed: false);
            sync = new BackgroundSync(this, lease, _submitted, _published, [.. _journalCheckpoints]);
        }
        _context.Syncer.Submit(sync);
    }

    void BackgroundSynced(BackgroundSync sync, IOException? error)
    {
        if (error is null)
            Synced(sync);
        else if (!sync.IsJournaling)
            Stop($"A sync failed ({error.Message})", error);
        bool closingTurnWaits;
        bool goesOn;
        JournalCheckpoint[] done = [];
        lock (_gate)
        {
            _backgroundSyncDue = _backgroundSyncRuns = false;
            (closingTurnWaits, _closingTurnWaits) = (_closingTurnWaits, false);
            // Where a sync of the turn's has failed meanwhile, this one proves nothing. The repair tells those that
            // wait, and each is told once.
            if ((error is null && !_isRepairDue) || !sync.IsJournaling)
                done = Array.FindAll(sync.Checkpoints, _journalCheckpoints.Remove);
            goesOn = _journalCheckpoints.Count > 0;
            ReleaseIdleLease();
        }
        if (error is not null && sync.IsJournaling)
            RequireRepair(error);
        foreach (var checkpoint in done)
            checkpoint.Done();
        if (closingTurnWaits)
            ScheduleTurn();
        else if (goesOn)
            SubmitBackgroundSync();
        else // What was published meanwhile waits for a sync of its own.
            SyncInBackground();
    }

    /// <summary>The segment is synced up to a place. Runs on the syncer's thread.</summary>
    void Synced(SegmentSync sync)
    {
        bool isSynced;
        bool isCheckpointDue;
        lock (_gate)
        {
            // A stopped log still leaves the journal.
            if (_isRepairDue || (_refusal is not null && !_isUnsynced))
                return;
            // The other kind of sync may have got further already, and a roll may have left the segment.
            var isNews = sync.Cursor.BaseOffset == _synced.BaseOffset && sync.Cursor.Position > _synced.Position;
            if (isNews)
            {
                _bytesSinceCheckpoint += sync.Cursor.Position - _synced.Position;
                SetSynced(sync.Cursor, sync.IsBatchEnd);
                _unsyncedSinceRound = sync.NextRound;
            }
            isSynced = TakeSynced();
            isCheckpointDue = isNews && _refusal is null && _bytesSinceCheckpoint >= _context.Options.CheckpointBytes;
        }
        if (isSynced)
            _context.Journal.RemoveUnsynced(this);
        if (isCheckpointDue && sync.Checkpointable is { } state)
            TryWriteCheckpoint(sync.Files, state);
    }

    /// <summary>Under <c>_gate</c>: whether the log leaves those that hold bytes which only the journal has.</summary>
    bool TakeSynced()
    {
        if (!_isUnsynced || _synced != _submitted.Cursor)
            return false;
        Volatile.Write(ref _isUnsynced, false);
        return true;
    }

    /// <param name="files">The segment's. Null for the turn's own, which may have to be opened.</param>
    /// <param name="durable">A batch's end up to which the log is durable in its segments.</param>
    void TryWriteCheckpoint(SegmentFiles? files, in LogState durable)
    {
        _bytesSinceCheckpoint = 0;
        try
        {
            WriteCheckpoint(files, durable, logStartOffset: 0);
        }
        catch (IOException exception)
        {
            // The one before stays valid. Only a start after a crash has more to read.
            StorageLog.CheckpointFailed(_context.Environment.Logger, exception, _context.Directory);
        }
        catch (LogClosedException)
        {
            // A trim has left the segment meanwhile, with a checkpoint of its own.
        }
    }

    /// <summary>
    /// Renews the checkpoint, unless there is nothing new in it. A log's start, once it was moved, does not move back.
    /// </summary>
    void WriteCheckpoint(SegmentFiles? files, in LogState durable, long logStartOffset)
    {
        lock (_checkpointGate)
        {
            var cursor = durable.Cursor;
            var startOffset = Math.Max(logStartOffset, _checkpointed.LogStartOffset);
            var checkpoint = new Checkpoint(startOffset, cursor, durable.LastStampMs, durable.Producers)
            {
                Damage = FoundDamage(),
                IsJournaled = durable.IsJournaled,
            };
            // A turn that trimmed may have been faster than the syncer's.
            if (cursor.NextOffset < _checkpointed.Durable.NextOffset)
                return;
            if (checkpoint != _checkpointed || (JournalPartition.IsKnown && !_isCheckpointDurable))
            {
                SyncIndex((files ?? TurnFiles()).Index);
                checkpoint.Write(_context);
                (_checkpointed, _isCheckpointDurable) = (checkpoint, true);
            }
            JournalPartition.SetCheckpointed(checkpoint.IsJournaled, cursor.BaseOffset, cursor.Position);
        }
    }

    /// <summary>
    /// Remembers the damage that a verification found in a segment, durably, and forgets what was known before. Any
    /// thread, and not a step of the turn.
    /// </summary>
    public void SetDamage(Segment segment, IReadOnlyList<DamagedRange> damage)
    {
        if (damage.SequenceEqual(segment.Damage))
            return;
        segment.Damage = damage;
        lock (_checkpointGate)
        {
            // What a stopped partition has on the disk is for people to look at.
            if (_checkpointsEnded || StoppedReason is not null)
                return;
            try
            {
                var checkpoint = _checkpointed with { Damage = FoundDamage() };
                checkpoint.Write(_context);
                (_checkpointed, _isCheckpointDurable) = (checkpoint, true);
            }
            catch (IOException exception)
            {
                StorageLog.CheckpointFailed(_context.Environment.Logger, exception, _context.Directory);
            }
        }
    }

    // No damage is always the same empty array, so that a checkpoint without news is equal to the one before.
    SegmentDamage[] FoundDamage() =>
        [
            .. _view.Segments.SelectMany(static segment =>
                segment.Damage.Select(range => new SegmentDamage(segment.BaseOffset, range))
            ),
        ];

    /// <summary>No journal file is kept for this log any more.</summary>
    void LeaveJournal()
    {
        JournalCheckpoint[] left;
        lock (_gate)
        {
            left = [.. _journalCheckpoints];
            _journalCheckpoints.Clear();
            Volatile.Write(ref _isUnsynced, false);
        }
        _context.Journal.RemoveUnsynced(this);
        foreach (var checkpoint in left)
            checkpoint.Done();
    }

    /// <summary>The place that a sync makes durable, and what a checkpoint there has to say.</summary>
    abstract class SegmentSync : Commit
    {
        public SegmentFiles? Files { get; protected set; }

        public SegmentCursor Cursor { get; protected set; }

        /// <summary>
        /// What is written to the segment after the sync began is journaled in this round or a later one.
        /// </summary>
        public ulong NextRound { get; protected set; }

        /// <summary>Whether a whole batch ends there.</summary>
        public bool IsBatchEnd { get; protected set; } = true;

        /// <summary>A place up to there that a start may begin at. Null where there is none.</summary>
        public LogState? Checkpointable { get; protected set; }

        public override IFile File => Files!.Data;
    }

    sealed class TurnSync(Appender appender) : SegmentSync
    {
        public void Begin(SegmentFiles files, in LogState state, bool isBatchEnd)
        {
            (Files, Cursor, IsBatchEnd) = (files, state.Cursor, isBatchEnd);
            NextRound = appender._context.Journal.LastRound + 1;
            // Not while a large group is under way: it counts only with its entry.
            Checkpointable = appender._group is null ? state : null;
        }

        public override void Completed(IOException? error) => appender.TurnSynced(error);
    }

    sealed class BackgroundSync : SegmentSync
    {
        readonly Appender _appender;
        readonly SegmentLease _lease;

        public BackgroundSync(
            Appender appender,
            SegmentLease lease,
            in LogState submitted,
            in LogState published,
            JournalCheckpoint[] checkpoints
        )
        {
            (_appender, _lease, Checkpoints) = (appender, lease, checkpoints);
            (Files, Cursor, Checkpointable) = (lease.Files, submitted.Cursor, published);
            (IsJournaling, NextRound) = (submitted.IsJournaled, appender._context.Journal.LastRound + 1);
        }

        /// <summary>Whether the journal has what this sync may lose.</summary>
        public bool IsJournaling { get; }

        /// <summary>The journal's checkpoints that wait for it.</summary>
        public JournalCheckpoint[] Checkpoints { get; }

        public override void Completed(IOException? error)
        {
            _appender.BackgroundSynced(this, error);
            _lease.Dispose();
        }
    }
}
