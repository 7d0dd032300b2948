using LogHttp.Storage.Files;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Reading;

namespace LogHttp.Storage.Logs;

// Fetches: on the caller's thread where the page cache has everything, else on a thread that may wait for the disk.
public sealed partial class PartitionLog
{
    /// <summary>Finds the page that begins at a place, on a thread that may wait for the disk.</summary>
    /// <exception cref="CorruptionException">A segment or index is damaged at the place.</exception>
    /// <exception cref="IOException">The disk can't be read.</exception>
    /// <exception cref="LogClosedException">The topic was deleted, or the log closed.</exception>
    public FetchResult Fetch(LogPlace place, PageSize pageSize) =>
        OnView(
            (place, pageSize),
            static (view, asked) => PageFinder.Fetch(asked.place, asked.pageSize, view, mayWait: true)
        );

    /// <summary>
    /// As <see cref="Fetch(LogPlace, PageSize)"/>; waits for the disk on another thread where it has to.
    /// </summary>
    /// <exception cref="OperationCanceledException">
    /// It was called off before its turn to wait for the disk came.
    /// </exception>
    public ValueTask<FetchResult> FetchAsync(LogPlace place, PageSize pageSize, CancellationToken cancellationToken)
    {
        try
        {
            return new(
                OnView(
                    (place, pageSize),
                    static (view, asked) => PageFinder.Fetch(asked.place, asked.pageSize, view, mayWait: false)
                )
            );
        }
        catch (WouldWaitException)
        {
            return FetchColdAsync(place, pageSize, cancellationToken);
        }
    }

    // By itself: what a lambda captures is allocated where its method begins, which would be with every fetch.
    ValueTask<FetchResult> FetchColdAsync(LogPlace place, PageSize pageSize, CancellationToken cancellationToken) =>
        OnColdThreadAsync(() => Fetch(place, pageSize), cancellationToken);

    /// <summary>Runs what a <see cref="WouldWaitException"/> broke off once more, where it may wait.</summary>
    internal async ValueTask<TResult> OnColdThreadAsync<TResult>(
        Func<TResult> read,
        CancellationToken cancellationToken
    )
    {
        // Not on the cold thread: a repair may take as long as the disk does.
        while (View.Repaired is { IsCompleted: false } repaired)
            await repaired.WaitAsync(cancellationToken);
        return await _context.ColdReads.RunAsync(read, cancellationToken);
    }

    /// <summary>Reads what readers may see now; once more where a segment of it was removed meanwhile.</summary>
    internal TResult OnView<TAsked, TResult>(TAsked asked, Func<LogView, TAsked, TResult> read)
    {
        while (true)
        {
            var view = View;
            try
            {
                return read(view, asked);
            }
            // A trim shows the view without a segment before it closes the segment.
            catch (LogClosedException) when (view != View) { }
        }
    }
}
