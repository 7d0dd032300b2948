using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;
using LogHttp.Storage;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Topics;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary><c>PUT, GET, PATCH, DELETE /topics/{topic}</c> and <c>GET /topics</c> (api/PROTOCOL.md §5).</summary>
internal static class TopicEndpoints
{
    const int DefaultLimit = 100;
    const int MaxLimit = 1000;

    /// <summary>Creates a topic, or checks that it is configured as asked.</summary>
    public static async Task<IResult> PutAsync(
        HttpContext context,
        string topic,
        TopicCatalog catalog,
        StorageOptions options,
        BodyBudget budget
    )
    {
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault);
        if (catalog.Find(topic) is null && TopicName.CheckForCreation(topic) is { } reserved)
            return Problems.InvalidRequest("invalid_topic", reserved);
        // A client that sends a part of a configuration does not mean to replace all of it (RFC 9110 §14.5).
        if (context.Request.Headers.ContentRange.Count > 0)
            return Problems.PartialPut();
        var (asked, problem) = await TopicSettings.ReadAsync(context, budget);
        if (problem is not null)
            return problem;
        if (!asked.TryApply(options.TopicDefaults, options.Records, out var configuration, out problem))
            return problem;
        if (
            context.Request.Headers.IfMatch.Count > 0
            && !Preconditions.MatchTopic(context.Request, catalog.Find(topic) is not null)
        )
            return Problems.TopicConditionFailed(topic, catalog.Find(topic) is not null);
        var found = await catalog.GetOrCreateAsync(topic, configuration);
        // Of several concurrent requests for a new topic, one has created it.
        if (!found.IsNew && Preconditions.DemandsNone(context.Request))
            return Problems.TopicConditionFailed(topic, exists: true);
        // Fields that the request omits may have any value. So a second PUT matches the topic that the first one
        // created, whatever the defaults are by now.
        if (!found.IsNew && asked.DifferenceFrom(found.Topic.Configuration) is { } difference)
            return Problems.ConfigurationDiffers(
                $"Topic \"{topic}\" exists, with {difference}. PATCH changes what can be changed."
            );
        if (found.IsNew)
            context.Response.Headers.Location = RelativeReference.PrefixOf(context.Request) + topic;
        return Describe(context, found.Topic, found.IsNew ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    public static IResult Get(HttpContext context, string topic, TopicCatalog catalog)
    {
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault);
        if (catalog.Find(topic) is not { } found)
            return Problems.UnknownTopic(topic);
        return Preconditions.CheckUntagged(context) ?? Describe(context, found, StatusCodes.Status200OK);
    }

    public static async Task<IResult> PatchAsync(
        HttpContext context,
        string topic,
        TopicCatalog catalog,
        StorageOptions options,
        BodyBudget budget
    )
    {
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault);
        var (asked, problem) = await TopicSettings.ReadAsync(context, budget);
        if (problem is not null)
            return problem;
        if (catalog.Find(topic) is not null && !Preconditions.MatchTopic(context.Request, exists: true))
            return Problems.TopicConditionFailed(topic, exists: true);
        var found = await catalog.ConfigureAsync(
            topic,
            before =>
            {
                if (
                    !asked.TryApply(before, options.Records, out var after, out problem)
                    || after.Partitions == before.Partitions
                )
                    return after;
                problem = Problems.ConfigurationDiffers(
                    $"Topic \"{topic}\" has {before.Partitions} partitions; that can't be changed, "
                        + "since keys would move."
                );
                return null;
            }
        );
        if (problem is not null)
            return problem;
        return found is null ? Problems.UnknownTopic(topic) : Describe(context, found, StatusCodes.Status200OK);
    }

    public static async Task<IResult> DeleteAsync(HttpContext context, string topic, TopicCatalog catalog)
    {
        context.Response.Headers.CacheControl = CachePolicy.NoStore;
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault);
        if (!Preconditions.MatchTopic(context.Request, exists: true))
            return catalog.DamagedTopics.ContainsKey(topic) || catalog.Find(topic) is not null
                ? Problems.TopicConditionFailed(topic, exists: true)
                : Problems.UnknownTopic(topic);
        return await catalog.DeleteAsync(topic) ? TypedResults.NoContent() : Problems.UnknownTopic(topic);
    }

    /// <summary>Lists all topics by name, a page at a time, including damaged ones.</summary>
    public static IResult List(HttpContext context, TopicCatalog catalog, SortedTopicNames names)
    {
        var query = context.Request.Query;
        if (
            !query.HasOnly(["limit", "after"], out var problem)
            || !query.TryReadNumber("limit", 1, MaxLimit, out var limit, out problem)
            || !query.TryReadText("after", out var after, out problem)
        )
            return problem;
        if (Preconditions.CheckUntagged(context) is { } otherwise)
            return otherwise;
        var count = (int)(limit ?? DefaultLimit);
        var entries = names
            .After(after)
            .Select(name => EntryOf(catalog, name))
            .OfType<TopicEntry>()
            .Take(count + 1)
            .ToArray();
        var next = entries.Length > count ? $"?after={entries[count - 1].Topic}&limit={count}" : null;
        if (next is not null)
            context.Response.Headers.Link = $"<{next}>; rel=\"next\"";
        context.Response.Headers.CacheControl = CachePolicy.NoStore;
        return new Answer<TopicList>(
            StatusCodes.Status200OK,
            new TopicList(entries[..Math.Min(count, entries.Length)], next),
            ResponseJson.Readable.TopicList
        );
    }

    /// <summary>A topic in a list. Null if it was deleted meanwhile.</summary>
    static TopicEntry? EntryOf(TopicCatalog catalog, string name) =>
        catalog.DamagedTopics.TryGetValue(name, out var reason) ? new TopicEntry(name) { Damaged = reason }
        : catalog.Find(name) is { } topic ? new TopicEntry(name) { Id = topic.Id, Partitions = topic.Partitions.Length }
        : null;

    public static Answer<TopicDescription> Describe(HttpContext context, Topic topic, int status)
    {
        context.Response.Headers.CacheControl = CachePolicy.NoStore;
        return new(
            status,
            new TopicDescription(
                topic.Name,
                topic.Id,
                TopicSettings.Of(topic.Configuration),
                [.. topic.Partitions.Select(PartitionDescription.Of)]
            ),
            ResponseJson.Readable.TopicDescription
        );
    }
}

/// <summary>A topic: its name, its configuration and its partitions.</summary>
internal sealed record TopicDescription(
    string Topic,
    string Id,
    TopicSettings Configuration,
    PartitionDescription[] Partitions
);

/// <summary>The state of a partition.</summary>
/// <param name="Partition">Its number.</param>
/// <param name="EarliestOffset">The earliest available offset.</param>
/// <param name="NextOffset">The high watermark.</param>
/// <param name="SizeBytes">The bytes of its records on the disk.</param>
/// <param name="Segments">The number of its segments.</param>
/// <param name="Journaled">Whether the journal decides its end.</param>
/// <param name="UnsyncedBytes">The number of its last bytes that are durable in the journal only.</param>
internal sealed record PartitionDescription(
    int Partition,
    long EarliestOffset,
    long NextOffset,
    long SizeBytes,
    int Segments,
    bool Journaled,
    long UnsyncedBytes
)
{
    public static PartitionDescription Of(PartitionLog log) =>
        new(
            log.Number,
            log.EarliestOffset,
            log.EndOffset,
            log.SizeBytes,
            log.SegmentCount,
            log.IsJournaled,
            log.UnsyncedBytes
        )
        {
            Stopped = log.StoppedReason,
        };

    /// <summary>The reason if it takes no appends, else null.</summary>
    public string? Stopped { get; init; }
}

/// <summary>A page of topics.</summary>
internal sealed record TopicList(TopicEntry[] Topics, string? Next);

/// <summary>A topic in a list.</summary>
internal sealed record TopicEntry(string Topic)
{
    public string? Id { get; init; }
    public int? Partitions { get; init; }

    /// <summary>The reason if it could not be opened, else null.</summary>
    public string? Damaged { get; init; }
}
