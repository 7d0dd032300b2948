using System.Globalization;

namespace LogHttp.Storage.Appending;

/// <summary>
/// The requests, trims and due steps that wait for a partition's turn. Decides which requests are accepted, who begins
/// a turn, and whether the turn may end.
/// </summary>
/// <param name="gate">
/// The partition's lock, which guards all fields. A member that says so is called under it, the others take it.
/// </param>
/// <param name="budget">The memory of the accepted appends of all partitions.</param>
/// <param name="maxWaitingBytes">The most bytes that wait, unless it is one batch.</param>
/// <param name="gatheredBytes">The size from which a group does not wait for the one in flight.</param>
/// <param name="configuration">The topic's configuration.</param>
/// <param name="readOnlyReason">Why nothing may be appended since the start, or null.</param>
internal sealed class AppendQueue(
    Lock gate,
    AppendBudget budget,
    long maxWaitingBytes,
    int gatheredBytes,
    TopicConfiguration configuration,
    string? readOnlyReason
)
{
    // Allocated lazily: most partitions are idle.
    Queue<AppendRequest> Waiting => field ??= [];
    Queue<TrimRequest> Trims => field ??= [];
    long _waitingBytes;
    ManifestSteps _manifestSteps;

    // Set when closing begins.
    TaskCompletionSource? _closed;

    // Replaced under the lock, read once for each decision, by any thread.
    volatile TopicConfiguration _configuration = configuration;
    volatile SegmentRepair? _repair;

    /// <summary>The topic's configuration. Set under the lock, read by any thread. It may change at any time.</summary>
    public TopicConfiguration Configuration
    {
        get => _configuration;
        set => _configuration = value;
    }

    /// <summary>The repair that waits for the turn, or null. Set under the lock, read by any thread.</summary>
    public SegmentRepair? Repair
    {
        get => _repair;
        set => _repair = value;
    }

    /// <summary>Under the lock: whether a turn is scheduled, runs or waits.</summary>
    public bool IsTurnTaken { get; private set; }

    /// <summary>Under the lock: why the partition takes no more writes, or null.</summary>
    public string? StoppedReason { get; private set; } = readOnlyReason;

    /// <summary>Under the lock: whether the partition takes no more writes.</summary>
    public bool IsStopped => StoppedReason is not null;

    /// <summary>Under the lock: the result of all requests to a stopped partition. Otherwise null.</summary>
    public AppendResult? Refusal =>
        StoppedReason is { } reason ? new(AppendStatus.PartitionStopped, Reason: reason) : null;

    /// <summary>Under the lock: whether new requests are rejected. Once true, it stays true.</summary>
    public bool IsClosing => _closed is not null;

    /// <summary>Whether the partition's files are deleted once it is closed. Set before the closing turn.</summary>
    public bool IsDeletion { get; private set; }

    /// <summary>Under the lock: whether a group is written and not published. Set by the publication.</summary>
    public bool IsGroupInFlight { get; set; }

    /// <summary>
    /// Under the lock: whether requests wait for the group in flight, so that the next group takes all that come
    /// meanwhile. Each group costs a write: a third as many took a tenth less CPU time. A large group does not wait.
    /// Its bytes cost more than its write, and are in the segment when the sync of the group in flight ends.
    /// </summary>
    public bool Gathers => IsGroupInFlight && !IsClosing && _waitingBytes < gatheredBytes;

    /// <summary>Under the lock: whether a turn has nothing to do now, except perhaps the closing.</summary>
    public bool IsIdle => (Waiting.Count == 0 || Gathers) && Trims.Count == 0 && _repair is null && _manifestSteps == 0;

    /// <summary>
    /// Queues a request, or returns why it can't be accepted. If <paramref name="beginsTurn"/>, the caller has the turn
    /// and schedules it.
    /// </summary>
    public AppendResult? TryEnqueue(AppendRequest request, out bool beginsTurn)
    {
        beginsTurn = false;
        lock (gate)
        {
            if (IsStopped)
                return Refusal;
            if (IsClosing)
                return new(AppendStatus.Closed, Reason: "The topic is being deleted, or the server is stopping.");
            if (CheckWaiting(request.MaxFramedBytes) is { } full)
                return full;
            if (!request.TryHold(budget))
                return budget.Refusal();
            Waiting.Enqueue(request);
            _waitingBytes += request.MaxFramedBytes;
            beginsTurn = !Gathers && TryTakeTurn();
            return null;
        }
    }

    /// <summary>
    /// Returns the refusal that a batch of about that size would get now, or null if there is room. Nothing is
    /// reserved.
    /// </summary>
    public AppendResult? CheckRoom(long sizeBytes)
    {
        lock (gate)
        {
            if (CheckWaiting(sizeBytes) is { } refusal)
                return refusal;
        }
        return budget.HasRoomFor(sizeBytes) ? null : budget.Refusal();
    }

    /// <summary>
    /// Queues a trim, or completes it at once if it can't be accepted. Returns whether the caller has the turn now, and
    /// schedules it.
    /// </summary>
    public bool Enqueue(TrimRequest trim)
    {
        lock (gate)
        {
            if (Refusal is { } refusal)
                trim.Refuse(refusal);
            else if (IsClosing)
                trim.Refuse(new(AppendStatus.Closed));
            else
                Trims.Enqueue(trim);
            return !trim.Task.IsCompleted && TryTakeTurn();
        }
    }

    /// <summary>
    /// Asks for changes of the manifest. Returns whether the caller has the turn now, and schedules it.
    /// </summary>
    public bool RequireManifestSteps(ManifestSteps steps)
    {
        lock (gate)
        {
            if (IsStopped || IsClosing)
                return false;
            _manifestSteps |= steps;
            return TryTakeTurn();
        }
    }

    /// <summary>
    /// Rejects later requests. Returns a task that ends with the closing turn. If <paramref name="beginsTurn"/>, the
    /// caller has the turn and schedules it.
    /// </summary>
    public Task BeginClosing(bool isDeletion, out bool beginsTurn)
    {
        beginsTurn = false;
        lock (gate)
        {
            if (_closed is null)
            {
                _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
                IsDeletion = isDeletion;
                beginsTurn = TryTakeTurn();
            }
            return _closed.Task;
        }
    }

    /// <summary>Ends the task of <see cref="BeginClosing"/>. Used by the closing turn.</summary>
    public void EndClosing() => _closed!.TrySetResult();

    /// <summary>Under the lock: returns whether the caller has the turn now. Then it schedules the turn.</summary>
    public bool TryTakeTurn()
    {
        var wasFree = !IsTurnTaken;
        IsTurnTaken = true;
        return wasFree;
    }

    /// <summary>Under the lock: ends the turn of a queue that is idle and not closing.</summary>
    public void EndTurn() => IsTurnTaken = false;

    /// <summary>Under the lock: the number of requests that wait.</summary>
    public int WaitingRequests => Waiting.Count;

    /// <summary>Under the lock: returns the next request, or null.</summary>
    public AppendRequest? PeekRequest() => Waiting.TryPeek(out var request) ? request : null;

    /// <summary>Under the lock: removes and returns the next request.</summary>
    public AppendRequest DequeueRequest()
    {
        var request = Waiting.Dequeue();
        _waitingBytes -= request.MaxFramedBytes;
        return request;
    }

    /// <summary>Returns the next trim, or null. It stays in the queue, because a failed sync refuses it.</summary>
    public TrimRequest? PeekTrim()
    {
        lock (gate)
            return Trims.TryPeek(out var trim) ? trim : null;
    }

    /// <summary>Removes the trim of <see cref="PeekTrim"/>, unless the partition has stopped since.</summary>
    public void DequeueTrim()
    {
        lock (gate)
        {
            // A failed sync has rejected all waiting trims.
            if (Trims.Count > 0)
                Trims.Dequeue();
        }
    }

    /// <summary>
    /// Removes and returns the due changes of the manifest. None if appends wait, which come first, or if the partition
    /// has stopped.
    /// </summary>
    public ManifestSteps TakeManifestSteps()
    {
        lock (gate)
        {
            if (_manifestSteps == 0 || (Waiting.Count > 0 && !Gathers))
                return 0;
            var steps = _manifestSteps;
            _manifestSteps = 0;
            return IsStopped ? 0 : steps;
        }
    }

    /// <summary>Under the lock: rejects all later requests. Returns those that waited, to be rejected too.</summary>
    public (AppendRequest[] Waiting, TrimRequest[] Trims) Stop(string reason)
    {
        StoppedReason = reason;
        AppendRequest[] waiting = [.. Waiting];
        TrimRequest[] trims = [.. Trims];
        Waiting.Clear();
        Trims.Clear();
        _waitingBytes = 0;
        return (waiting, trims);
    }

    /// <summary>Under the lock: replaces the reason of a partition that has stopped before.</summary>
    public void SetStoppedReason(string reason) => StoppedReason = reason;

    /// <summary>Under the lock: accepts a batch of any size if the queue is empty.</summary>
    AppendResult? CheckWaiting(long sizeBytes)
    {
        if (_waitingBytes + sizeBytes <= maxWaitingBytes || Waiting.Count == 0)
            return null;
        return new(
            AppendStatus.Overloaded,
            Reason: string.Create(
                CultureInfo.InvariantCulture,
                $"{_waitingBytes} bytes wait to be written to this partition already; "
                    + $"the most is {maxWaitingBytes} (MaxQueuedBytes)."
            )
        );
    }
}

/// <summary>Changes of the manifest that no caller waits for.</summary>
[Flags]
internal enum ManifestSteps
{
    /// <summary>The manifest gets the topic's configuration.</summary>
    Configuration = 1,

    /// <summary>Files that an earlier trim could not delete are deleted, and the manifest is compacted.</summary>
    Tidying = 2,
}
