using System.IO.Pipelines;

namespace LogHttp.Storage;

/// <summary>
/// Runs the work of appends on the thread pool: turns, responses, and the wakes of readers. Counts what waits for a
/// thread, so that requests that need no pool can let it pass. Any thread.
/// </summary>
/// <param name="queue">Queues a work item.</param>
/// <param name="time">The clock.</param>
internal sealed class AppendPool(Action<IThreadPoolWorkItem> queue, TimeProvider time) : PipeScheduler
{
    /// <summary>
    /// If the work that began last had waited for so long, or none has begun for so long, threads are blocked. Then
    /// nobody gains if others wait too.
    /// </summary>
    internal static readonly TimeSpan MaxWait = TimeSpan.FromMilliseconds(20);

    /// <summary>The process's own pool.</summary>
    public static readonly AppendPool Shared = new(
        static item => System.Threading.ThreadPool.UnsafeQueueUserWorkItem(item, preferLocal: false),
        TimeProvider.System
    );

    int _waiting;

    // When the work that began last was queued, or the first that waits.
    long _queuedTimestamp;

    /// <summary>Whether work of an append waits for a thread, and will soon have one.</summary>
    public bool HasWaiting =>
        Volatile.Read(ref _waiting) > 0 && time.GetElapsedTime(Volatile.Read(ref _queuedTimestamp)) < MaxWait;

    public override void Schedule(Action<object?> action, object? state)
    {
        var timestamp = time.GetTimestamp();
        if (Interlocked.Increment(ref _waiting) == 1)
            Volatile.Write(ref _queuedTimestamp, timestamp);
        queue(new Item(this, timestamp, action, state));
    }

    void Begin(long queuedTimestamp)
    {
        if (Interlocked.Decrement(ref _waiting) > 0)
            Volatile.Write(ref _queuedTimestamp, queuedTimestamp);
    }

    sealed class Item(AppendPool pool, long queuedTimestamp, Action<object?> action, object? state)
        : IThreadPoolWorkItem
    {
        public void Execute()
        {
            pool.Begin(queuedTimestamp);
            action(state);
        }
    }
}
