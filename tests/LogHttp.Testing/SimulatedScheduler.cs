using System.IO.Pipelines;

namespace LogHttp.Testing;

/// <summary>Runs scheduled items on the caller's own thread, one at a time, in an order drawn from the seed.</summary>
/// <remarks>
/// One thread only. Items from another thread are refused, because no seed repeats the moment of their arrival.
/// </remarks>
public sealed class SimulatedScheduler(Random random) : PipeScheduler
{
    readonly List<WorkItem> _queue = [];
    int _threadId;

    /// <summary>The number of waiting items.</summary>
    public int Count => _queue.Count;

    /// <inheritdoc/>
    public override void Schedule(Action<object?> action, object? state) => Add(new WorkItem(this, action, state));

    /// <summary>
    /// Creates a scheduler over the same queue. Its items can be discarded alone, as when their process dies.
    /// </summary>
    public SimulatedLane CreateLane() => new(this);

    /// <summary>Runs one waiting item. False if the queue is empty. An item's exception passes through.</summary>
    public bool RunOne()
    {
        CheckThread();
        if (_queue.Count == 0)
            return false;
        var index = random.Next(_queue.Count);
        var item = _queue[index];
        _queue[index] = _queue[^1];
        _queue.RemoveAt(_queue.Count - 1);
        item.Action(item.State);
        return true;
    }

    /// <summary>Runs items until none waits, including those scheduled meanwhile, and returns their number.</summary>
    /// <exception cref="InvalidOperationException">Items still wait after the maximum: the work schedules itself
    /// again.</exception>
    public int RunAll(int maximumCount = 1_000_000)
    {
        for (var count = 0; ; count++)
        {
            if (_queue.Count == 0)
                return count;
            if (count == maximumCount)
                throw new InvalidOperationException($"{_queue.Count} items still wait after {count} were run.");
            RunOne();
        }
    }

    /// <summary>Discards all waiting items, in every lane.</summary>
    public void Clear() => _queue.Clear();

    internal void Add(WorkItem item)
    {
        CheckThread();
        _queue.Add(item);
    }

    internal void Clear(PipeScheduler lane) => _queue.RemoveAll(item => item.Lane == lane);

    void CheckThread()
    {
        if (_threadId == 0)
            _threadId = Environment.CurrentManagedThreadId;
        if (_threadId != Environment.CurrentManagedThreadId)
            throw new InvalidOperationException(
                "The simulation has one thread, and this is another: something ran on the thread pool."
            );
    }

    internal readonly record struct WorkItem(PipeScheduler Lane, Action<object?> Action, object? State);
}
