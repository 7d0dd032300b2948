using System.Runtime.CompilerServices;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Waiting;

namespace LogHttp.AspNetCore.Following;

/// <summary>
/// A response without an end. It sends the available records, waits for more, and sends heartbeats. Records that a
/// follower does not take are not kept for it. It continues to read the file at its position (api/PROTOCOL.md §10).
/// </summary>
internal sealed partial class FollowStream(
    HttpContext context,
    IReadOnlyList<FollowSource> sources,
    FollowFormat format,
    FollowServices services
)
{
    readonly LogWaiter _waiter = new();
    readonly TimeSpan _heartbeat = services.Settings.HeartbeatInterval;

    FollowSource _reading = sources[0];

    /// <summary>
    /// Runs until the client disconnects, a topic is deleted, its records at the position are trimmed, or the server
    /// stops. Also ends where the request says, and when a topic that is followed as a whole has more partitions. The
    /// client's next request follows those too.
    /// </summary>
    public async Task RunAsync(bool isHead)
    {
        var (response, aborted) = (context.Response, context.RequestAborted);
        response.ContentType = format.ContentType;
        response.Headers.CacheControl = CachePolicy.NoStore;
        response.Headers["X-Accel-Buffering"] = "no";
        using var gone = aborted.UnsafeRegister(static waiter => ((LogWaiter)waiter!).Cancel(), _waiter);
        try
        {
            await response.StartAsync(aborted);
            if (isHead)
                return;
            await format.BeginAsync(aborted);
            await response.BodyWriter.FlushAsync(aborted);
            while (await SendAllAsync(aborted) && !HasAnyTopicGrown() && await WaitAsync(aborted)) { }
            await format.EndAsync(aborted);
        }
        catch (Exception exception) when (exception is OperationCanceledException or LogClosedException)
        {
            // The client has disconnected, or the topic was deleted. The stream ends in both cases, and the next
            // request gets the reason.
            if (!aborted.IsCancellationRequested)
                await format.EndAsync(aborted);
        }
        catch (IOException exception) when (!aborted.IsCancellationRequested)
        {
            // The status is already sent. A broken response can't pass for one that ended. The next request begins at
            // the damage and gets the error.
            var logger = context.RequestServices.GetRequiredService<ILogger<FollowStream>>();
            BrokenOff(logger, exception, _reading.Topic, _reading.Partition, _reading.NextOffset);
            context.Abort();
        }
        finally
        {
            services.Deadlines.Clear(_waiter);
            foreach (var source in sources)
                source.Drop();
        }
    }

    /// <summary>Called after the followers have read: a growth since then ends their wait.</summary>
    bool HasAnyTopicGrown()
    {
        for (var i = 0; i < sources.Count; i++)
        {
            if (sources[i].HasTopicGrown)
                return true;
        }
        return false;
    }

    /// <summary>
    /// Sends all available records, the partitions in turns. Returns false when one of them can't be followed any
    /// further, or the request wants no more. While the client reads, the stream holds at most its share of the budget.
    /// </summary>
    async ValueTask<bool> SendAllAsync(CancellationToken aborted)
    {
        var shareBytes = await services.Budget.TakeAsync(aborted);
        try
        {
            for (var isMore = true; isMore; )
            {
                isMore = false;
                // By index, because an enumerator would be allocated for every follower and record.
                for (var i = 0; i < sources.Count; i++)
                {
                    var source = _reading = sources[i];
                    if (source.IsDone)
                        continue;
                    var (needsFlush, endOffset) = await WritePageAsync(source, shareBytes, aborted);
                    if (endOffset is null)
                        return false;
                    if (format.IsAtLimit)
                    {
                        await format.FlushAsync(aborted);
                        return false;
                    }
                    if (source.NextOffset < endOffset && !source.IsDone)
                    {
                        isMore = true;
                        // The source need not wait yet. The stream may read other sources first, as slowly as the
                        // client takes their records.
                        source.Drop();
                    }
                    if (!needsFlush)
                        continue;
                    await format.FlushAsync(aborted);
                    // Other followers may wait for room by now, or there may be more of it.
                    services.Budget.Release(shareBytes);
                    shareBytes = 0;
                    shareBytes = await services.Budget.TakeAsync(aborted);
                }
            }
            await format.FlushAsync(aborted);
            return !aborted.IsCancellationRequested && !AreDone(sources);
        }
        finally
        {
            services.Budget.Release(shareBytes);
        }
    }

    /// <summary>Whether no partition has more records that the request wants.</summary>
    public static bool AreDone(IReadOnlyList<FollowSource> sources)
    {
        for (var i = 0; i < sources.Count; i++)
        {
            if (!sources[i].IsDone)
                return false;
        }
        return true;
    }

    /// <summary>
    /// Reads a page and writes as many of its records as fit. Returns the log's end, or null if the partition can't be
    /// followed any further. Releases the page, because its segment must not wait for the client.
    /// </summary>
    async ValueTask<(bool NeedsFlush, long? EndOffset)> WritePageAsync(
        FollowSource source,
        int shareBytes,
        CancellationToken aborted
    )
    {
        using var page = await source.Follower.ReadAsync(format.PageSize, aborted);
        if (page.Status is FetchStatus.BelowEarliest or FetchStatus.BeyondEnd)
            return (false, null);
        if (page.Region is not null)
            return (await format.WriteAsync(source, page, shareBytes, aborted), page.EndOffset);
        source.NextOffset = page.NextOffset;
        return (false, page.NextOffset);
    }

    [LoggerMessage(
        1,
        LogLevel.Error,
        "An answer that follows {Topic}/{Partition} was broken off at offset {Offset}, because the log can't be "
            + "read there"
    )]
    static partial void BrokenOff(ILogger logger, Exception exception, string topic, int partition, long offset);

    /// <summary>Waits for more records. Returns false if there will be none.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    async ValueTask<bool> WaitAsync(CancellationToken aborted)
    {
        while (true)
        {
            var nextFlush = format.NextFlush;
            services.Deadlines.Set(_waiter, nextFlush ?? _heartbeat);
            var wake =
                sources.Count == 1
                    ? await _waiter.WaitAsync(sources[0].Follower)
                    : await _waiter.WaitAsync(
                        sources.Where(static source => !source.IsDone).Select(static source => source.Follower)
                    );
            if (wake != LogWake.TimedOut)
                return wake == LogWake.Grown;
            if (nextFlush is null)
                await format.WriteHeartbeatAsync(aborted);
            else
                await format.FlushAsync(aborted);
        }
    }
}
