using System.Globalization;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Waiting;

namespace LogHttp.Storage.Appending;

/// <summary>
/// Writes one partition. Requests wait in a queue. One <i>turn</i> at a time takes a group of them and writes it to the
/// segment. The flush policy decides how the group becomes durable. Publishing and responses follow beside the next
/// turn (Appender.Commit.cs). No thread is kept while nothing waits.
/// </summary>
/// <remarks>
/// Threads: <c>_gate</c> guards the queue, the flags and the watermarks, and is never held across I/O. The turn's own
/// fields belong to the holder of the turn: a work item of the append scheduler, or the operation that the turn waits
/// for. Any thread reads <see cref="View"/>.
/// </remarks>
internal sealed partial class Appender : IUnsyncedLog, IPublishedLog
{
    readonly PartitionContext _context;
    readonly AppendBudget _budget;
    readonly Lock _gate = new();

    // Guarded by _gate. Allocated lazily: most partitions are idle.
    Queue<AppendRequest> Waiting => field ??= [];
    long _waitingBytes;
    bool _turnTaken;

    // Set when closing begins.
    TaskCompletionSource? _closed;
    AppendResult? _refusal;

    // Used by the turn.
    AppendGroup? _group;
    LogState _written;
    bool _writesFail;
    bool _isSegmentNew;

    // Whether the group must be durable before it is published. The configuration may change at any time.
    bool _isAlways;

    // Why the journal had no room for the turn that waited for it, and whether the turn has room reserved.
    IOException? _entryFailure;
    bool _hasPlace;

    // When the active segment was begun, Unix milliseconds. Null until it is first needed.
    long? _activeSinceMs;
    SegmentLease? _lease;

    volatile LogView _view;

    // Replaced by any thread, read once for each decision.
    volatile TopicConfiguration _configuration;

    public Appender(
        PartitionContext context,
        AppendBudget budget,
        TopicConfiguration configuration,
        RecoveredPartition found
    )
    {
        _budget = budget;
        (_context, _configuration, _view, _checkpointed) = (context, configuration, found.View, found.Checkpoint);
        _manifest = found.Manifest;
        foreach (var segment in found.Trimmed)
            Remove(segment);
        NoteTidying();
        _written = new(found.Written, found.LastStampMs, found.Producers, found.IsJournaled);
        (_submitted, _synced, _published) = (_written, found.Written, _written);
        (_journaled, _syncedBatchEnd) = (found.Written, found.Written);
        _hasUnsyncedCut = found.IsJournaled;
        (JournalPartition, _bytesSinceCheckpoint) = (context.JournalPartition, found.UncheckpointedBytes);
        _context.Reserve.Need(Checkpoint.MostBytes(found.Producers));
        Waiters = new LogWaiters(context.Environment.AppendScheduler, this);
        if (found.ReadOnlyReason is not null)
            _refusal = new(AppendStatus.PartitionStopped, Reason: found.ReadOnlyReason);
    }

    /// <summary>The partition as the journal knows it.</summary>
    public JournalPartition JournalPartition { get; }

    /// <summary>The readers that wait for more records.</summary>
    public LogWaiters Waiters { get; }

    /// <inheritdoc/>
    public LogView View => _view;

    /// <summary>Why appends are rejected, or null.</summary>
    public string? StoppedReason
    {
        get
        {
            lock (_gate)
                return _refusal?.Reason;
        }
    }

    /// <inheritdoc/>
    public int NextUnitBytes { get; private set; }

    Segment Active => _view.Active;

    bool IsClosing => _closed is not null;

    /// <summary>Queues a request, or completes it at once if it can't be accepted.</summary>
    public Task<AppendResult> Append(AppendRequest request)
    {
        var refusal = TryEnqueue(request, out var schedule);
        if (refusal is { } result)
            request.Complete(result);
        else if (schedule)
            ScheduleTurn();
        return request.Task;
    }

    /// <summary>
    /// Returns the refusal that a batch of about that size would get now, or null if there is room. Nothing is
    /// reserved.
    /// </summary>
    public AppendResult? CheckRoom(long sizeBytes)
    {
        lock (_gate)
        {
            if (CheckQueue(sizeBytes) is { } refusal)
                return refusal;
        }
        return _budget.HasRoomFor(sizeBytes) ? null : _budget.Refusal();
    }

    /// <summary>Returns the epoch and the next sequence of a producer in the published records.</summary>
    public (long Epoch, long NextSequence)? FindProducer(string id)
    {
        LogState published;
        lock (_gate)
            published = _published;
        var nowMs = Math.Max(_context.Environment.NowMs, published.LastStampMs);
        return published.Producers.Find(id, nowMs) is { } found ? (found.Epoch, found.NextSequence) : null;
    }

    /// <summary>
    /// Continues with another configuration. Data that the old policy left unsynced is synced as the new one asks.
    /// </summary>
    public void Configure(TopicConfiguration configuration)
    {
        bool wasDue;
        lock (_gate)
        {
            _configuration = configuration;
            // Data acknowledged under the old policy is synced now, so no later than that policy promised.
            wasDue = _timer is not null;
            StopTimer();
        }
        RequireManifestStep(static appender => appender._isConfigurationNew = true);
        if (wasDue)
            SubmitBackgroundSync();
        else
            SyncInBackground();
    }

    /// <summary>
    /// Finishes the accepted requests, makes all data durable and writes the checkpoint. Later appends are rejected.
    /// </summary>
    /// <param name="isDeletion">
    /// Whether the partition's files are deleted next. Then the journal records it durably.
    /// </param>
    public Task CloseAsync(bool isDeletion = false)
    {
        lock (_gate)
        {
            if (_closed is not null)
                return _closed.Task;
            _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            (_isDeleted, _isDeletionDue) = (isDeletion, isDeletion);
            if (_turnTaken)
                return _closed.Task;
            _turnTaken = true;
        }
        ScheduleTurn();
        return _closed.Task;
    }

    /// <summary>Continues a turn that waited for the journal.</summary>
    public void Resume(IOException? failure)
    {
        _entryFailure = failure;
        ScheduleTurn();
    }

    AppendResult? TryEnqueue(AppendRequest request, out bool schedule)
    {
        schedule = false;
        lock (_gate)
        {
            if (_refusal is not null)
                return _refusal;
            if (IsClosing)
                return new(AppendStatus.Closed, Reason: "The topic is being deleted, or the server is stopping.");
            if (CheckQueue(request.MaxFramedBytes) is { } full)
                return full;
            if (!request.TryHold(_budget))
                return _budget.Refusal();
            Waiting.Enqueue(request);
            _waitingBytes += request.MaxFramedBytes;
            schedule = !_turnTaken;
            _turnTaken = true;
            return null;
        }
    }

    /// <summary>Under <c>_gate</c>: accepts a batch of any size if the queue is empty.</summary>
    AppendResult? CheckQueue(long sizeBytes)
    {
        var maxBytes = _context.Options.MaxQueuedBytes;
        if (_waitingBytes + sizeBytes <= maxBytes || Waiting.Count == 0)
            return null;
        return new(
            AppendStatus.Overloaded,
            Reason: string.Create(
                CultureInfo.InvariantCulture,
                $"{_waitingBytes} bytes wait to be written to this partition already; "
                    + $"the most is {maxBytes} (MaxQueuedBytes)."
            )
        );
    }

    void ScheduleTurn() =>
        _context.Environment.AppendScheduler.Schedule(static state => ((Appender)state!).RunTurn(), this);

    /// <summary>
    /// One step of a turn: a repair, a trim, a group or a slice of it, or the end. If the step waits, it runs again
    /// afterwards.
    /// </summary>
    void RunTurn()
    {
        if ((_group is null || _group.Cursor == _group.Start) && TryRunRepair())
            return;
        if (_group is not null && RefuseStopped())
            return;
        if (_group is null)
        {
            if (TryRunTrim())
                return;
            RunManifestStep();
            if (!TryBeginGroup())
            {
                EndTurn();
                return;
            }
        }
        try
        {
            var nowMs = _context.Environment.NowMs;
            if (_group!.Cursor == _group.Start)
            {
                if (_group.FirstToWrite(nowMs) is not { } first)
                {
                    RefuseAll(nowMs);
                    return;
                }
                if (StopIfCut() && RefuseStopped())
                    return;
                if (!TryPrepare(first))
                    return;
            }
            Write(nowMs);
        }
        catch (IOException exception)
        {
            GoBack(exception);
            ScheduleTurn();
        }
    }

    /// <summary>
    /// Begins the work that must precede the group's write. Returns false if the turn waits for it, or the group is
    /// rejected.
    /// </summary>
    bool TryPrepare(AppendRequest first)
    {
        if (_manifest!.MustReplace)
            _manifest.Compact();
        if (NeedsRoll(first))
        {
            if (WaitsForDrain() || WaitsForWholeSync())
                return false;
            Roll(BaseFor(first));
            _group = new AppendGroup(_group!.Requests, _written.Cursor, _written.LastStampMs, _written.Producers);
        }
        _isAlways = _configuration.Flush.IsAlways;
        if (!_isAlways && !_written.IsJournaled)
            return true;
        if (_isAlways != _written.IsJournaled && (WaitsForDrain() || WaitsForWholeSync()))
            return false;
        if (_isAlways && IsLarge && WaitsForDrain())
            return false;
        // One entry may precede the records. A large group has one entry, which marks its end.
        var recordBytes = _isAlways && !IsLarge ? (int)_group!.MaxFramedBytes : 0;
        if (!TryEnterJournal(JournalFormat.EncodedBytes(0) + JournalFormat.EncodedBytes(recordBytes)))
            return false;
        if (!_isAlways)
            EndJournaling();
        return _isAlways;
    }

    /// <summary>
    /// Whether the group bypasses the journal. It does if it is large, because its bytes would be written twice for
    /// little gain. It also does if its segment is on another volume, which must not delay the journal.
    /// </summary>
    bool IsLarge => GoesPastJournal(_group!.MaxFramedBytes);

    bool GoesPastJournal(long framedBytes) =>
        !_context.IsOnJournaledVolume || framedBytes >= _context.Options.JournalGroupBytes;

    void Write(long nowMs)
    {
        var group = _group!;
        var files = TurnFiles();
        var isJournaled = _isAlways && !IsLarge;
        var sliceBytes = isJournaled ? int.MaxValue : _context.Options.MaxGroupBytes;
        var frame = group.WriteSlice(files, sliceBytes, nowMs, keepsFrame: isJournaled);
        _written = _written with
        {
            Cursor = group.Cursor,
            LastStampMs = group.LastStampMs,
            Producers = group.Producers,
        };
        if (group.Start.Position == 0 && _written.Cursor.Position > 0)
            _activeSinceMs ??= nowMs;
        if (
            group.Producers.Count > group.StartProducers.Count
            && _context.Reserve.Need(Checkpoint.MostBytes(group.Producers))
        )
            _context.Reserve.Keep();
        _writesFail = false;
        if (isJournaled)
        {
            _group = null;
            SubmitGroup(group, frame);
            EndTurn();
        }
        else if (_isAlways)
        {
            SubmitTurnSync();
        }
        else if (!group.IsWritten)
        {
            ScheduleTurn();
        }
        else
        {
            PublishWrittenGroup();
        }
    }

    bool TryBeginGroup()
    {
        var requests = new List<AppendRequest>();
        var (start, nextOffset) = (_written.Cursor.Position, _written.Cursor.NextOffset);
        var position = start;
        lock (_gate)
        {
            // A group never crosses into a new segment, so that a rollback stays within one segment. A journaled group
            // stays below the size from which it would bypass the journal. A large request takes others along: they
            // share its sync.
            var isJournaled =
                _configuration.Flush.IsAlways
                && Waiting.TryPeek(out var first)
                && !GoesPastJournal(first.MaxFramedBytes);
            var groupBytes = isJournaled ? _context.Options.JournalGroupBytes - 1 : _context.Options.MaxGroupBytes;
            while (
                Waiting.TryPeek(out var next)
                && (
                    requests.Count == 0
                    || (
                        position + next.MaxFramedBytes <= Math.Min(_configuration.RollBytes, start + groupBytes)
                        && !IsFarAhead(next, nextOffset)
                    )
                )
            )
            {
                requests.Add(Waiting.Dequeue());
                position += next.MaxFramedBytes;
                nextOffset = next.OffsetAfter(nextOffset);
                _waitingBytes -= next.MaxFramedBytes;
            }
        }
        if (requests.Count == 0)
            return false;
        _group = new AppendGroup(requests, _written.Cursor, _written.LastStampMs, _written.Producers);
        // The failure belongs to an earlier group.
        _entryFailure = null;
        return true;
    }

    /// <summary>
    /// Completes a group that has only repeats and refusals, and so writes nothing. It is completed after the groups
    /// before it, because the original of a repeat must be durable first.
    /// </summary>
    void RefuseAll(long nowMs)
    {
        var group = _group!;
        group.RefuseAll(nowMs);
        _group = null;
        _written = _written with { LastStampMs = group.LastStampMs };
        AnswerInOrder(group);
        EndTurn();
    }

    /// <summary>
    /// Stops the partition if another program has truncated the open segment. Bytes written beyond its end would leave
    /// a hole of zeros. Returns true if the partition has stopped.
    /// </summary>
    bool StopIfCut()
    {
        var lengthBytes = _written.Cursor.Position;
        if (lengthBytes == 0 || TurnFiles().Data.LengthBytes is var foundBytes && foundBytes >= lengthBytes)
            return false;
        Stop(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Active.DataPath} has {foundBytes} of the {lengthBytes} bytes that were written: another "
                    + $"program cut it"
            ),
            exception: null
        );
        return true;
    }

    /// <summary>Rejects the group if the partition stopped while the turn waited.</summary>
    bool RefuseStopped()
    {
        AppendResult refusal;
        lock (_gate)
        {
            if (_refusal is null)
                return false;
            refusal = _refusal.Value;
        }
        var group = _group!;
        _group = null;
        _written = _written with
        {
            Cursor = group.Start,
            LastStampMs = group.StartStampMs,
            Producers = group.StartProducers,
        };
        AnswerInOrder(group, refusal);
        EndTurn();
        return true;
    }

    /// <summary>Completes a group that wrote nothing or was rolled back, after the groups before it.</summary>
    void AnswerInOrder(AppendGroup group, AppendResult? refusal = null)
    {
        LeavePlace();
        var unit = new GroupUnit(this, group, _written, entries: []) { EnteredBytes = 0, Refusal = refusal };
        lock (_gate)
            InFlight.Enqueue(unit);
        GroupCommitted(unit, failure: null);
    }

    /// <summary>Ends the turn if nothing waits. The closing turn never ends.</summary>
    void EndTurn()
    {
        bool isClosing;
        lock (_gate)
        {
            var isIdle = Waiting.Count == 0 && Trims.Count == 0 && !_isRepairDue && !IsManifestStepDue;
            isClosing = IsClosing && isIdle;
            if (isIdle && !IsClosing)
            {
                _turnTaken = false;
                ReleaseIdleLease();
                return;
            }
        }
        if (isClosing)
            RunClosingTurn();
        else
            ScheduleTurn();
    }

    SegmentFiles TurnFiles() => (_lease ??= Active.Acquire(isSealed: false)).Files;

    /// <summary>
    /// Under <c>_gate</c>, while no turn runs: closes a segment whose bytes are all synced, or are synced with the
    /// whole volume.
    /// </summary>
    void ReleaseIdleLease()
    {
        if (!_turnTaken && InFlight.Count == 0 && (_synced == _submitted.Cursor || !_keepsFilesOpen))
            ReleaseLease();
    }

    void ReleaseLease()
    {
        _lease?.Dispose();
        _lease = null;
    }
}
