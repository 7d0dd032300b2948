using LogHttp.AspNetCore.Contract;
using LogHttp.Kestrel;
using LogHttp.Storage;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Waiting;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.AspNetCore.Following;

/// <summary>
/// A response without an end. It sends the available records, waits for more, and sends heartbeats. Records that a
/// follower does not take are not kept for it. It continues to read the file at its position (api/PROTOCOL.md §10).
/// </summary>
/// <remarks>
/// While it waits at the end of one partition, threads of the pool deliver new records past its own code: one piece,
/// framed once for all followers (<see cref="SharedPieces"/>). Its own thread runs again for a heartbeat, a slow client
/// or the end.
/// </remarks>
internal sealed partial class FollowStream(
    HttpContext context,
    IReadOnlyList<FollowSource> sources,
    FollowScope scope,
    FollowFormat format,
    FollowServices services
) : ILiveReader, IResult
{
    /// <summary>
    /// The most bytes that the kernel keeps for a follower before it sends them. More wait in the file.
    /// </summary>
    const int MaxUnsentBytes = 64 << 10;

    readonly LogWaiter _waiter = new();

    FollowSource _reading = sources[0];

    // Set if new records can be sent past the server's buffers.
    IChunkSender? _chunks;

    // The part of a shared piece that the socket did not take at once.
    SharedPieces? _begun;
    ReadOnlyMemory<byte> _rest;

    /// <summary>
    /// Runs until the client disconnects, a topic is deleted, its records at the position are trimmed, or the server
    /// stops. Also ends where the request says, and when a topic that is followed as a whole has more partitions. The
    /// client's next request follows those too.
    /// </summary>
    /// <remarks>
    /// A result of the endpoint, so that no method of the endpoint waits for its end. Each would hold its state.
    /// </remarks>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        if (!services.Waiting.TryEnter())
            return services.Waiting.Problem.ExecuteAsync(httpContext);
        // The parsed query is of no more use, and would stay as long as the response.
        context.Features.Set<IQueryFeature>(null);
        return RunAsync(isHead: context.Request.Method == HttpMethods.Head);
    }

    async Task RunAsync(bool isHead)
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
            UnsentBytes.Bound(context, MaxUnsentBytes);
            await format.BeginAsync(aborted);
            await response.BodyWriter.FlushAsync(aborted);
            if (sources.Count == 1 && !sources[0].IsBounded && format.SharedFormat is not null)
                _chunks = context.Features.Get<IHttpSendFileFeature>()?.ChunkSender;
            // Waits here and not in a method of its own, whose state each parked follower would hold as well.
            // A topic that grew before the last read wakes nobody.
            while (await SendAllAsync(aborted) && !scope.HasAnyTopicGrown())
            {
                LogWake wake;
                while ((wake = await WaitAsync()) == LogWake.TimedOut)
                {
                    if (_begun is not null)
                        await SendRestAsync(aborted);
                    if (format.NextFlush is null)
                        await format.WriteHeartbeatAsync(aborted);
                    else
                        await format.FlushAsync(aborted);
                }
                if (_begun is not null)
                    await SendRestAsync(aborted);
                if (wake != LogWake.Grown)
                    break;
            }
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
            // However the stream ended, the connection may be used again.
            if (!aborted.IsCancellationRequested)
                UnsentBytes.Release(context);
            services.Deadlines.Clear(_waiter);
            _begun?.Dispose();
            foreach (var source in sources)
                source.Drop();
            services.Waiting.Leave();
        }
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
                    // A source that was dropped behind its last record has to read once more before it can wait.
                    if (!source.IsDone && (source.NextOffset < endOffset || !source.HasFollower))
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
        var follower = source.Follower;
        // A source that was dropped has a new follower.
        if (_chunks is not null)
            follower.LiveReader = this;
        using var page = await follower.ReadAsync(format.PageSize, aborted);
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

    /// <summary>Begins to wait for more records, or for the time of a heartbeat or bookmark.</summary>
    ValueTask<LogWake> WaitAsync()
    {
        var waiting =
            sources.Count == 1
                ? _waiter.WaitAsync(sources[0].Follower)
                : _waiter.WaitAsync(
                    sources.Where(static source => !source.IsDone).Select(static source => source.Follower)
                );
        // Behind the beginning of the wait. A time that is over before would end nothing.
        services.Deadlines.Set(_waiter, format.NextFlush ?? services.Settings.HeartbeatInterval);
        return waiting;
    }

    LiveOutcome ILiveReader.Take(SharedPage page)
    {
        var source = sources[0];
        var pieces = SharedPieces.Of(page, services.Budget);
        var piece = pieces.Find(page, format, source);
        var sentBytes = piece.IsEmpty ? 0 : _chunks!.TrySend(piece.Span);
        if (sentBytes == 0)
        {
            source.NextOffset = page.Page.FirstOffset;
            return LiveOutcome.Declined;
        }
        source.NextOffset = page.Page.NextOffset;
        services.Deadlines.Restart(_waiter);
        if (sentBytes == piece.Length)
            return LiveOutcome.Taken;
        pieces.Retain();
        (_begun, _rest) = (pieces, piece[sentBytes..]);
        return LiveOutcome.Begun;
    }

    /// <summary>Sends the rest of a shared piece, for whose copy the stream takes a share of the budget.</summary>
    async ValueTask SendRestAsync(CancellationToken aborted)
    {
        var shareBytes = await services.Budget.TakeAsync(_rest.Length, aborted);
        try
        {
            var sending = _chunks!.SendRestAsync(_rest, aborted);
            // The rest is copied by now.
            _begun!.Dispose();
            (_begun, _rest) = (null, default);
            if (!await sending)
                throw new OperationCanceledException("The client has closed the connection.");
        }
        finally
        {
            services.Budget.Release(shareBytes);
        }
    }
}
