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
    // Continuations run on the pool: a thread that wakes ten thousand waiters must not run their code.
    ManualResetValueTaskSourceCore<LogWake> _source = new() { RunContinuationsAsynchronously = true };
    int _isWaiting;
    volatile bool _isCancelled;

    /// <summary>Creates a waiter that waits for nothing yet.</summary>
    public LogWaiter() => DeadlineNode = new(this);

    /// <summary>Used by <see cref="Deadlines"/> only.</summary>
    internal LinkedListNode<LogWaiter> DeadlineNode { get; }

    /// <summary>Used by <see cref="Deadlines"/> only.</summary>
    internal long DueTick { get; set; }

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
        if (Interlocked.Exchange(ref _isWaiting, 0) == 1)
            _source.SetResult(wake);
    }

    void Begin()
    {
        _source.Reset();
        Volatile.Write(ref _isWaiting, 1);
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
