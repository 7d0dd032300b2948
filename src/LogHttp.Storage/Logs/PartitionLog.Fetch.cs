using LogHttp.Storage.Files;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Reading;

namespace LogHttp.Storage.Logs;

// Fetches run on the caller's thread if the page cache has everything, else on a thread that may wait for the disk.
public sealed partial class PartitionLog
{
    /// <summary>
    /// Finds the page that begins at a place, and ends at the bounds if there are any, on a thread that may wait for
    /// the disk.
    /// </summary>
    /// <exception cref="CorruptionException">A segment or index is damaged at the place.</exception>
    /// <exception cref="IOException">The disk can't be read.</exception>
    /// <exception cref="LogClosedException">The topic was deleted, or the log closed.</exception>
    public FetchResult Fetch(LogPlace place, PageSize pageSize, ReadBounds? bounds = null) =>
        ReadView(
            (place, pageSize, bounds),
            static (view, query) => PageFinder.Fetch(query.place, query.pageSize, query.bounds, view, mayWait: true)
        );

    /// <summary>Does the same as <see cref="Fetch"/>, but waits for the disk on another thread.</summary>
    /// <exception cref="OperationCanceledException">
    /// The caller cancelled it before its turn to wait for the disk.
    /// </exception>
    public ValueTask<FetchResult> FetchAsync(LogPlace place, PageSize pageSize, CancellationToken cancellationToken) =>
        FetchAsync(place, pageSize, bounds: null, cancellationToken);

    /// <summary>Does the same for a page that ends at the bounds, if there are any.</summary>
    /// <exception cref="OperationCanceledException">
    /// The caller cancelled it before its turn to wait for the disk.
    /// </exception>
    public ValueTask<FetchResult> FetchAsync(
        LogPlace place,
        PageSize pageSize,
        ReadBounds? bounds,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return new(
                ReadView(
                    (place, pageSize, bounds),
                    static (view, query) =>
                        PageFinder.Fetch(query.place, query.pageSize, query.bounds, view, mayWait: false)
                )
            );
        }
        catch (WouldWaitException)
        {
            return FetchColdAsync(place, pageSize, bounds, cancellationToken);
        }
    }

    // A method of its own: captured variables are allocated at the start of their method, so every fetch would
    // allocate.
    ValueTask<FetchResult> FetchColdAsync(
        LogPlace place,
        PageSize pageSize,
        ReadBounds? bounds,
        CancellationToken cancellationToken
    ) => RunOnColdThreadAsync(() => Fetch(place, pageSize, bounds), cancellationToken);

    /// <summary>Retries a read that threw <see cref="WouldWaitException"/>, on a thread that may block.</summary>
    internal async ValueTask<TResult> RunOnColdThreadAsync<TResult>(
        Func<TResult> read,
        CancellationToken cancellationToken
    )
    {
        // Waits here and not on the cold thread, because a repair may take as long as the disk does.
        while (View.Repaired is { IsCompleted: false } repaired)
            await repaired.WaitAsync(cancellationToken);
        return await _context.ColdReads.RunAsync(read, cancellationToken);
    }

    /// <summary>Reads within the current view. Retries if a trim removed one of its segments meanwhile.</summary>
    internal TResult ReadView<TQuery, TResult>(TQuery query, Func<LogView, TQuery, TResult> read)
    {
        while (true)
        {
            var view = View;
            try
            {
                return read(view, query);
            }
            // A trim publishes the view without a segment before it closes the segment.
            catch (LogClosedException) when (view != View) { }
        }
    }
}
