using System.Diagnostics.CodeAnalysis;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Fetching;
using LogHttp.AspNetCore.Following;
using LogHttp.Storage;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Text;
using LogHttp.Storage.Topics;
using Microsoft.AspNetCore.Mvc;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary>
/// Responses that do not end: <c>GET /topics/{topic}/{place}?follow=true</c> and the same as events. <c>GET
/// /stream?topics=…</c> follows several topics on one connection (api/PROTOCOL.md §10).
/// </summary>
internal static class FollowEndpoint
{
    /// <summary>Follows one partition.</summary>
    public static Task<IResult> HandleAsync(
        HttpContext context,
        LogAddress address,
        FetchQuery query,
        FollowServices services
    )
    {
        if (query.Key is not null || query.ShowsValues || query.Wait is not null)
            return Task.FromResult<IResult>(
                Problems.InvalidRequest(
                    "invalid_parameter",
                    "A response that does not end can't be combined with key, view or wait."
                )
            );
        var place = address.Place;
        if (
            !StreamPositions.TryRead(context.Request, out var lastEvent, out var problem)
            || !lastEvent.TryReplace(address.Topic, address.Partition, ref place, out problem)
        )
            return Task.FromResult<IResult>(problem);
        var scope = query.Bounds is { } bounds ? ScopeOf(bounds, []) : FollowScope.Default;
        return RunAsync(
            context,
            OpenAsync(
                context,
                [new FollowStart(address.Topic, address.Partition, place)],
                scope,
                namesPartitions: false
            ),
            scope,
            namesPartitions: false,
            services
        );
    }

    /// <summary>Follow several topics on one connection</summary>
    /// <remarks>
    /// A response that does not end: the records of several topics and partitions as they come, each with its topic and
    /// partition in front. With `Accept: text/event-stream` they are events. The id of an event is the position in
    /// every partition followed. So a browser that lost the connection resumes at its position. Lines have the same id
    /// at least once a second, in a line of its own: `{"lastEventId":"orders/0/8f1d4c0a52b7e693:43"}`.
    ///
    /// Do not try it on this page, which would wait for the end. Use
    /// `curl -N 'http://127.0.0.1:8080/stream?topics=orders'`.
    /// </remarks>
    /// <response code="200">
    /// Records, until the client disconnects or the server stops. The response also ends when one of the topics is
    /// deleted, or trimmed beyond the reader's position. It ends too when a topic that is followed as a whole gets more
    /// partitions. Send the request again with the last event's id, and the new partitions are followed from their
    /// earliest record.
    /// </response>
    /// <response code="204">`until` is not after the places, so no record can come.</response>
    /// <response code="304">The request has `If-None-Match: *`.</response>
    [Operation("stream"), Tags("Records"), Parameters(typeof(IStreamParameters), typeof(IResumeParameters))]
    [ProducesResponseType<string>(200, "application/x-ndjson", MediaTypes.Events)]
    [ResponseHeaders("No-Store", 200, 204, 304)]
    [ResponseHeaders("X-Accel-Buffering", 200)]
    [FailsWith("invalid_topic invalid_place invalid_parameter invalid_header unknown_topic offset_gone topic_replaced")]
    [FailsWith("untagged_condition_failed offset_beyond_end corrupt_block storage_error internal_error topic_damaged")]
    [FailsWith("log_closed too_many_waiting")]
    public static Task<IResult> HandleManyAsync(HttpContext context, TopicCatalog catalog, FollowServices services)
    {
        if (
            !TryReadStarts(context, catalog, services, out var starts, out var wholeTopics, out var problem)
            || !TryReadScope(
                context.Request.Parameters(),
                services.Time,
                starts,
                wholeTopics,
                out var scope,
                out problem
            )
        )
            return Task.FromResult<IResult>(problem);
        return RunAsync(
            context,
            OpenAsync(context, starts, scope, namesPartitions: true),
            scope,
            namesPartitions: true,
            services
        );
    }

    /// <summary>Opens all partitions, or returns the problem of one.</summary>
    static async Task<(FollowSource[]? Sources, Problem? Problem)> OpenAsync(
        HttpContext context,
        List<FollowStart> starts,
        FollowScope scope,
        bool namesPartitions
    )
    {
        var sources = new FollowSource[starts.Count];
        for (var i = 0; i < sources.Length; i++)
        {
            var (source, problem) = await FollowSource.OpenAsync(starts[i], scope.Until, context.RequestAborted);
            if (source is null)
                return (null, namesPartitions ? problem!.Of(starts[i].Topic, starts[i].Partition) : problem!);
            sources[i] = source;
        }
        return (sources, null);
    }

    /// <summary>Returns the response with the records of the opened partitions, or the problem of one.</summary>
    static async Task<IResult> RunAsync(
        HttpContext context,
        Task<(FollowSource[]? Sources, Problem? Problem)> opening,
        FollowScope scope,
        bool namesPartitions,
        FollowServices services
    )
    {
        var (sources, problem) = await opening;
        if (sources is null)
            return problem!;
        if (Preconditions.CheckUntagged(context) is { } otherwise)
            return otherwise;
        if (FollowStream.AreDone(sources))
        {
            // A browser does not open its events again after this status.
            context.Response.Headers.CacheControl = CachePolicy.NoStore;
            return TypedResults.NoContent();
        }
        return new FollowStream(
            context,
            sources,
            scope,
            FormatOf(context, sources, namesPartitions, scope.MaxRecords, services),
            services
        );
    }

    static FollowFormat FormatOf(
        HttpContext context,
        FollowSource[] sources,
        bool namesPartitions,
        long limit,
        FollowServices services
    )
    {
        if (Representations.PrefersEvents(context.Request))
            return new EventsFollow(context, sources, namesPartitions) { MaxRecords = limit };
        if (namesPartitions)
            return new ManyLinesFollow(context, Representation.JsonLines.ContentType(), sources, services.Time)
            {
                MaxRecords = limit,
            };
        var contentType =
            Representations.Of(context.Request, showsValues: false) == Representation.JsonLines
                ? Representation.JsonLines.ContentType()
                : MediaTypes.Records;
        // Records that are copied are counted one by one, also where offsets have gaps.
        return limit < long.MaxValue
            ? new CopiedLinesFollow(context, contentType, namesPartitions: false) { MaxRecords = limit }
            : new LinesFollow(context, contentType, services.Settings.SmallRegionBytes);
    }

    static FollowScope ScopeOf(FetchBounds? bounds, IReadOnlyList<WholeTopic> wholeTopics) =>
        new()
        {
            MaxRecords = bounds?.Limit ?? long.MaxValue,
            Until = bounds?.Until,
            WholeTopics = wholeTopics,
        };

    /// <summary>Reads where the response ends.</summary>
    static bool TryReadScope(
        QueryParameters query,
        TimeProvider clock,
        List<FollowStart> starts,
        List<WholeTopic> wholeTopics,
        [NotNullWhen(true)] out FollowScope? scope,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        scope = null;
        if (!FetchBounds.TryRead(query, clock, out var bounds, out problem))
            return false;
        if (bounds is { Until.IsNumeric: true } && starts.Count > 1)
        {
            problem = Problems.InvalidRequest(
                "invalid_parameter",
                "until is an offset, which goes with one partition. For several, use latest, -10 or a time."
            );
            return false;
        }
        scope = ScopeOf(bounds, wholeTopics);
        return true;
    }

    static bool TryReadStarts(
        HttpContext context,
        TopicCatalog catalog,
        FollowServices services,
        [NotNullWhen(true)] out List<FollowStart>? starts,
        out List<WholeTopic> wholeTopics,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        (starts, wholeTopics) = (null, []);
        var max = services.Settings.MaxStreamPartitions;
        if (
            !context
                .Request.Parameters()
                .HasOnly(["topics", QueryNames.Limit, QueryNames.Until, QueryNames.LastEventId], out problem)
            || !context.Request.Parameters().TryReadText("topics", out var topics, out problem)
            || !StreamPositions.TryRead(context.Request, out var lastEvent, out problem)
        )
            return false;
        var found = new List<FollowStart>();
        foreach (var text in (topics ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!TryReadTopic(text, catalog, services.Time, out var named, out var whole, out problem))
                return false;
            if (whole is not null)
                wholeTopics.Add(whole);
            foreach (var start in named)
            {
                // An id from before a growth: nothing of the new partitions was sent.
                var isNew =
                    whole is not null
                    && lastEvent.CountOf(start.Topic) is > 0 and var count
                    && start.Partition.Number >= count;
                var from = isNew ? LogPlace.Earliest : start.Place;
                if (!lastEvent.TryReplace(start.Topic, start.Partition, ref from, out problem))
                    return false;
                if (found.Exists(other => other.Partition == start.Partition))
                    problem = Problems.InvalidRequest(
                        "invalid_parameter",
                        $"topics names {start.Topic.Name}/{start.Partition.Number} twice."
                    );
                else if (found.Count == max)
                    problem = Problems.InvalidRequest(
                        "invalid_parameter",
                        $"topics names more than {max} partitions (MaxStreamPartitions); follow them on several "
                            + "connections."
                    );
                else
                    found.Add(start with { Place = from });
                if (problem is not null)
                    return false;
            }
        }
        if (found.Count == 0)
            problem = Problems.InvalidRequest(
                "invalid_parameter",
                "topics names no topic. Name some, such as topics=orders,clicks/0:earliest,audit:@2026-11-22T00:00:00Z."
            );
        starts = found;
        return problem is null;
    }

    /// <summary>
    /// Reads `orders`, `orders/0` or `orders/0-2`, each with or without `:place`. An event's id adds the topic's id,
    /// and an offset for each partition. Without a place, the stream begins at the end.
    /// </summary>
    static bool TryReadTopic(
        string text,
        TopicCatalog catalog,
        TimeProvider clock,
        out IEnumerable<FollowStart> starts,
        out WholeTopic? whole,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        (starts, whole, problem) = ([], null, null);
        var place = LogPlace.Latest;
        long[]? offsets = null;
        // A time contains colons too.
        var (address, from) = text.Split(':', 2) is [var before, var after] ? (before, after) : (text, null);
        var (name, number, id) = address.Split('/', 3) switch
        {
            [var topicName, var partitions, var topicId] => (topicName, partitions, topicId),
            [var topicName, var partitions] => (topicName, partitions, null),
            _ => (address, null, (string?)null),
        };
        var (first, last) = (0, 0);
        var isRead = number is null || EventIdFormat.TryReadPartitions(number, out first, out last);
        if (TopicName.Check(name) is { } fault)
            problem = Problems.InvalidRequest("invalid_topic", fault);
        else if (id is not null && !IsId(id))
            problem = Problems.InvalidRequest(
                "invalid_parameter",
                $"topics has \"{Excerpt.Of(text)}\", where \"{Excerpt.Of(id)}\" is not the id of a topic. "
                    + "Write orders, orders/0 or orders/0/8f1d4c0a52b7e693, each with or without "
                    + "a place such as :earliest."
            );
        else if (
            from is not null
            && !LogPlace.TryParse(from, clock, out place)
            && !(last > first && EventIdFormat.TryReadOffsets(from, last - first + 1, out offsets))
        )
            problem = Problems.InvalidPlace(from);
        else if (catalog.Find(name) is not { } found)
            problem = Problems.UnknownTopic(name);
        else if (id is not null && id != found.Id)
            problem = Problems.TopicReplaced(found);
        else if (!isRead || last >= found.Partitions.Length)
            problem = Problems.InvalidRequest(
                "invalid_parameter",
                $"topics has \"{Excerpt.Of(text)}\"; {name} has the partitions 0 to {found.Partitions.Length - 1}."
            );
        else
        {
            var partitions = found.Partitions;
            whole = number is null ? new(found, partitions.Length) : null;
            starts = partitions
                .Skip(first)
                .Take(number is null ? int.MaxValue : last - first + 1)
                .Select(
                    (partition, i) =>
                        new FollowStart(found, partition, offsets is null ? place : LogPlace.At(offsets[i]))
                );
        }
        return problem is null;

        static bool IsId(string text) => text.Length == 16 && text.All(char.IsAsciiHexDigitLower);
    }
}
