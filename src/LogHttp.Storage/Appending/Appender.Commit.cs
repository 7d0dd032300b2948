using LogHttp.Storage.Files;
using LogHttp.Storage.Producers;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

// Making what was written durable: as part of the turn (flush: always, rolls, closing), or beside it (intervals, checkpoints).
internal sealed partial class Appender
{
    // The turn's, for all its commits; made with the first, for most partitions of a large directory never append.
    TurnCommit? _turnCommit;

    // Guarded by _gate: a timer runs, or a commit is under way, beside the turns.
    bool _backgroundCommitDue;
    bool _backgroundCommitRuns;
    bool _closingTurnWaits;

    // Guarded by _gate: there as long as a commit is due that waits for its interval.
    ITimer? _timer;

    // Held while a checkpoint is written, by the committer or a turn; never taken below _gate.
    readonly Lock _checkpointGate = new();

    // Guarded by _checkpointGate.
    Checkpoint _checkpointed;

    // Guarded by _checkpointGate: the directory may have another name by now, or another topic's files.
    bool _checkpointsEnded;

    // The committer's, and the closing turn's after the last commit.
    long _bytesSinceCheckpoint;

    /// <summary>Hands the turn to the committer, which hands it back in <see cref="TurnCommitted"/>.</summary>
    void SubmitTurnCommit()
    {
        _turnCommit ??= new TurnCommit(this);
        _turnCommit.Begin(TurnFiles(), _written, _group?.LastStampMs ?? _lastStampMs, _group?.Producers ?? _producers, isBatchEnd: _group is null or { IsWritten: true } || _written == _group.Start);
        _context.Syncer.Submit(_turnCommit);
    }

    void TurnCommitted(IOException? error)
    {
        var isDurable = Committed(_turnCommit!, error);
        if (_group is not null && !isDurable)
        {
            Answer(_group, failure: null);
            _group = null;
        }
        else if (_group is { IsWritten: true })
        {
            Publish();
        }
        if (_group is null)
            EndTurn();
        else
            ScheduleTurn();
    }

    /// <summary>
    /// Where something was acknowledged without a sync: sees to it that one comes, within the interval or a checkpoint's
    /// bytes; at once where the policy has become <c>always</c>. Any thread.
    /// </summary>
    void CommitInBackground()
    {
        lock (_gate)
        {
            var flush = _configuration.Flush;
            var interval = flush.Interval;
            var dirtyBytes = _published.Position - _durable.Position;
            if (_backgroundCommitDue || IsClosing || _refusal is not null || dirtyBytes <= 0 || (!flush.IsAlways && interval is null && dirtyBytes < _context.Options.CheckpointBytes))
                return;
            _backgroundCommitDue = true;
            if (interval is { } wait)
            {
                _timer = _context.Environment.Time.CreateTimer(static state => ((Appender)state!).IntervalElapsed(), this, wait, Timeout.InfiniteTimeSpan);
                return;
            }
        }
        SubmitBackgroundCommit();
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
        SubmitBackgroundCommit();
    }

    /// <summary>Under <c>_gate</c>.</summary>
    void StopTimer()
    {
        _timer?.Dispose();
        _timer = null;
    }

    void SubmitBackgroundCommit()
    {
        BackgroundCommit commit;
        lock (_gate)
        {
            // A roll, or going back, can have made all durable since this was asked for.
            if (IsClosing || _refusal is not null || _published == _durable)
            {
                _backgroundCommitDue = false;
                return;
            }
            _backgroundCommitRuns = true;
            // Opens nothing: the turn keeps a lease as long as something is not durable.
            commit = new BackgroundCommit(this, Active.Acquire(isSealed: false), _published, _publishedStampMs, _publishedProducers);
        }
        _context.Syncer.Submit(commit);
    }

    void BackgroundCommitted(BackgroundCommit commit, IOException? error)
    {
        Committed(commit, error);
        bool closingTurnWaits;
        lock (_gate)
        {
            _backgroundCommitDue = _backgroundCommitRuns = false;
            closingTurnWaits = _closingTurnWaits;
            if (!_turnTaken && _durable == _published)
                ReleaseLease();
        }
        if (closingTurnWaits)
            ScheduleTurn();
        else // What was published meanwhile waits for a commit of its own.
            CommitInBackground();
    }

    /// <summary>What both kinds of commit lead to, on the committer; false when the partition is stopped.</summary>
    bool Committed(LogCommit commit, IOException? error)
    {
        if (error is not null)
            Stop(error);
        lock (_gate)
        {
            if (_refusal is not null)
                return false;
            // The other kind of commit may have got further already.
            if (commit.Cursor.BaseOffset != _durable.BaseOffset || commit.Cursor.Position <= _durable.Position)
                return true;
            _bytesSinceCheckpoint += commit.Cursor.Position - _durable.Position;
            SetDurable(commit.Cursor, commit.IsBatchEnd);
        }
        if (_bytesSinceCheckpoint >= _context.Options.CheckpointBytes && commit.IsBatchEnd)
            TryWriteCheckpoint(commit.Files, commit.Cursor, commit.LastStampMs, commit.Producers);
        return true;
    }

    /// <param name="files">The segment's; null for the turn's own, which may have to be opened.</param>
    /// <param name="durable">A batch's end up to which the log is durable.</param>
    /// <param name="lastStampMs">The last stamp before it.</param>
    /// <param name="producers">The producers there.</param>
    void TryWriteCheckpoint(SegmentFiles? files, in SegmentCursor durable, long lastStampMs, ProducerTable producers)
    {
        _bytesSinceCheckpoint = 0;
        try
        {
            WriteCheckpoint(files, durable, lastStampMs, producers, logStartOffset: 0);
        }
        catch (IOException exception)
        {
            // The one before stays valid; only a start after a crash has more to read.
            StorageLog.CheckpointFailed(_context.Environment.Logger, exception, _context.Directory);
        }
        catch (LogClosedException)
        {
            // A trim has left the segment meanwhile, with a checkpoint of its own.
        }
    }

    /// <summary>Renews the checkpoint, unless there is nothing new in it. A log's start, once it was moved, does not move back.</summary>
    void WriteCheckpoint(SegmentFiles? files, in SegmentCursor durable, long lastStampMs, ProducerTable producers, long logStartOffset)
    {
        lock (_checkpointGate)
        {
            var checkpoint = new Checkpoint(Math.Max(logStartOffset, _checkpointed.LogStartOffset), durable, lastStampMs, producers) { Damage = FoundDamage() };
            // A turn that trimmed may have been faster than the committer's.
            if (checkpoint == _checkpointed || durable.NextOffset < _checkpointed.Durable.NextOffset)
                return;
            SyncIndex((files ?? TurnFiles()).Index);
            checkpoint.Write(_context);
            _checkpointed = checkpoint;
        }
    }

    /// <summary>Remembers, durably, what a verification found of a segment; in the place of what was found before. Any thread, and not a step of the turn.</summary>
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
                _checkpointed = checkpoint;
            }
            catch (IOException exception)
            {
                StorageLog.CheckpointFailed(_context.Environment.Logger, exception, _context.Directory);
            }
        }
    }

    // No damage is always the same empty array, so that a checkpoint without news is equal to the one before.
    SegmentDamage[] FoundDamage() => [.. _view.Segments.SelectMany(static segment => segment.Damage.Select(range => new SegmentDamage(segment.BaseOffset, range)))];

    /// <summary>
    /// A sync failed: what the kernel could not write it may have dropped, and no later sync will say so. No more
    /// writes; readers see what was durable; the rest is looked at by the next start.
    /// </summary>
    void Stop(IOException exception)
    {
        AppendRequest[] waiting;
        TrimRequest[] trims;
        AppendResult refusal;
        bool isCutBack;
        lock (_gate)
        {
            if (_refusal is not null)
                return;
            refusal = new(AppendStatus.PartitionStopped, Reason: $"A sync failed ({exception.Message}), so the partition takes no more writes until the server is restarted on a healthy disk; what was durable is served.");
            _refusal = refusal;
            (waiting, trims) = ([.. Waiting], [.. Trims]);
            Waiting.Clear();
            Trims.Clear();
            _waitingBytes = 0;
            // A slice of a batch can be durable, and readers see whole batches.
            isCutBack = _view.End.Position > _durableBatchEnd.Position;
            if (isCutBack)
                _view = _view with { End = EndAt(_durableBatchEnd), IsDurable = true, GrownBytes = _view.GrownBytes - (_view.End.Position - _durableBatchEnd.Position) };
        }
        StorageLog.SyncFailed(_context.Environment.Logger, exception, _context.Directory);
        if (isCutBack)
            Waiters.Shrunk();
        foreach (var request in waiting)
            request.Complete(refusal);
        foreach (var trim in trims)
            trim.Refuse(refusal);
    }

    /// <summary>The last turn: nothing waits and nothing can come any more.</summary>
    void RunClosingTurn()
    {
        lock (_gate)
        {
            // It may be writing the checkpoint just now.
            _closingTurnWaits = _backgroundCommitRuns;
            if (_closingTurnWaits)
                return;
            StopTimer();
        }
        if (StoppedReason is null)
        {
            if (!IsAllDurable())
            {
                SubmitTurnCommit();
                return;
            }
            TryWriteCheckpoint(files: null, _written, _lastStampMs, _producers);
        }
        lock (_checkpointGate)
            _checkpointsEnded = true;
        Waiters.Close();
        ReleaseLease();
        foreach (var segment in _view.Segments)
            segment.Retire();
        _closed!.TrySetResult();
    }

    /// <summary>The place that a commit makes durable, and what a checkpoint there has to say.</summary>
    abstract class LogCommit : Commit
    {
        public SegmentFiles? Files { get; protected set; }

        public SegmentCursor Cursor { get; protected set; }
        public long LastStampMs { get; protected set; }

        /// <summary>The producers at the cursor: one that is further on would know batches that a power cut can take.</summary>
        public ProducerTable Producers { get; protected set; } = null!;

        /// <summary>In the middle of a batch there is no place that a start could begin at.</summary>
        public bool IsBatchEnd { get; protected set; } = true;

        public override IFile File => Files!.Data;
    }

    sealed class TurnCommit(Appender appender) : LogCommit
    {
        public void Begin(SegmentFiles files, in SegmentCursor cursor, long lastStampMs, ProducerTable producers, bool isBatchEnd) =>
            (Files, Cursor, LastStampMs, Producers, IsBatchEnd) = (files, cursor, lastStampMs, producers, isBatchEnd);

        public override void Completed(IOException? error) => appender.TurnCommitted(error);
    }

    sealed class BackgroundCommit : LogCommit
    {
        readonly Appender _appender;
        readonly SegmentLease _lease;

        public BackgroundCommit(Appender appender, SegmentLease lease, in SegmentCursor cursor, long lastStampMs, ProducerTable producers)
        {
            (_appender, _lease) = (appender, lease);
            (Files, Cursor, LastStampMs, Producers) = (lease.Files, cursor, lastStampMs, producers);
        }

        public override void Completed(IOException? error)
        {
            _appender.BackgroundCommitted(this, error);
            _lease.Dispose();
        }
    }
}
