namespace LogHttp.Storage.Waiting;

/// <summary>A reader that can wait for its partition to grow.</summary>
public abstract class LogListener
{
    static long LastId;

    private protected LogListener() { }

    /// <summary>Orders listeners that wait for the same growth.</summary>
    internal long Id { get; } = Interlocked.Increment(ref LastId);

    /// <summary>How far the log must have grown. Set by <see cref="LogWaiters"/>, under its lock.</summary>
    internal long TargetBytes { get; set; }

    /// <summary>Adds this listener to its partition's waiters, until the log has grown by this many bytes.</summary>
    internal abstract void Subscribe(LogWaiter waiter, long growthBytes);

    /// <summary>Ends the wait.</summary>
    internal abstract void Wake(LogWake wake);
}
