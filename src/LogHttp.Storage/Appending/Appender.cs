using LogHttp.Storage.Producers;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>
/// Writes one partition. Requests wait in a queue; one <i>turn</i> at a time takes a group of them, writes it, has it
/// committed as the flush policy says, publishes it to readers and answers. No thread is kept while nothing waits.
/// </summary>
/// <remarks>
/// Threads: the queue and the flags are guarded by <c>_gate</c>, which is never held across I/O. The state of the turn
/// belongs to whoever has the turn: a work item of the append scheduler, or the committer between the submission of
/// the turn's commit and its completion. <see cref="View"/> is read by anybody.
/// </remarks>
internal sealed partial class Appender
{
    readonly PartitionContext _context;
    readonly Lock _gate = new();

    // Guarded by _gate. What an idle partition needs not is made when it does: thousands of topics mostly idle.
    Queue<AppendRequest> Waiting => field ??= [];
    long _waitingBytes;
    bool _turnTaken;

    // There from the closing on.
    TaskCompletionSource? _closed;
    AppendResult? _refusal;
    SegmentCursor _durable;
    SegmentCursor _durableBatchEnd;
    SegmentCursor _published;
    long _publishedStampMs;
    ProducerTable _publishedProducers;

    // The turn's.
    AppendGroup? _group;
    SegmentCursor _written;
    long _lastStampMs;
    ProducerTable _producers;
    bool _writesFail;

    // When the active segment was begun; null where nobody asked yet.
    long? _activeSinceMs;
    SegmentLease? _lease;

    volatile LogView _view;

    // Replaced by anybody, read once for each decision.
    volatile TopicConfiguration _configuration;

    public Appender(PartitionContext context, TopicConfiguration configuration, PartitionRecovery.Result found)
    {
        (_context, _configuration, _view, _lastStampMs, _checkpointed) = (context, configuration, found.View, found.LastStampMs, found.Checkpoint);
        (_written, _published, _durable, _durableBatchEnd) = (found.Written, found.Written, found.Written, found.Written);
        (_publishedStampMs, _publishedProducers, _producers) = (found.LastStampMs, found.Producers, found.Producers);
        _context.Reserve.Need(Checkpoint.MostBytes(_producers));
        Waiters = new LogWaiters(context.Environment.AppendScheduler, this);
        if (found.ReadOnlyReason is not null)
            _refusal = new(AppendStatus.PartitionStopped, Reason: found.ReadOnlyReason);
    }

    /// <summary>Who waits for more.</summary>
    public LogWaiters Waiters { get; }

    /// <summary>What readers may see now.</summary>
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

    /// <summary>What a batch of about that size would be refused with now, or null where there is room. Nothing is reserved.</summary>
    public AppendResult? CheckRoom(long sizeBytes)
    {
        lock (_gate)
        {
            if (CheckQueue(sizeBytes) is { } refusal)
                return refusal;
        }
        return _context.AppendBudget.HasRoomFor(sizeBytes) ? null : _context.AppendBudget.Refusal();
    }

    /// <summary>Where a producer stands, by what is published.</summary>
    public (long Epoch, long NextSequence)? FindProducer(string id)
    {
        ProducerTable producers;
        long lastStampMs;
        lock (_gate)
            (producers, lastStampMs) = (_publishedProducers, _publishedStampMs);
        return producers.Find(id, Math.Max(_context.Environment.NowMs, lastStampMs)) is { } found ? (found.Epoch, found.NextSequence) : null;
    }

    /// <summary>Goes on with another configuration. What the old one left to be made durable later is, if the new one asks for it.</summary>
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
        if (wasDue)
            SubmitBackgroundCommit();
        else
            CommitInBackground();
    }

    /// <summary>Lets what was accepted finish, makes all durable, writes the checkpoint. Appends are refused from here on.</summary>
    public Task CloseAsync()
    {
        lock (_gate)
        {
            if (_closed is not null)
                return _closed.Task;
            _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_turnTaken)
                return _closed.Task;
            _turnTaken = true;
        }
        ScheduleTurn();
        return _closed.Task;
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
            if (!request.TryHold(_context.AppendBudget))
                return _context.AppendBudget.Refusal();
            Waiting.Enqueue(request);
            _waitingBytes += request.MaxFramedBytes;
            schedule = !_turnTaken;
            _turnTaken = true;
            return null;
        }
    }

    /// <summary>Under <c>_gate</c>: a batch is let in whatever its size where none waits.</summary>
    AppendResult? CheckQueue(long sizeBytes) => _waitingBytes + sizeBytes > _context.Options.MaxQueuedBytes && Waiting.Count > 0
        ? new(AppendStatus.Overloaded, Reason: FormattableString.Invariant($"{_waitingBytes} bytes wait to be written to this partition already; the most is {_context.Options.MaxQueuedBytes} (maxQueuedBytes)."))
        : null;

    void ScheduleTurn() => _context.Environment.AppendScheduler.Schedule(static state => ((Appender)state!).RunTurn(), this);

    /// <summary>One step of a turn: a trim, a roll, a slice of a group, or the end.</summary>
    void RunTurn()
    {
        if (_group is null && TryRunTrim())
            return;
        if (_group is null && !TryBeginGroup())
        {
            EndTurn();
            return;
        }
        try
        {
            var nowMs = _context.Environment.NowMs;
            if (_group!.Cursor == _group.Start && _group.FirstToWrite(nowMs) is { } first && NeedsRoll(first))
            {
                if (!IsAllDurable())
                {
                    SubmitTurnCommit();
                    return;
                }
                Roll(BaseFor(first));
                _group = new AppendGroup(_group.Requests, _written, _lastStampMs, _producers);
            }
            _group.WriteSlice(TurnFiles(), _context.Options.MaxGroupBytes, nowMs);
            _written = _group.Cursor;
            if (_group.Start.Position == 0 && _written.Position > 0)
                _activeSinceMs ??= nowMs;
            if (_group.Producers.Count > _producers.Count && _context.Reserve.Need(Checkpoint.MostBytes(_group.Producers)))
                _context.Reserve.Keep();
        }
        catch (IOException exception)
        {
            GoBack(exception);
            ScheduleTurn();
            return;
        }
        // A group of nothing but repeats and refusals has nothing to commit: a storm of retries must not keep the disk busy.
        var isNothing = _group.IsWritten && _group.Cursor == _group.Start && IsAllDurable();
        if (_configuration.Flush.IsAlways && !isNothing)
        {
            SubmitTurnCommit();
            return;
        }
        if (!_group.IsWritten)
        {
            ScheduleTurn();
            return;
        }
        Publish();
        EndTurn();
    }

    bool TryBeginGroup()
    {
        var requests = new List<AppendRequest>();
        var (position, nextOffset) = (_written.Position, _written.NextOffset);
        lock (_gate)
        {
            // A group never crosses into a new segment, so that going back is always within one.
            while (Waiting.TryPeek(out var next)
                && (requests.Count == 0 || (position + next.MaxFramedBytes <= Math.Min(_configuration.RollBytes, _written.Position + _context.Options.MaxGroupBytes) && !IsFarAhead(next, nextOffset))))
            {
                requests.Add(Waiting.Dequeue());
                position += next.MaxFramedBytes;
                nextOffset = next.OffsetAfter(nextOffset);
                _waitingBytes -= next.MaxFramedBytes;
            }
        }
        if (requests.Count == 0)
            return false;
        _group = new AppendGroup(requests, _written, _lastStampMs, _producers);
        return true;
    }

    /// <summary>The group is as durable as the policy asks: readers may see it, its producers are answered.</summary>
    void Publish()
    {
        var group = _group!;
        _group = null;
        _writesFail = false;
        var hasGrown = group.Cursor != group.Start;
        // Before readers see the records: retention looks at the view first.
        if (hasGrown)
            Active.LastAppendMs = _context.Environment.NowMs;
        lock (_gate)
        {
            if (_refusal is null)
            {
                _published = _written;
                _publishedStampMs = _lastStampMs = group.LastStampMs;
                _publishedProducers = _producers = group.Producers;
                var grownBytes = _view.GrownBytes + _written.Position - _view.End.Position;
                // Where all were refused, nothing came behind a segment that was begun for one that failed.
                var end = hasGrown ? EndAt(_written) : _view.End;
                _view = _view with { End = end, IsDurable = _durable == _written, GrownBytes = grownBytes };
            }
        }
        if (hasGrown)
            Waiters.Grown();
        // Before anybody is told: another configuration from then on leaves what is promised now to be kept.
        CommitInBackground();
        Answer(group, failure: null);
    }

    /// <summary>Answers a group's requests: with what became of each, or with why nothing became of any.</summary>
    void Answer(AppendGroup group, AppendResult? failure)
    {
        lock (_gate)
            failure = _refusal ?? failure;
        foreach (var request in group.Requests)
        {
            if (failure is { } result)
                request.Complete(result);
            else
                request.Acknowledge();
        }
    }

    /// <summary>Gives the turn back when nothing waits; the closing turn is never given back.</summary>
    void EndTurn()
    {
        bool isClosing;
        lock (_gate)
        {
            var isIdle = Waiting.Count == 0 && Trims.Count == 0;
            isClosing = IsClosing && isIdle;
            if (isIdle && !IsClosing)
            {
                _turnTaken = false;
                if (_durable == _written)
                    ReleaseLease();
                return;
            }
        }
        if (isClosing)
            RunClosingTurn();
        else
            ScheduleTurn();
    }

    bool IsAllDurable()
    {
        lock (_gate)
            return _durable == _written;
    }

    SegmentFiles TurnFiles() => (_lease ??= Active.Acquire(isSealed: false)).Files;

    void ReleaseLease()
    {
        _lease?.Dispose();
        _lease = null;
    }

    /// <summary>Under <c>_gate</c>: the log is durable up to a place.</summary>
    void SetDurable(in SegmentCursor cursor, bool isBatchEnd)
    {
        _durable = cursor;
        if (isBatchEnd)
            _durableBatchEnd = cursor;
        if (_durable == _published && !_view.IsDurable)
            _view = _view with { IsDurable = true };
    }

    static SegmentEnd EndAt(in SegmentCursor cursor) => new(cursor.Position, cursor.NextOffset, cursor.MaxTimestampMs, cursor.IndexEntries);
}
