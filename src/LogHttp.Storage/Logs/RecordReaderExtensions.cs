using LogHttp.Storage.Files;
using LogHttp.Storage.Reading;

namespace LogHttp.Storage.Logs;

/// <summary>Reads records that are not in the page cache without blocking the caller's thread.</summary>
public static class RecordReaderExtensions
{
    /// <summary>
    /// Runs a loop of <see cref="RecordReader.TryRead"/>. If a record is not in the page cache, another thread reads it
    /// from the disk. The loop then starts again with that record.
    /// </summary>
    /// <param name="reader">The reader.</param>
    /// <param name="log">The region's partition.</param>
    /// <param name="state">The state of the loop.</param>
    /// <param name="loop">
    /// The loop. When <see cref="RecordReader.TryRead"/> throws, it must keep only the records that it got.
    /// </param>
    /// <param name="cancellationToken">Ends the wait for other cold reads' turns.</param>
    public static async ValueTask<TResult> ReadAsync<TState, TResult>(
        this RecordReader reader,
        PartitionLog log,
        TState state,
        Func<RecordReader, TState, TResult> loop,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(log);
        ArgumentNullException.ThrowIfNull(loop);
        while (true)
        {
            try
            {
                return loop(reader, state);
            }
            catch (WouldWaitException) { }
            await log.RunOnColdThreadAsync(reader.Fill, cancellationToken);
        }
    }
}
