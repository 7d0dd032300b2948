using System.Globalization;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Waiting;

namespace LogHttp.Storage.Appending;

/// <summary>
/// Writes one partition. Requests wait in a queue. One <i>turn</i> at a time takes a group of them, writes it to the
/// segment and hands it on to be made durable as the flush policy says. Publishing and answering follow beside the next
/// turn (Appender.Commit.cs). No thread is kept while nothing waits.
/// </summary>
/// <remarks>
/// Threads: <c>_gate</c> guards the queue, the flags and the watermarks, and is never held across I/O. The turn's own
/// fields belong to whoever has the turn: a work item of the append scheduler, or whatever the turn waits for.
/// <see cref="View"/> is read by anybody.
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

    // Set from the closing on.
    TaskCompletionSource? _closed;
    AppendResult? _refusal;

    // The turn's.
    AppendGroup? _group;
    LogState _written;
    bool _writesFail;
    bool _isSegmentNew;

    // Whether the group must be durable before it is published. A configuration may come at any time.
    bool _isAlways;

    // Why the journal had no place, where the turn waited for one. And whether it has one.
    IOException? _entryFailure;
    bool _hasPlace;

    // When the active segment was begun. Null until somebody asks.
    long? _activeSinceMs;
    SegmentLease? _lease;

    volatile LogView _view;

    // Replaced by anybody, read once for each decision.
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

    /// <summary>The readers that wait for more.</summary>
    public LogWaiters Waiters { get; }

    /// <inheritdoc/>
    public LogView View => _view;

    /// <summary>Why nothing can be appended, or null.</summary>
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

    /// <summary>Puts a request in the queue, or answers it at once when it can't be taken.</summary>
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
    /// What a batch of about that size would be refused with now, or null where there is room. Nothing is reserved.
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

    /// <summary>Where a producer stands, by what is published.</summary>
    public (long Epoch, long NextSequence)? FindProducer(string id)
    {
        LogState published;
        lock (_gate)
            published = _published;
        var nowMs = Math.Max(_context.Environment.NowMs, published.LastStampMs);
        return published.Producers.Find(id, nowMs) is { } found ? (found.Epoch, found.NextSequence) : null;
    }

    /// <summary>
    /// Goes on with another configuration. What the old one left to be made durable later is, if the new one asks for
    /// it.
    /// </summary>
    public void Configure(TopicConfiguration configuration)
    {
        bool wasDue;
        lock (_gate)
        {
            _configuration = configuration;
            // What was acknowledged under the old policy is made durable now, not later than was promised for it.
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
    /// Lets what was accepted finish, makes all durable, writes the checkpoint. Appends are refused from here on.
    /// </summary>
    /// <param name="isDeletion">Whether the partition's files go next: then the journal says so, durably.</param>
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

    /// <summary>Under <c>_gate</c>: a batch is let in whatever its size where none waits.</summary>
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
    /// One step of a turn: a repair, a trim, a group or a slice of it, or the end. Where it waits, it is run again.
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
    /// Begins what the group needs before it can be written. False where the turn waits for it, or the group is
    /// refused.
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
        // One entry may come before the records. Of a large group, one entry says where it ends.
        var recordBytes = _isAlways && !IsLarge ? (int)_group!.MaxFramedBytes : 0;
        if (!TryEnterJournal(JournalFormat.EncodedBytes(0) + JournalFormat.EncodedBytes(recordBytes)))
            return false;
        if (!_isAlways)
            EndJournaling();
        return _isAlways;
    }

    /// <summary>
    /// Whether the group goes past the journal: its bytes would be written twice for little, or its segment is on
    /// another volume, which must not hold up the journal.
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
            // A group never crosses into a new segment, so that going back is always within one. A journaled group
            // stays below the size from which it would go past the journal. A large request takes others along: they
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
        // It was of a group before.
        _entryFailure = null;
        return true;
    }

    /// <summary>
    /// A group of nothing but repeats and refusals writes nothing. It is answered behind those before it: what a repeat
    /// repeats must be durable first.
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
    /// Another program may cut the segment's file while it is open. Bytes written behind its end would leave a hole of
    /// zeros, so the partition stops. True where it has.
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

    /// <summary>The partition stopped while the turn waited: the group is not written, nor written on.</summary>
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

    /// <summary>Answers a group of which nothing is written behind those before it.</summary>
    void AnswerInOrder(AppendGroup group, AppendResult? refusal = null)
    {
        LeavePlace();
        var unit = new GroupUnit(this, group, _written, entries: []) { EnteredBytes = 0, Refusal = refusal };
        lock (_gate)
            InFlight.Enqueue(unit);
        GroupCommitted(unit, failure: null);
    }

    /// <summary>Gives the turn back when nothing waits. The closing turn is never given back.</summary>
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
    /// Under <c>_gate</c>, while nobody has the turn: a segment may be closed whose bytes are all synced, or synced
    /// with the whole volume.
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
