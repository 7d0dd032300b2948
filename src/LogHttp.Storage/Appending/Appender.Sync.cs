using LogHttp.Storage.Committing;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

// Syncs segments: as part of the turn (large groups, rolls, trims, closing), or in the background (at intervals, and
// before the journal reuses a file). Writes the checkpoints that follow.
internal sealed partial class Appender
{
    // Allocated lazily: most partitions are idle.
    TurnSync? _turnSync;

    // Used by the turn: whether bytes were truncated, by this process or an earlier one, and a power cut could bring
    // them back.
    bool _hasUnsyncedCut;

    // Guarded by _gate: a timer or a sync runs beside the turns.
    bool _backgroundSyncDue;
    bool _backgroundSyncRuns;
    bool _turnWaitsForBackgroundSync;
    bool _areFilesReleased;
    bool _isDeletionDue;
    bool _isDeleted;

    // Guarded by _gate: set while a sync waits for its interval.
    ITimer? _timer;

    // Guarded by _gate: journal checkpoints that wait for this log.
    readonly List<JournalCheckpoint> _journalCheckpoints = [];

    // Held while a checkpoint is written, by a syncer or a turn. Never taken below _gate.
    readonly Lock _checkpointGate = new();

    // Guarded by _checkpointGate. The name of a checkpoint file that a start found may never have been synced.
    Checkpoint _checkpointed;
    bool _isCheckpointDurable;

    // Guarded by _checkpointGate: by now the directory may have been renamed, or hold another topic's files.
    bool _checkpointsEnded;

    // Used by the syncer, and by the closing turn after the last sync.
    long _bytesSinceCheckpoint;

    /// <summary>
    /// Syncs everything that the turn wrote. Returns false if it is synced already. Otherwise the turn continues after
    /// the sync.
    /// </summary>
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
    /// Syncs the whole segment, including truncations: from now on no end in the journal excludes the truncated bytes.
    /// Returns false if it is synced already. Otherwise the turn continues after the sync.
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
        _turnSync.Begin(_written, isBatchEnd);
        _context.Syncer.Submit(_turnSync);
    }

    void TurnSynced(IOException? error)
    {
        lock (_gate)
        {
            // A background sync failed. That this one succeeds proves nothing about the bytes that both covered.
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
    /// Handles a failed sync of the turn. A group that was not in the journal is rolled back. Bytes that the journal
    /// has are written again. Bytes that exist nowhere else are lost, and the partition stops.
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
    /// Schedules a background sync for data acknowledged before it was durable. It runs within the interval or a
    /// checkpoint's bytes, or at once if the policy has become <c>always</c>. Any thread.
    /// </summary>
    void SyncInBackground()
    {
        lock (_gate)
        {
            var flush = _configuration.Flush;
            var interval = flush.Interval;
            // The journal has the unsynced bytes, except those written after it stopped describing this partition.
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
            // The timer was stopped after it fired.
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

    /// <summary>Makes the segment durable, so that the journal can reuse the files that hold the same bytes.</summary>
    public void SyncFor(JournalCheckpoint checkpoint)
    {
        lock (_gate)
        {
            if (_isUnsynced && !_areFilesReleased)
            {
                _journalCheckpoints.Add(checkpoint);
                // A running sync may have begun before the last write. Another one follows it.
                if (_backgroundSyncRuns || _isRepairDue)
                    return;
            }
            else
            {
                // A log that was closed with unsynced bytes keeps the journal's files until the next start.
                if (!_isUnsynced)
                    checkpoint.Done();
                return;
            }
        }
        SubmitBackgroundSync();
    }

    void SubmitBackgroundSync()
    {
        BackgroundSync? sync = null;
        JournalCheckpoint[] done = [];
        lock (_gate)
        {
            if (_backgroundSyncRuns)
                return;
            LeaveUnsyncedIfSynced();
            // A roll, or a rollback, can have synced everything since this sync was requested.
            if (((IsClosing || _refusal is not null) && !_isUnsynced) || _submitted.Cursor == _synced)
            {
                _backgroundSyncDue = false;
                done = [.. _journalCheckpoints];
                _journalCheckpoints.Clear();
            }
            else if (_isRepairDue || _areFilesReleased)
            {
                _backgroundSyncDue = false;
            }
            else
            {
                _backgroundSyncRuns = true;
                sync = new BackgroundSync(this, _submitted, _published, [.. _journalCheckpoints]);
            }
        }
        foreach (var checkpoint in done)
            checkpoint.Done();
        if (sync is not null)
            _context.Syncer.Submit(sync);
    }

    void BackgroundSynced(BackgroundSync sync, IOException? error)
    {
        if (error is null)
            Synced(sync);
        else if (!sync.IsJournaling)
            Stop($"A sync failed ({error.Message})", error);
        bool turnWaits;
        bool goesOn;
        var isRepairNew = false;
        JournalCheckpoint[] done = [];
        lock (_gate)
        {
            _backgroundSyncDue = _backgroundSyncRuns = false;
            (turnWaits, _turnWaitsForBackgroundSync) = (_turnWaitsForBackgroundSync, false);
            if (error is not null && sync.IsJournaling)
                isRepairNew = SetRepairDue(error);
            // If a sync of the turn has failed meanwhile, this one proves nothing. Then the repair completes the
            // checkpoints. Each is completed once.
            if ((error is null && !_isRepairDue) || !sync.IsJournaling)
                done = Array.FindAll(sync.Checkpoints, _journalCheckpoints.Remove);
            goesOn = _journalCheckpoints.Count > 0;
            ReleaseIdleLease();
        }
        if (isRepairNew)
            BeginRepair(error!);
        foreach (var checkpoint in done)
            checkpoint.Done();
        if (turnWaits)
            ScheduleTurn();
        else if (goesOn)
            SubmitBackgroundSync();
        else // Records published meanwhile need another sync.
            SyncInBackground();
    }

    /// <summary>Notes that the segment is synced up to a position. Runs on the syncer's thread.</summary>
    void Synced(SegmentSync sync)
    {
        bool isCheckpointDue;
        lock (_gate)
        {
            // A stopped log still leaves the journal.
            if (_isRepairDue || (_refusal is not null && !_isUnsynced))
                return;
            // The other kind of sync may be further already, or a roll may have left the segment.
            var isNews = sync.Cursor.BaseOffset == _synced.BaseOffset && sync.Cursor.Position > _synced.Position;
            if (isNews)
            {
                _bytesSinceCheckpoint += sync.Cursor.Position - _synced.Position;
                SetSynced(sync.Cursor, sync.IsBatchEnd);
                _unsyncedSinceRound = sync.NextRound;
            }
            LeaveUnsyncedIfSynced();
            isCheckpointDue = isNews && _refusal is null && _bytesSinceCheckpoint >= _context.Options.CheckpointBytes;
        }
        if (isCheckpointDue && sync.Checkpointable is { } state)
            TryWriteCheckpoint(sync.Segment, state);
    }

    /// <summary>Under <c>_gate</c>: a log whose bytes are all synced no longer needs the journal's copy.</summary>
    void LeaveUnsyncedIfSynced()
    {
        if (_isUnsynced && _synced == _submitted.Cursor)
            LeaveUnsynced();
    }

    /// <summary>Under <c>_gate</c>.</summary>
    void LeaveUnsynced()
    {
        Volatile.Write(ref _isUnsynced, false);
        _keepsFilesOpen = true;
        _context.Journal.RemoveUnsynced(this);
    }

    /// <param name="segment">The segment of <paramref name="durable"/>.</param>
    /// <param name="durable">The end of a batch, up to which the log is durable in its segments.</param>
    void TryWriteCheckpoint(Segment segment, in LogState durable)
    {
        _bytesSinceCheckpoint = 0;
        try
        {
            WriteCheckpoint(segment, durable, logStartOffset: 0);
        }
        catch (IOException exception)
        {
            // The previous checkpoint stays valid. Only a start after a crash has more to read.
            StorageLog.CheckpointFailed(_context.Environment.Logger, exception, _context.Directory);
        }
        catch (LogClosedException)
        {
            // A trim has left the segment meanwhile and has written its own checkpoint.
        }
    }

    /// <summary>Writes the checkpoint again unless it is unchanged. The start of a log never moves back.</summary>
    void WriteCheckpoint(Segment segment, in LogState durable, long logStartOffset)
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
            // A turn that trimmed may have written a newer checkpoint before the syncer's.
            if (cursor.NextOffset < _checkpointed.Durable.NextOffset)
                return;
            if (checkpoint != _checkpointed || (JournalPartition.IsKnown && !_isCheckpointDurable))
            {
                using (var lease = segment.Acquire(isSealed: false))
                    SyncIndex(lease.Files.Index);
                checkpoint.Write(_context);
                (_checkpointed, _isCheckpointDurable) = (checkpoint, true);
            }
            JournalPartition.SetCheckpointed(checkpoint.IsJournaled, cursor.BaseOffset, cursor.Position);
        }
    }

    /// <summary>
    /// Remembers the damage that a verification found in a segment, durably, and forgets the earlier findings. Any
    /// thread. This is not a step of the turn.
    /// </summary>
    public void SetDamage(Segment segment, IReadOnlyList<DamagedRange> damage)
    {
        if (damage.SequenceEqual(segment.Damage))
            return;
        segment.Damage = damage;
        lock (_checkpointGate)
        {
            // The files of a stopped partition stay as they are, for people to examine.
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

    // No damage is always the same empty array, so that an unchanged checkpoint is equal to the one before.
    SegmentDamage[] FoundDamage() =>
        [
            .. _view.Segments.SelectMany(static segment =>
                segment.Damage.Select(range => new SegmentDamage(segment.BaseOffset, range))
            ),
        ];

    /// <summary>Releases the journal files that are kept for this log.</summary>
    void LeaveJournal()
    {
        JournalCheckpoint[] left;
        lock (_gate)
        {
            left = [.. _journalCheckpoints];
            _journalCheckpoints.Clear();
            LeaveUnsynced();
        }
        foreach (var checkpoint in left)
            checkpoint.Done();
    }

    /// <summary>The position up to which a sync makes the log durable, and the state for a checkpoint there.</summary>
    abstract class SegmentSync : Commit
    {
        /// <summary>The segment that is synced.</summary>
        public abstract Segment Segment { get; }

        /// <summary>Null if the file may be closed.</summary>
        protected SegmentFiles? Files { get; set; }

        public SegmentCursor Cursor { get; protected set; }

        /// <summary>
        /// Bytes that are written to the segment after the sync began are journaled in this round or a later one.
        /// </summary>
        public ulong NextRound { get; protected set; }

        /// <summary>Whether a whole batch ends at <see cref="Cursor"/>.</summary>
        public bool IsBatchEnd { get; protected set; } = true;

        /// <summary>
        /// A state, not after <see cref="Cursor"/>, from which a start may continue. Null if there is none.
        /// </summary>
        public LogState? Checkpointable { get; protected set; }

        public override IFile File => Files!.Data;

        public override bool NeedsSyncAll => Files is null;
    }

    sealed class TurnSync(Appender appender) : SegmentSync
    {
        public override Segment Segment => appender.Active;

        public void Begin(in LogState state, bool isBatchEnd)
        {
            bool keepsOpen;
            lock (appender._gate)
                keepsOpen = appender._keepsFilesOpen;
            Files = keepsOpen ? appender.TurnFiles() : null;
            (Cursor, IsBatchEnd) = (state.Cursor, isBatchEnd);
            NextRound = appender._context.Journal.LastRound + 1;
            // Not while a large group is in flight: it counts only with its entry.
            Checkpointable = appender._group is null ? state : null;
        }

        public override void Completed(IOException? error) => appender.TurnSynced(error);
    }

    sealed class BackgroundSync : SegmentSync
    {
        readonly Appender _appender;
        readonly SegmentLease? _lease;

        public override Segment Segment { get; }

        /// <summary>Under the appender's <c>_gate</c>.</summary>
        public BackgroundSync(
            Appender appender,
            in LogState submitted,
            in LogState published,
            JournalCheckpoint[] checkpoints
        )
        {
            (_appender, Segment, Checkpoints) = (appender, appender.Active, checkpoints);
            // Opens no file: the partition has a lease.
            _lease = appender._keepsFilesOpen ? Segment.Acquire(isSealed: false) : null;
            (Files, Cursor, Checkpointable) = (_lease?.Files, submitted.Cursor, published);
            (IsJournaling, NextRound) = (submitted.IsJournaled, appender._context.Journal.LastRound + 1);
        }

        /// <summary>Whether the journal has the bytes that this sync may lose.</summary>
        public bool IsJournaling { get; }

        /// <summary>The journal's checkpoints that wait for this sync.</summary>
        public JournalCheckpoint[] Checkpoints { get; }

        public override void Completed(IOException? error)
        {
            _appender.BackgroundSynced(this, error);
            _lease?.Dispose();
        }
    }
}
