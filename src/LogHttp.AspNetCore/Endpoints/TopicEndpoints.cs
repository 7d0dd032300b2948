using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;
using LogHttp.Storage;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Topics;
using Microsoft.AspNetCore.Mvc;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary><c>PUT, GET, PATCH, DELETE /topics/{topic}</c> and <c>GET /topics</c> (api/PROTOCOL.md §5).</summary>
internal static class TopicEndpoints
{
    internal const int DefaultLimit = 100;
    internal const int MaxLimit = 1000;

    /// <summary>Create a topic</summary>
    /// <remarks>
    /// Creates a topic, durably. Fields that the configuration leaves out, or all without a body, come from the
    /// server's settings.
    ///
    /// If the topic exists with this configuration, the response is 200, so the same request can be sent again. If it
    /// exists with another one, the response is 409.
    /// </remarks>
    /// <response code="200">The topic existed already, with this configuration.</response>
    /// <response code="201">The topic was created.</response>
    [Operation("putTopic"), Tags("Topics"), Parameters(typeof(ITopicPath))]
    [RequestBody(
        typeof(TopicSettings),
        "application/json",
        Description = "The configuration, at most 16 KiB. Read as JSON whatever its `Content-Type`."
    )]
    [ProducesResponseType<TopicDescription>(200)]
    [ProducesResponseType<TopicDescription>(201)]
    [ResponseHeaders("No-Store", 200, 201)]
    [ResponseHeaders("Location", 201)]
    [FailsWith(FailsWithAttribute.Configurations)]
    [FailsWith("partial_put configuration_differs too_many_topics")]
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
        var (requested, problem) = await TopicSettings.ReadAsync(context, budget);
        if (problem is not null)
            return problem;
        if (!requested.TryApply(options.TopicDefaults, options.Records, out var configuration, out problem))
            return problem;
        if (
            context.Request.Headers.IfMatch.Count > 0
            && !Preconditions.MatchTopic(context.Request, catalog.Find(topic) is not null)
        )
            return Problems.TopicConditionFailed(topic, catalog.Find(topic) is not null);
        var found = await catalog.GetOrCreateAsync(topic, configuration);
        // Of several concurrent requests for a new topic, one has created it.
        if (!found.IsNew && Preconditions.RequiresAbsence(context.Request))
            return Problems.TopicConditionFailed(topic, exists: true);
        // Fields that the request omits may have any value. So a second PUT matches the topic that the first one
        // created, whatever the defaults are by now.
        if (!found.IsNew && requested.DifferenceFrom(found.Topic.Configuration) is { } difference)
            return Problems.ConfigurationDiffers(
                $"Topic \"{topic}\" exists, with {difference}. PATCH changes what can be changed."
            );
        if (found.IsNew)
            context.Response.Headers.Location = RelativeReference.PrefixOf(context.Request) + topic;
        return Describe(context, found.Topic, found.IsNew ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    /// <summary>Describe a topic</summary>
    /// <remarks>
    /// Returns a topic's configuration and the state of its partitions.
    ///
    /// `HEAD` returns the same without the body.
    /// </remarks>
    /// <response code="200">The topic.</response>
    /// <response code="304">The request has `If-None-Match: *`.</response>
    [Operation("getTopic"), Tags("Topics"), Parameters(typeof(ITopicPath))]
    [ProducesResponseType<TopicDescription>(200)]
    [ResponseHeaders("No-Store", 200, 304)]
    [FailsWith("invalid_topic invalid_parameter unknown_topic untagged_condition_failed internal_error topic_damaged")]
    public static IResult Get(HttpContext context, string topic, TopicCatalog catalog)
    {
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault);
        if (catalog.Find(topic) is not { } found)
            return Problems.UnknownTopic(topic);
        return Preconditions.CheckUntagged(context) ?? Describe(context, found, StatusCodes.Status200OK);
    }

    /// <summary>Change a topic</summary>
    /// <remarks>
    /// Changes the fields in the body, durably, and keeps the others. Existing records do not change.
    ///
    /// The number of partitions can only rise. Then keys move: records of a key that come later may go to another
    /// partition than those before, and each partition has its own order. A search for a key finds both. A producer
    /// that a partition knows stays there. Fewer partitions are a 409.
    /// </remarks>
    /// <response code="200">The topic as it is now.</response>
    [Operation("patchTopic"), Tags("Topics"), Parameters(typeof(ITopicPath))]
    [RequestBody(
        typeof(TopicSettings),
        "application/json",
        Description = "The fields to change, at most 16 KiB. Read as JSON whatever its `Content-Type`."
    )]
    [ProducesResponseType<TopicDescription>(200)]
    [ResponseHeaders("No-Store", 200)]
    [FailsWith(FailsWithAttribute.Configurations)]
    [FailsWith("unknown_topic partitions_cannot_shrink too_many_topics")]
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
        var (requested, problem) = await TopicSettings.ReadAsync(context, budget);
        if (problem is not null)
            return problem;
        if (catalog.Find(topic) is not null && !Preconditions.MatchTopic(context.Request, exists: true))
            return Problems.TopicConditionFailed(topic, exists: true);
        var found = await catalog.ConfigureAsync(
            topic,
            before =>
            {
                if (
                    !requested.TryApply(before, options.Records, out var after, out problem)
                    || after.Partitions >= before.Partitions
                )
                    return after;
                problem = Problems.PartitionsCannotShrink(topic, before.Partitions, after.Partitions);
                return null;
            }
        );
        if (problem is not null)
            return problem;
        return found is null ? Problems.UnknownTopic(topic) : Describe(context, found, StatusCodes.Status200OK);
    }

    /// <summary>Delete a topic</summary>
    /// <remarks>
    /// Deletes a topic and its records, durably. Appends that were accepted before still get their response. The name
    /// is free again. A new topic of the name has another id.
    /// </remarks>
    /// <response code="204">The topic was deleted.</response>
    [Operation("deleteTopic"), Tags("Topics"), Parameters(typeof(ITopicPath))]
    [ProducesResponseType(204)]
    [ResponseHeaders("No-Store", 204)]
    [FailsWith(FailsWithAttribute.TopicChanges)]
    [FailsWith("unknown_topic")]
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

    /// <summary>List the topics</summary>
    /// <remarks>
    /// Returns the topics by name, `limit` at a time. Topics that could not be opened are among them, with the reason
    /// in `damaged`.
    ///
    /// `HEAD` returns the same without the body.
    /// </remarks>
    /// <response code="200">The topics. If there are more, `next` and `Link` lead to them.</response>
    /// <response code="304">The request has `If-None-Match: *`.</response>
    [Operation("listTopics"), Tags("Topics"), Parameters(typeof(IListParameters))]
    [ProducesResponseType<TopicList>(200)]
    [ResponseHeaders("Link", 200)]
    [ResponseHeaders("No-Store", 200, 304)]
    [FailsWith("invalid_parameter untagged_condition_failed internal_error")]
    public static IResult List(HttpContext context, TopicCatalog catalog, SortedTopicNames names)
    {
        var query = context.Request.Parameters();
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
        return new JsonResponse<TopicList>(
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

    public static JsonResponse<TopicDescription> Describe(HttpContext context, Topic topic, int status)
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

/// <summary>The parameters of a list of topics, for the API's description.</summary>
internal interface IListParameters
{
    /// <summary>The most topics to list.</summary>
    /// <example>20</example>
    [Range(1, TopicEndpoints.MaxLimit), DefaultValue(TopicEndpoints.DefaultLimit)]
    int Limit { get; }

    /// <summary>Only topics with names after this one.</summary>
    /// <example>orders</example>
    string After { get; }
}

/// <summary>A topic.</summary>
/// <param name="Topic">Its name.</param>
/// <param name="Id">Distinguishes it from earlier and later topics of its name.</param>
/// <param name="Configuration">Its configuration.</param>
/// <param name="Partitions">Its partitions, by number.</param>
internal sealed record TopicDescription(
    string Topic,
    string Id,
    TopicSettings Configuration,
    PartitionDescription[] Partitions
);

/// <summary>The state of a partition.</summary>
/// <param name="Partition">Its number, from 0 on.</param>
/// <param name="EarliestOffset">The earliest available offset.</param>
/// <param name="NextOffset">The offset after the last visible record.</param>
/// <param name="SizeBytes">The bytes of its records on the disk.</param>
/// <param name="Segments">The number of its segments.</param>
/// <param name="Journaled">
/// Whether the journal decides the end of the partition. False if `flush` is not `always`, and before the first append.
/// </param>
/// <param name="UnsyncedBytes">
/// The number of its last bytes that are durable only in the journal. The server syncs the segment in the background.
/// </param>
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

    /// <summary>The reason why it accepts no appends. Absent if it does.</summary>
    public string? Stopped { get; init; }
}

/// <summary>Topics, by name.</summary>
/// <param name="Topics">The topics.</param>
/// <param name="Next">The URL of the next topics, relative to the request's. Absent if there are none.</param>
internal sealed record TopicList(TopicEntry[] Topics, string? Next);

/// <summary>A topic in a list.</summary>
/// <param name="Topic">Its name.</param>
internal sealed record TopicEntry(string Topic)
{
    /// <summary>Distinguishes it from earlier and later topics of its name. Absent if it is damaged.</summary>
    public string? Id { get; init; }

    /// <summary>The number of its partitions. Absent if it is damaged.</summary>
    public int? Partitions { get; init; }

    /// <summary>The reason why it could not be opened. Absent if it is open.</summary>
    public string? Damaged { get; init; }
}
