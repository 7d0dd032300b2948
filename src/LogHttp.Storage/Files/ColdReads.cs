using System.Diagnostics.CodeAnalysis;

namespace LogHttp.Storage.Files;

/// <summary>
/// Runs what has to wait for the disk on threads that nobody else waits for: the pool's are what all others are
/// answered by. So many at once, for whoever syncs waits for what the disk was asked for before. Any thread.
/// </summary>
[SuppressMessage(
    "Design",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "Lookups may end after the catalog; a semaphore that no handle was asked of holds nothing."
)]
internal sealed class ColdReads(int maxColdReads)
{
    // Whoever waits for it is a request, and those are bounded.
    readonly SemaphoreSlim _free = new(maxColdReads);

    /// <exception cref="OperationCanceledException">It was not begun.</exception>
    public async ValueTask<TResult> RunAsync<TResult>(Func<TResult> read, CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken);
        try
        {
            // A thread each costs less than one wait for a disk.
            return await Task.Factory.StartNew(
                read,
                CancellationToken.None,
                TaskCreationOptions.LongRunning | TaskCreationOptions.RunContinuationsAsynchronously,
                TaskScheduler.Default
            );
        }
        finally
        {
            _free.Release();
        }
    }
}
