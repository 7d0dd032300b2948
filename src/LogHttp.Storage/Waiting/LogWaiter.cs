using System.Threading.Tasks.Sources;

namespace LogHttp.Storage.Waiting;

/// <summary>Why a wait ended.</summary>
public enum LogWake
{
    /// <summary>
    /// A log has grown as far as was asked or as a page can, or into another segment, or was cut back by a failed sync:
    /// look again.
    /// </summary>
    Grown,

    /// <summary>The time is over.</summary>
    TimedOut,

    /// <summary>Nobody needs the answer any more.</summary>
    Cancelled,

    /// <summary>A topic was deleted, or the log is being closed.</summary>
    Closed,
}

/// <summary>
/// Somebody who waits for one or several partitions to grow: an object of some 200 bytes, without thread or timer, good
/// for one wait after the other. One wait at a time; <see cref="Cancel"/> from any thread.
/// </summary>
public sealed class LogWaiter : IValueTaskSource<LogWake>
{
    // Continuations run on the pool: whoever wakes ten thousand must not run their code.
    ManualResetValueTaskSourceCore<LogWake> _source = new() { RunContinuationsAsynchronously = true };
    int _isWaiting;
    volatile bool _isCancelled;

    /// <summary>Creates one that waits for nothing yet.</summary>
    public LogWaiter() => DeadlineNode = new(this);

    /// <summary>The deadlines' own.</summary>
    internal LinkedListNode<LogWaiter> DeadlineNode { get; }

    /// <summary>The deadlines' own.</summary>
    internal long DueTick { get; set; }

    /// <summary>Waits until one follower's log has more than its last read found.</summary>
    /// <param name="follower">Who has read.</param>
    /// <param name="growthBytes">
    /// How much more there has to be; less does where the page that was read can't take so much.
    /// </param>
    public ValueTask<LogWake> WaitAsync(LogListener follower, long growthBytes = 1)
    {
        ArgumentNullException.ThrowIfNull(follower);
        Begin();
        follower.Expect(this, growthBytes);
        return Wait();
    }

    /// <summary>Waits until any of these followers' logs has more than its last read found.</summary>
    public ValueTask<LogWake> WaitAsync(IEnumerable<LogListener> followers)
    {
        ArgumentNullException.ThrowIfNull(followers);
        Begin();
        foreach (var follower in followers)
            follower.Expect(this, growthBytes: 1);
        return Wait();
    }

    /// <summary>Ends the wait, and all later ones, at once: the client has gone.</summary>
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
        // Cancelled before this wait began: nobody will say so again.
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
