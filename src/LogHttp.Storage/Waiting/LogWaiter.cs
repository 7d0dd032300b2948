using System.Threading.Tasks.Sources;

namespace LogHttp.Storage.Waiting;

/// <summary>Why a wait ended.</summary>
public enum LogWake
{
    /// <summary>
    /// A log has grown by the bytes that the waiter asked for, or to the end of a page, or into another segment. Or a
    /// failed sync has cut it back. Read again.
    /// </summary>
    Grown,

    /// <summary>The deadline has passed.</summary>
    TimedOut,

    /// <summary>Nobody needs the result any more.</summary>
    Cancelled,

    /// <summary>A topic was deleted, or the log is being closed.</summary>
    Closed,
}

/// <summary>
/// Waits for one or several partitions to grow, one wait at a time. An object of some 200 bytes, without thread or
/// timer, that serves many waits in turn. <see cref="Cancel"/> may be called from any thread.
/// </summary>
public sealed class LogWaiter : IValueTaskSource<LogWake>
{
    const int Ended = 0;
    const int Waiting = 1;
    const int Claimed = 2;

    // Continuations run on the pool: a thread that wakes ten thousand waiters must not run their code.
    ManualResetValueTaskSourceCore<LogWake> _source = new() { RunContinuationsAsynchronously = true };

    // Ended, waiting or claimed. Above that: claimed, and the wait ends with a LogWake once the claim does.
    int _state;
    volatile bool _isCancelled;
    long _restartTick;

    /// <summary>Creates a waiter that waits for nothing yet.</summary>
    public LogWaiter() => DeadlineNode = new(this);

    /// <summary>Used by <see cref="Deadlines"/> only.</summary>
    internal LinkedListNode<LogWaiter> DeadlineNode { get; }

    /// <summary>Used by <see cref="Deadlines"/> only.</summary>
    internal long DueTick { get; set; }

    /// <summary>Used by <see cref="Deadlines"/> only.</summary>
    internal long TimeoutTicks { get; set; }

    /// <summary>Used by <see cref="Deadlines"/> only. When the deadline's time began again.</summary>
    internal long RestartTick
    {
        get => Volatile.Read(ref _restartTick);
        set => Volatile.Write(ref _restartTick, value);
    }

    /// <summary>Waits until one follower's log has more than its last read found.</summary>
    /// <param name="follower">The follower. It has read before.</param>
    /// <param name="growthBytes">
    /// The bytes to wait for. Fewer are enough if the page of the last read has less room.
    /// </param>
    public ValueTask<LogWake> WaitAsync(LogListener follower, long growthBytes = 1)
    {
        ArgumentNullException.ThrowIfNull(follower);
        Begin();
        follower.Subscribe(this, growthBytes);
        return Wait();
    }

    /// <summary>Waits until any of these followers' logs has more than its last read found.</summary>
    public ValueTask<LogWake> WaitAsync(IEnumerable<LogListener> followers)
    {
        ArgumentNullException.ThrowIfNull(followers);
        Begin();
        foreach (var follower in followers)
            follower.Subscribe(this, growthBytes: 1);
        return Wait();
    }

    /// <summary>Ends this wait and all later ones at once. Called when the client has gone.</summary>
    public void Cancel()
    {
        _isCancelled = true;
        Complete(LogWake.Cancelled);
    }

    /// <summary>Ends the wait, unless it has ended. Any thread.</summary>
    internal void Complete(LogWake wake)
    {
        while (true)
        {
            var state = Volatile.Read(ref _state);
            if (state is not (Waiting or Claimed))
                return;
            var next = state == Waiting ? Ended : Claimed + 1 + (int)wake;
            if (Interlocked.CompareExchange(ref _state, next, state) != state)
                continue;
            if (state == Waiting)
                _source.SetResult(wake);
            return;
        }
    }

    /// <summary>
    /// Keeps the wait from ending until <see cref="EndClaim"/>, so that the caller alone uses the follower. Returns
    /// false if nobody waits.
    /// </summary>
    internal bool TryClaim() => Interlocked.CompareExchange(ref _state, Claimed, Waiting) == Waiting;

    /// <summary>Ends a claim. The wait continues without a wake, unless it was to end meanwhile.</summary>
    internal void EndClaim(LogWake? wake)
    {
        if (wake is null && Interlocked.CompareExchange(ref _state, Waiting, Claimed) == Claimed)
            return;
        var state = Interlocked.Exchange(ref _state, Ended);
        var meanwhile = state > Claimed ? (LogWake)(state - Claimed - 1) : (LogWake?)null;
        _source.SetResult(
            meanwhile is LogWake.Cancelled or LogWake.Closed ? meanwhile.Value : (wake ?? meanwhile)!.Value
        );
    }

    /// <summary>Ends a claim and the wait with an exception.</summary>
    internal void FailClaim(Exception exception)
    {
        Volatile.Write(ref _state, Ended);
        _source.SetException(exception);
    }

    void Begin()
    {
        _source.Reset();
        Volatile.Write(ref _state, Waiting);
    }

    ValueTask<LogWake> Wait()
    {
        // Cancelled before this wait began. No second call will end the wait.
        Interlocked.MemoryBarrier();
        if (_isCancelled)
            Complete(LogWake.Cancelled);
        return new(this, _source.Version);
    }

    LogWake IValueTaskSource<LogWake>.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<LogWake>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<LogWake>.OnCompleted(
        Action<object?> continuation,
        object? state,
        short token,
        ValueTaskSourceOnCompletedFlags flags
    ) => _source.OnCompleted(continuation, state, token, flags);
}
