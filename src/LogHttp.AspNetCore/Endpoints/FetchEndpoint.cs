using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Fetching;
using LogHttp.AspNetCore.Following;
using LogHttp.AspNetCore.Limits;
using LogHttp.AspNetCore.Settings;
using LogHttp.AspNetCore.Threads;
using LogHttp.Kestrel;
using LogHttp.Storage;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Net.Http.Headers;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary>
/// <c>GET /topics/{topic}/{place}</c>: a page of records, sent unchanged from the segment file (api/PROTOCOL.md §3).
/// </summary>
internal static partial class FetchEndpoint
{
    /// <summary>The largest page that is sent by the thread that received its request.</summary>
    const int MaxInlineBytes = 64 << 10;

    /// <summary>The longest query that is read there. It is read once for each known parameter.</summary>
    const int MaxInlineQueryChars = 1 << 10;

    /// <summary>
    /// Whether a request takes only records as they are stored. Searching for a key, other forms and followers take
    /// longer. While appends wait for a thread of the pool, it goes there too, behind them.
    /// </summary>
    public static bool MayRunInline(HttpRequest request) =>
        !PartitionLog.AppendsWaitForThread
        && (request.Headers.Accept.Count == 0 || request.Headers.Accept == "*/*")
        && request.QueryString.Value?.Length is not > MaxInlineQueryChars
        && !TakesLonger(request.Parameters());

    static bool TakesLonger(QueryParameters query) =>
        query.Contains("key")
        || query.Contains("keyBase64")
        || query.Contains("view")
        || query.Contains("follow")
        || query.Contains("wait")
        || query.Contains(QueryNames.LastEventId);

    /// <summary>Read records from a place on</summary>
    /// <remarks>
    /// Returns a page of records, as they are in the log. Readers that started anywhere mostly use the same URLs after
    /// one page, because page ends depend on the log and `maxBytes`. Follow `Link: rel="next"` to get every record
    /// once.
    ///
    /// With `key` and without `partition`, all partitions are searched, one after the other. A response has records of
    /// one partition, which `Log-Partition` names, and `Link` leads to the rest. After a 204 it leads to the records
    /// that come later, in any partition.
    ///
    /// At the end of the log the response is 204, with a `Link` for the next request. With `wait` the server responds
    /// once it has records.
    ///
    /// With `follow=true` or `Accept: text/event-stream` the response does not end.
    ///
    /// `HEAD` returns the same without the body.
    /// </remarks>
    /// <response code="200">
    /// Records, or their values, in the form that `Accept` prefers. If it accepts none of these: record lines, or lines
    /// of JSON with `view=values`.
    /// </response>
    /// <response code="206">The bytes of `Range`, of a page that can never change.</response>
    /// <response code="204">
    /// The place is the end of the log, without a record yet. `Link` leads to the next record.
    /// </response>
    /// <response code="304">
    /// `If-None-Match` has the response's `ETag`: the client has the response already.
    /// </response>
    [Operation("fetch"), Tags("Records")]
    [Parameters(
        typeof(ITopicPath),
        typeof(IFetchParameters),
        typeof(ITopicIdParameter),
        typeof(IResumeParameters),
        typeof(IConditionHeaders)
    )]
    [ProducesResponseType<string>(200, MediaTypes.Records, "application/x-ndjson")]
    [ProducesResponseType<RecordLine[]>(200)]
    [ProducesResponseType<string>(200, "text/plain", MediaTypes.Events)]
    [ResponseHeaders(ResponseHeadersAttribute.Offsets, 200, 204, 206, 304)]
    [ResponseHeaders("Link Cache-Control", 200, 204, 206, 304)]
    [ResponseHeaders(LogHeaders.Partition, 200, 204, 304)]
    [ResponseHeaders("ETag Vary", 200, 206, 304)]
    [ResponseHeaders("Accept-Ranges", 200, 206)]
    [ResponseHeaders("Content-Range", 206)]
    [ResponseHeaders("X-Accel-Buffering", 200)]
    [ResponseHeaders(LogHeaders.TopicId, 400, 404, 503)]
    [ResponseHeaders("Cache-Control", 404, 410)]
    [FailsWith("invalid_topic invalid_place invalid_parameter invalid_header partition_required unknown_topic")]
    [FailsWith("unknown_partition offset_gone topic_replaced offset_beyond_end precondition_failed")]
    [FailsWith("range_not_satisfiable corrupt_block storage_error internal_error topic_damaged log_closed")]
    [FailsWith("too_many_waiting")]
    // Not async itself, because a follower would hold its state for as long as it follows.
    public static ValueTask<IResult> HandleAsync(
        HttpContext context,
        string topic,
        string place,
        TopicCatalog catalog,
        LongPoll longPoll,
        FollowServices following,
        TimeProvider time,
        LogHttpSettings settings
    )
    {
        if (
            !FetchQuery.TryRead(context.Request, settings.MaxWait, time, out var query, out var problem)
            || !LogAddress.TryRead(context, topic, place, catalog, time, query, out var address, out problem)
        )
            return new(problem);
        if (query.Follows || Representations.PrefersEvents(context.Request))
            return new(FollowEndpoint.HandleAsync(context, address, query, following));
        if (context.Request.Parameters().Contains(QueryNames.LastEventId))
            return new(
                Problems.InvalidRequest(
                    "invalid_parameter",
                    $"{QueryNames.LastEventId} goes with a response that does not end: follow=true, or Accept: "
                        + "text/event-stream."
                )
            );
        // The place counts for the only partition. Those of a growth are searched from their earliest records on.
        if (address.IsSearchOfOne)
            query = query with { Search = query.Bounds?.Until is null ? [0] : null };
        return address.IsSearch ? SearchAsync(context, address, query, following, time)
            : query.Bounds is { } bounds
                ? FetchBoundedAsync(context, address, query, bounds, longPoll, following.Budget, time, settings)
            : FetchAsync(context, address, query, longPoll, following.Budget, time, settings);
    }

    /// <summary>Responds with the records of a key in one of the partitions. No cache stores it.</summary>
    static async ValueTask<IResult> SearchAsync(
        HttpContext context,
        LogAddress address,
        FetchQuery query,
        FollowServices services,
        TimeProvider time
    )
    {
        var (request, headers) = (context.Request, context.Response.Headers);
        var search = await KeySearch.BeginAsync(context, address, query, services.Budget);
        var (found, problem) = await search.RunAsync(services.Waiting, services.Deadlines, time);
        if (problem is not null)
            return problem;
        using var page = found?.Page;
        var (nextAddress, nextQuery, nextOffset) = search.After(found);
        headers.CacheControl = CachePolicy.NoStore;
        headers[LogHeaders.Partition] = PageHeaders.Text((found?.Log ?? nextAddress.Partition).Number);
        headers.Link = PageHeaders.LinkTo(
            found is null
                ? nextQuery.NextPollReference(nextAddress, nextOffset, time.GetUtcNow())
                : nextQuery.NextReference(nextAddress, nextOffset),
            RelativeReference.PrefixOf(request)
        );
        if (found is null)
            return TypedResults.NoContent();
        WriteOffsets(headers, found.Page);
        headers.Append(HeaderNames.Vary, HeaderNames.Accept);
        if (Preconditions.CheckUntagged(context) is { } otherwise)
            return otherwise;
        var representation = Representations.Of(request, query.ShowsValues);
        context.Response.ContentType = representation.ContentType();
        if (!HttpMethods.IsHead(request.Method))
            await CopyAsync(
                context,
                new RecordStream(context, representation, query.ShowsValues, services.Budget),
                found.Log,
                found.Page.Region!,
                query.Key,
                found.Position
            );
        return TypedResults.Empty;
    }

    /// <summary>Resolves the bounds first, so that a wait and the next page end where this request does.</summary>
    static async ValueTask<IResult> FetchBoundedAsync(
        HttpContext context,
        LogAddress address,
        FetchQuery query,
        FetchBounds bounds,
        LongPoll longPoll,
        FollowBudget budget,
        TimeProvider time,
        LogHttpSettings settings
    ) =>
        await FetchAsync(
            context,
            address with
            {
                IsPermanent = address.IsPermanent && bounds.IsPermanent,
            },
            query with
            {
                Bounds = await bounds.ResolveAsync(address.Partition, context.RequestAborted),
            },
            longPoll,
            budget,
            time,
            settings
        );

    static async ValueTask<IResult> FetchAsync(
        HttpContext context,
        LogAddress address,
        FetchQuery query,
        LongPoll longPoll,
        FollowBudget budget,
        TimeProvider time,
        LogHttpSettings settings
    )
    {
        var (request, headers) = (context.Request, context.Response.Headers);
        var (waited, problem) = await longPoll.ReadAsync(context, address, query);
        if (waited is null)
            return problem!;
        using var found = waited;
        var page = query is { Key: { } key, Bounds.Limit: { } limit }
            ? await MatchLimit.EndAfterAsync(found, key, limit, address.Partition, budget, context.RequestAborted)
            : found;
        if (page.Region is null)
        {
            WriteOffsets(headers, page);
            if (page.Status is FetchStatus.BelowEarliest or FetchStatus.BeyondEnd)
                return Problems.Of(page);
            // The next record will have this offset.
            if (!page.IsComplete)
                headers.Link = PageHeaders.LinkTo(
                    query.NextPollReference(address, page.NextOffset, time.GetUtcNow()),
                    RelativeReference.PrefixOf(request)
                );
            Caching.WriteEmptyHeaders(context, address, query.Wait is not null, settings);
            return TypedResults.NoContent();
        }
        var texts = PageHeaders.Of(address, query, page);
        WriteOffsets(headers, page, texts.FirstOffset, texts.NextOffset);
        if (query.Bounds is null || page.NextOffset < query.Bounds.EndOffset)
            headers.Link = texts.LinkFor(request);
        var representation = Representations.Of(request, query.ShowsValues);
        headers.Append(HeaderNames.Vary, HeaderNames.Accept);
        var isKnown = Caching.WriteHeaders(
            context,
            address,
            page,
            representation == Representation.Records
                ? texts.EntityTag
                : PageHeaders.EntityTagOf(address, page, representation.Tag()),
            query.Wait is not null,
            settings
        );
        if (request.Headers.IfMatch.Count > 0 && !Preconditions.Match(request, headers.ETag))
            return Problems.PreconditionFailed("If-Match names other contents than there are.");
        if (isKnown)
            return TypedResults.StatusCode(StatusCodes.Status304NotModified);
        if (
            query is { Key: null, ShowsValues: false }
            && representation is Representation.Records or Representation.JsonLines or Representation.Page
        )
        {
            var range = new ByteRange(0, page.Region.LengthBytes);
            if (
                page.IsFinal
                && address.IsPermanent
                && !ByteRange.TrySelect(context, page.Region.LengthBytes, out range, out problem)
            )
                return problem;
            context.Response.ContentType = representation.ContentType();
            var sendFile = context.Features.GetRequiredFeature<IHttpSendFileFeature>();
            if (range.LengthBytes > MaxInlineBytes || sendFile.MayWaitForDisk)
                await ReceivingThread.LeaveAsync();
            await SendAsync(context, sendFile, page.Region, range, budget);
            return TypedResults.Empty;
        }
        context.Response.ContentType = representation.ContentType();
        if (!HttpMethods.IsHead(request.Method))
            await CopyAsync(
                context,
                new RecordStream(context, representation, query.ShowsValues, budget),
                address.Partition,
                page.Region,
                query.Key,
                page.Region.Position
            );
        return TypedResults.Empty;
    }

    static async Task CopyAsync(
        HttpContext context,
        RecordStream stream,
        PartitionLog partition,
        LogRegion region,
        RecordKey? key,
        long position
    )
    {
        try
        {
            await stream.WriteAsync(partition, region, key, position, context.RequestAborted);
        }
        catch (CorruptionException exception) when (context.Response.HasStarted)
        {
            // The status is already sent. A broken connection can't pass for the whole page. The next request begins at
            // the damage and gets the error.
            BrokenOff(
                context
                    .RequestServices.GetRequiredService<ILoggerFactory>()
                    .CreateLogger(typeof(FetchEndpoint).FullName!),
                exception
            );
            context.Abort();
        }
    }

    internal static void WriteOffsets(IHeaderDictionary headers, FetchResult page) =>
        WriteOffsets(headers, page, PageHeaders.Text(page.FirstOffset), PageHeaders.Text(page.NextOffset));

    static void WriteOffsets(IHeaderDictionary headers, FetchResult page, string firstOffset, string nextOffset)
    {
        headers[LogHeaders.FirstOffset] = firstOffset;
        headers[LogHeaders.NextOffset] = nextOffset;
        headers[LogHeaders.EndOffset] = PageHeaders.Text(page.EndOffset);
        headers[LogHeaders.EarliestOffset] = PageHeaders.Text(page.EarliestOffset);
    }

    /// <summary>The hot path: sends the segment's bytes unchanged.</summary>
    static Task SendAsync(
        HttpContext context,
        IHttpSendFileFeature sendFile,
        LogRegion region,
        ByteRange range,
        FollowBudget budget
    )
    {
        context.Response.ContentLength = range.LengthBytes;
        if (HttpMethods.IsHead(context.Request.Method))
            return Task.CompletedTask;
        var stream = region.File.Stream ?? throw new InvalidOperationException("The segment lies in no file.");
        var position = region.Position + range.First;
        return sendFile.CopiesRegions
            ? SendCopiedAsync(sendFile, stream, position, range.LengthBytes, budget, context.RequestAborted)
            : sendFile.SendFileAsync(stream, position, range.LengthBytes, context.RequestAborted);
    }

    /// <summary>Sends a region that passes through memory, one share of the budget at a time.</summary>
    static async Task SendCopiedAsync(
        IHttpSendFileFeature sendFile,
        FileStream stream,
        long position,
        long lengthBytes,
        FollowBudget budget,
        CancellationToken aborted
    )
    {
        for (var end = position + lengthBytes; position < end; )
        {
            var shareBytes = await budget.TakeAsync(aborted);
            try
            {
                // Each piece is held twice: as it was read, and as it is sent.
                var pieceBytes = Math.Min(end - position, shareBytes / 2);
                await sendFile.SendFileAsync(stream, position, pieceBytes, aborted);
                position += pieceBytes;
            }
            finally
            {
                budget.Release(shareBytes);
            }
        }
    }

    [LoggerMessage(3, LogLevel.Error, "A response was aborted because the log is damaged")]
    static partial void BrokenOff(ILogger logger, Exception exception);
}
