using System.Runtime.ExceptionServices;

namespace LogHttp.Storage.Topics;

/// <summary>
/// Opens topics and their partitions in parallel, as many at a time as there are processors, and at least two. A start
/// after a crash reads and syncs each of them, and mostly waits for the disk. Any thread.
/// </summary>
/// <param name="isParallel">False: one after the other, on the caller's thread.</param>
internal sealed class Recoveries(bool isParallel)
{
    // Shared by topics and their partitions, so that topics with many partitions do not multiply the bound.
    readonly ParallelOptions _options = new()
    {
        TaskScheduler = new ConcurrentExclusiveSchedulerPair(
            TaskScheduler.Default,
            Math.Max(2, Environment.ProcessorCount)
        ).ConcurrentScheduler,
    };

    /// <summary>Calls <paramref name="act"/> for each item, and throws the first failure.</summary>
    public void ForEach<T>(IEnumerable<T> items, Action<T> act)
    {
        if (!isParallel)
        {
            foreach (var item in items)
                act(item);
            return;
        }
        try
        {
            Parallel.ForEach(items, _options, act);
        }
        catch (AggregateException exception)
        {
            ExceptionDispatchInfo.Throw(exception.Flatten().InnerExceptions[0]);
        }
    }
}
