using System.Runtime.ExceptionServices;

namespace LogHttp.Storage;

/// <summary>
/// Opens topics and their partitions side by side, as many at a time as there are processors: a start after a crash reads
/// and syncs each of them. Any thread.
/// </summary>
/// <param name="isParallel">False to do one after the other on the caller's thread.</param>
internal sealed class Recoveries(bool isParallel)
{
    // One for both levels, so that topics with many partitions do not multiply the bound.
    readonly ParallelOptions _options = new()
    {
        TaskScheduler = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, Environment.ProcessorCount).ConcurrentScheduler,
    };

    /// <summary>Does something for each, and throws what the first failure threw.</summary>
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
