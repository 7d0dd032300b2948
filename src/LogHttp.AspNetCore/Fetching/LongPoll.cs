using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Limits;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Waiting;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>
/// Waits until a page is worth sending. A waiting request takes no timer and no thread, and wakes only when its
/// partition has new records (api/PROTOCOL.md §3).
/// </summary>
internal sealed class LongPoll(WaitingRequests waiting, Deadlines deadlines, TimeProvider time)
{
    /// <summary>
    /// Returns the page at a position once it has the requested bytes, or can get no more. When the time is
    /// over, the topic is deleted or the server stops, returns the available records.
    /// </summary>
    public async ValueTask<(FetchResult? Page, Problem? Problem)> ReadAsync(
        HttpContext context,
        LogAddress address,
        FetchQuery query
    )
    {
        if (query.Wait is not { } wait)
            return (
                await address.Partition.FetchAsync(
                    address.Place,
                    query.PageSize,
                    query.PageBounds,
                    context.RequestAborted
                ),
                null
            );
        var follower = new LogFollower(address.Partition, address.Place) { Bounds = query.PageBounds };
        var page = await follower.ReadAsync(query.PageSize, context.RequestAborted);
        if (IsEnough(page, query.MinBytes))
            return (page, null);
        if (!waiting.TryEnter())
        {
            page.Dispose();
            return (null, waiting.Problem);
        }
        var waiter = new LogWaiter();
        var started = time.GetTimestamp();
        using var gone = context.RequestAborted.UnsafeRegister(static waiter => ((LogWaiter)waiter!).Cancel(), waiter);
        try
        {
            while (true)
            {
                var missingBytes = query.MinBytes - (page.Region?.LengthBytes ?? 0);
                page.Dispose();
                // The next read returns the records of this page together with newer ones, and looks up the first of
                // them.
                follower.UnreadPage(page);
                deadlines.Set(waiter, wait - time.GetElapsedTime(started));
                var wake = await waiter.WaitAsync(follower, missingBytes);
                page = await follower.ReadAsync(query.PageSize, context.RequestAborted);
                // After the first growth of a topic, a search goes on in the other partitions (Link).
                var isSearchOfMore = query.Search is not null && address.Topic.Partitions.Length > 1;
                if (wake != LogWake.Grown || isSearchOfMore || IsEnough(page, query.MinBytes))
                    return (page, null);
            }
        }
        finally
        {
            deadlines.Clear(waiter);
            follower.Unsubscribe();
            waiting.Leave();
        }
    }

    static bool IsEnough(FetchResult page, long minBytes) =>
        page.IsComplete
        || page.Status switch
        {
            FetchStatus.AtEnd => false,
            FetchStatus.Page => page.Region!.LengthBytes >= minBytes || page.NextOffset < page.EndOffset,
            _ => true,
        };
}
