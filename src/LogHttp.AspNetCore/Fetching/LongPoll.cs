using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Limits;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Waiting;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>
/// Waits until a page is worth sending: no timer and no thread for each that waits, and none is asked again until there
/// is something (api/PROTOCOL.md §3).
/// </summary>
internal sealed class LongPoll(WaitingRequests waiting, Deadlines deadlines, TimeProvider time)
{
    /// <summary>
    /// The page at a place once it has as many bytes as were asked for, or ends before the log does; what there is when
    /// the time is over, the topic goes or the server stops.
    /// </summary>
    public async ValueTask<(FetchResult? Page, Problem? Problem)> ReadAsync(
        HttpContext context,
        LogAddress address,
        FetchQuery query
    )
    {
        if (query.Wait is not { } wait)
            return (await address.Partition.FetchAsync(address.Place, query.PageSize, context.RequestAborted), null);
        var follower = new LogFollower(address.Partition, address.Place);
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
                // What there is already comes with what comes next; and the next read looks its first record up.
                follower.PutBack(page);
                deadlines.Set(waiter, wait - time.GetElapsedTime(started));
                var wake = await waiter.WaitAsync(follower, missingBytes);
                page = await follower.ReadAsync(query.PageSize, context.RequestAborted);
                if (wake != LogWake.Grown || IsEnough(page, query.MinBytes))
                    return (page, null);
            }
        }
        finally
        {
            deadlines.Clear(waiter);
            follower.StopExpecting();
            waiting.Leave();
        }
    }

    static bool IsEnough(FetchResult page, long minBytes) =>
        page.Status switch
        {
            FetchStatus.AtEnd => false,
            FetchStatus.Page => page.Region!.LengthBytes >= minBytes || page.NextOffset < page.EndOffset,
            _ => true,
        };
}
