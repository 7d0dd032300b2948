using LogHttp.Storage.Partitions;

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

    /// <summary>
    /// How often the topic had grown at the last read. Set by <see cref="LogWaiters"/>, under its lock.
    /// </summary>
    internal int SeenTopicGrowths { get; set; }

    /// <summary>The list of live listeners that this one is in, and its place there. Set by the list.</summary>
    internal (LiveList? List, int Index) LivePlace { get; set; }

    /// <summary>Adds this listener to its partition's waiters, until the log has grown by this many bytes.</summary>
    internal abstract void Subscribe(LogWaiter waiter, long growthBytes);

    /// <summary>Ends the wait.</summary>
    internal abstract void Wake(LogWake wake);

    /// <summary>
    /// Reads what was published between two views, for all live listeners. Null if each has to read for itself.
    /// </summary>
    internal abstract IDisposable? ReadShared(LogView from, LogView to);

    /// <summary>
    /// Delivers what <see cref="ReadShared"/> has read, if this listener waits. Ends the wait if the listener has to
    /// continue by itself. Never blocks.
    /// </summary>
    internal abstract void Deliver(IDisposable? shared, LogView from, LogView to);
}
