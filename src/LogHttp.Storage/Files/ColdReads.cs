using System.Diagnostics.CodeAnalysis;

namespace LogHttp.Storage.Files;

/// <summary>
/// Runs reads that wait for the disk on threads of their own, because the pool's threads serve all other requests. It
/// bounds how many run at once, because a sync waits for the reads that the disk got before it. Any thread.
/// </summary>
[SuppressMessage(
    "Design",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "Lookups may end after the catalog; a semaphore that no handle was asked of holds nothing."
)]
internal sealed class ColdReads(int maxColdReads)
{
    // Only requests wait for it, and their number is bounded.
    readonly SemaphoreSlim _free = new(maxColdReads);

    /// <exception cref="OperationCanceledException">The read was cancelled before it began.</exception>
    public async ValueTask<TResult> RunAsync<TResult>(Func<TResult> read, CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken);
        try
        {
            // A thread for each read costs less than one wait for a disk.
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
