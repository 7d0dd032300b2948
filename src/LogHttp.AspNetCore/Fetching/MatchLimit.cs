using LogHttp.AspNetCore.Limits;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>
/// Ends a page after a number of records with one key. They are found before the response begins, because its headers
/// have the offset to continue at.
/// </summary>
internal static class MatchLimit
{
    /// <summary>
    /// Returns the page up to the last match. Returns the whole page if it has fewer matches. The result has the page's
    /// lease, so the caller disposes of one of them.
    /// </summary>
    public static async ValueTask<FetchResult> EndAfterAsync(
        FetchResult page,
        RecordKey key,
        long limit,
        PartitionLog partition,
        FollowBudget budget,
        CancellationToken aborted
    )
    {
        if (page.Region is not { } region)
            return page;
        var shareBytes = await budget.TakeAsync(aborted);
        try
        {
            using var reader = new RecordReader(region, key, region.Position, shareBytes);
            var lastOffset = await reader.ReadAsync(
                partition,
                new Countdown(limit),
                static (reader, missing) => missing.FindLast(reader),
                aborted
            );
            return lastOffset is { } offset ? page.EndAt(reader.NextPosition, offset + 1) : page;
        }
        finally
        {
            budget.Release(shareBytes);
        }
    }

    /// <summary>Counts matches. It keeps its count when the reader waits for the disk.</summary>
    sealed class Countdown(long limit)
    {
        long _missing = limit;

        /// <summary>Returns the offset of the last match, or null if the region has fewer.</summary>
        public long? FindLast(RecordReader reader)
        {
            while (reader.TryRead(out var record))
            {
                if (--_missing == 0)
                    return record.Offset;
            }
            return null;
        }
    }
}
