using System.Diagnostics.CodeAnalysis;
using LogHttp.Server.Fetching;
using LogHttp.Server.Following;
using LogHttp.Storage;

namespace LogHttp.Server.Endpoints;

/// <summary>
/// Answers that do not end: <c>GET /topics/{topic}/{place}?follow=true</c>, the same as events, and several topics on one
/// connection by <c>GET /stream?topics=…</c> (api/PROTOCOL.md §10).
/// </summary>
internal static class FollowEndpoint
{
    /// <summary>Follows one partition.</summary>
    public static Task<IResult> HandleAsync(HttpContext context, LogAddress address, FetchQuery query, FollowServices services)
    {
        if (query.Key is not null || query.ShowsValues || query.Wait is not null)
            return Task.FromResult<IResult>(Problems.InvalidRequest("invalid_parameter", "An answer that does not end sends all records as they come; key, view and wait do not go with it."));
        var place = address.Place;
        if (!StreamPositions.TryRead(context.Request, out var lastEvent, out var problem)
            || !lastEvent.TryPlace(address.Topic, address.Partition, ref place, out problem))
            return Task.FromResult<IResult>(problem);
        return RunAsync(context, [new FollowStart(address.Topic, address.Partition, place)], namesPartitions: false, services, (context, services) =>
            new LinesFollow(context, Representations.Of(context.Request, showsValues: false) == Representation.JsonLines ? Representation.JsonLines.ContentType() : RecordsType.Name, services.Settings.SmallRegionBytes));
    }

    /// <summary>Follows any number of partitions, up to a bound.</summary>
    public static Task<IResult> HandleManyAsync(HttpContext context, TopicCatalog catalog, FollowServices services)
    {
        if (!TryReadStarts(context, catalog, services.Settings.MaxStreamPartitions, out var starts, out var problem))
            return Task.FromResult<IResult>(problem);
        return RunAsync(context, starts, namesPartitions: true, services, static (context, _) => new ManyLinesFollow(context.Response.BodyWriter, Representation.JsonLines.ContentType()));
    }

    static async Task<IResult> RunAsync(HttpContext context, List<FollowStart> starts, bool namesPartitions, FollowServices services, Func<HttpContext, FollowServices, FollowFormat> lines)
    {
        var sources = new FollowSource[starts.Count];
        for (var i = 0; i < sources.Length; i++)
        {
            var (source, problem) = await FollowSource.OpenAsync(starts[i], context.RequestAborted);
            if (source is null)
                return namesPartitions ? problem!.Of(starts[i].Topic, starts[i].Partition) : problem!;
            sources[i] = source;
        }
        if (!services.Waiting.TryEnter())
            return services.Waiting.Problem;
        try
        {
            var isHead = context.Request.Method == HttpMethods.Head;
            var format = Representations.PrefersEvents(context.Request) ? new EventsFollow(context.Response.BodyWriter, sources, namesPartitions) : lines(context, services);
            var stream = new FollowStream(context, sources, format, services.Deadlines, TimeSpan.FromSeconds(services.Settings.HeartbeatSeconds));
            await stream.RunAsync(isHead);
            return TypedResults.Empty;
        }
        finally
        {
            services.Waiting.Leave();
        }
    }

    static bool TryReadStarts(HttpContext context, TopicCatalog catalog, int most, [NotNullWhen(true)] out List<FollowStart>? starts, [NotNullWhen(false)] out Problem? problem)
    {
        starts = null;
        if (!context.Request.Query.HasOnly(["topics", StreamPositions.Parameter], out problem)
            || !context.Request.Query.TryReadText("topics", out var topics, out problem) || !StreamPositions.TryRead(context.Request, out var lastEvent, out problem))
            return false;
        var found = new List<FollowStart>();
        foreach (var text in (topics ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!TryReadTopic(text, catalog, out var topic, out var partitions, out var place, out problem))
                return false;
            foreach (var partition in partitions)
            {
                var from = place;
                if (!lastEvent.TryPlace(topic, partition, ref from, out problem))
                    return false;
                if (found.Exists(start => start.Partition == partition))
                    problem = Problems.InvalidRequest("invalid_parameter", $"topics names {topic.Name}/{partition.Number} twice.");
                else if (found.Count == most)
                    problem = Problems.InvalidRequest("invalid_parameter", $"topics names more than {most} partitions (MaxStreamPartitions); follow them on several connections.");
                else
                    found.Add(new FollowStart(topic, partition, from));
                if (problem is not null)
                    return false;
            }
        }
        if (found.Count == 0)
            problem = Problems.InvalidRequest("invalid_parameter", "topics names none; say which, such as topics=orders,clicks/0:earliest,audit:@2026-11-22T00:00:00Z.");
        starts = found;
        return problem is null;
    }

    /// <summary>
    /// Reads `orders`, `orders/0`, or `orders/0/8f1d4c0a52b7e693` as ids of events have it, each with or without `:place`;
    /// without a place, what comes from now on.
    /// </summary>
    static bool TryReadTopic(string text, TopicCatalog catalog, [NotNullWhen(true)] out Topic? topic, out IEnumerable<PartitionLog> partitions, out LogPlace place, [NotNullWhen(false)] out Problem? problem)
    {
        (topic, partitions, place, problem) = (null, [], LogPlace.Latest, null);
        // A time has colons of its own.
        var (address, from) = text.Split(':', 2) is [var before, var after] ? (before, after) : (text, null);
        var (name, number, id) = address.Split('/', 3) switch
        {
            [var first, var second, var third] => (first, second, third),
            [var first, var second] => (first, second, null),
            _ => (address, null, (string?)null),
        };
        if (TopicName.Check(name) is { } fault)
            problem = Problems.InvalidRequest("invalid_topic", fault);
        else if (id is not null && !IsId(id))
            problem = Problems.InvalidRequest("invalid_parameter", $"topics has \"{text}\", where \"{id}\" is not the id of a topic. Write orders, orders/0 or orders/0/8f1d4c0a52b7e693, each with or without a place such as :earliest.");
        else if (from is not null && !LogPlace.TryParse(from, out place))
            problem = Problems.InvalidPlace(from);
        else if (catalog.Find(name) is not { } found)
            problem = Problems.UnknownTopic(name);
        else if (id is not null && id != found.Id)
            problem = Problems.TopicReplaced(found);
        else if (number is null)
            (topic, partitions) = (found, found.Partitions);
        else if (!int.TryParse(number, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var partition) || partition >= found.Partitions.Length)
            problem = Problems.InvalidRequest("invalid_parameter", $"topics has \"{text}\"; {name} has the partitions 0 to {found.Partitions.Length - 1}.");
        else
            (topic, partitions) = (found, [found.Partitions[partition]]);
        return topic is not null;

        static bool IsId(string text) => text.Length == 16 && text.All(char.IsAsciiHexDigitLower);
    }
}
