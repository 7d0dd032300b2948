using System.IO.Pipelines;

namespace LogHttp.Storage;

/// <summary>
/// Runs the work of appends on the thread pool, and counts what waits for a thread. So requests that never use the pool
/// can let it pass. Any thread.
/// </summary>
/// <param name="queue">Queues a work item.</param>
/// <param name="time">The clock.</param>
internal sealed class AppendPool(Action<IThreadPoolWorkItem> queue, TimeProvider time) : PipeScheduler
{
    /// <summary>
    /// If no work has begun for so long, all threads are blocked. Then nobody gains if others wait too.
    /// </summary>
    internal static readonly TimeSpan MaxWait = TimeSpan.FromMilliseconds(20);

    /// <summary>The process's own pool.</summary>
    public static readonly AppendPool Shared = new(
        static item => System.Threading.ThreadPool.UnsafeQueueUserWorkItem(item, preferLocal: false),
        TimeProvider.System
    );

    int _waiting;
    long _progressTimestamp;

    /// <summary>Whether work of an append waits for a thread, and will soon have one.</summary>
    public bool HasWaiting =>
        Volatile.Read(ref _waiting) > 0 && time.GetElapsedTime(Volatile.Read(ref _progressTimestamp)) < MaxWait;

    public override void Schedule(Action<object?> action, object? state)
    {
        if (Interlocked.Increment(ref _waiting) == 1)
            Volatile.Write(ref _progressTimestamp, time.GetTimestamp());
        queue(new Item(this, action, state));
    }

    void Begin()
    {
        if (Interlocked.Decrement(ref _waiting) > 0)
            Volatile.Write(ref _progressTimestamp, time.GetTimestamp());
    }

    sealed class Item(AppendPool pool, Action<object?> action, object? state) : IThreadPoolWorkItem
    {
        public void Execute()
        {
            pool.Begin();
            action(state);
        }
    }
}
