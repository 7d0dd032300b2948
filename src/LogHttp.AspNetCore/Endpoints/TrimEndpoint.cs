using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Fetching;
using LogHttp.Storage;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Topics;
using Microsoft.AspNetCore.Mvc;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary>
/// <c>DELETE /topics/{topic}/records?before={place}</c>: deletes the records before a position permanently
/// (api/PROTOCOL.md §5).
/// </summary>
internal static class TrimEndpoint
{
    const string BeforeParameter = "before";
    const string PartitionParameter = "partition";

    /// <summary>Delete old records</summary>
    /// <remarks>
    /// Deletes all records of a topic before a place, durably. Without `partition` that applies to every partition. If
    /// the topic has several, an offset as the place needs `partition`.
    ///
    /// Requests for a deleted record get 410 from then on. A page under way is finished. Space is returned by whole
    /// segments. The same request sent again changes nothing.
    /// </remarks>
    /// <response code="200">The topic as it is now.</response>
    [Operation("trimTopic"), Tags("Topics"), Parameters(typeof(ITopicPath), typeof(ITrimParameters))]
    [ProducesResponseType<TopicDescription>(200)]
    [ResponseHeaders("No-Store", 200)]
    [FailsWith(FailsWithAttribute.TopicChanges)]
    [FailsWith("invalid_place partition_required unknown_topic unknown_partition offset_beyond_end corrupt_block")]
    [FailsWith("partition_stopped topic_damaged")]
    public static async Task<IResult> HandleAsync(
        HttpContext context,
        string topic,
        TopicCatalog catalog,
        TimeProvider time
    )
    {
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault);
        if (!TryReadQuery(context.Request.Parameters(), time, out var place, out var number, out var problem))
            return problem;
        if (catalog.Find(topic) is not { } found)
            return Problems.UnknownTopic(topic);
        if (!Preconditions.MatchTopic(context.Request, exists: true))
            return Problems.TopicConditionFailed(topic, exists: true);
        if (number >= found.Partitions.Length)
            return Problems.UnknownPartition((int)number.Value, found.Partitions.Length);
        if (number is null && place.IsNumeric && found.Partitions.Length > 1)
            return Problems.PartitionRequired(found);
        var partitions = found.Partitions.Where(partition => number is null || partition.Number == number).ToArray();
        var offsets = await Task.WhenAll(
            partitions.Select(partition => partition.ResolveAsync(place, context.RequestAborted).AsTask())
        );
        // Only an offset can lie beyond the end. Any other position lies within the log.
        if (offsets[0] > partitions[0].EndOffset)
            return Problems.OffsetBeyondEnd(offsets[0], partitions[0].EndOffset).Of(found, partitions[0]);
        await Task.WhenAll(partitions.Zip(offsets, static (partition, offset) => partition.TrimAsync(offset)));
        return TopicEndpoints.Describe(context, found, StatusCodes.Status200OK);
    }

    static bool TryReadQuery(
        QueryParameters query,
        TimeProvider clock,
        out LogPlace place,
        out long? partition,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        (place, partition) = (default, null);
        if (
            !query.HasOnly([BeforeParameter, PartitionParameter], out problem)
            || !query.TryReadText(BeforeParameter, out var before, out problem)
            || !query.TryReadNumber(PartitionParameter, 0, int.MaxValue, out partition, out problem)
        )
            return false;
        if (before is null)
            problem = Problems.InvalidRequest(
                "invalid_parameter",
                $"{BeforeParameter} is missing; it says which records go: all before ?{BeforeParameter}=42, "
                    + "latest, -10, @2026-11-22T10:00:00Z or @-7d."
            );
        else if (!LogPlace.TryParse(before, clock, out place))
            problem = Problems.InvalidPlace(before);
        return problem is null;
    }
}

/// <summary>The parameters of a trim, for the API's description.</summary>
internal interface ITrimParameters
{
    /// <summary>
    /// The first place to keep: an offset, `latest` (keeps no record), `-10` (keeps the last ten), `@` and a time
    /// (removes the records before it), or `@-7d` (removes those older than seven days).
    /// </summary>
    /// <example name="offset" title="An offset">42</example>
    /// <example name="latest" title="All records">latest</example>
    /// <example name="time" title="A time">@2026-11-22T10:00:00Z</example>
    /// <example name="ago" title="A time before now">@-7d</example>
    [Required, RegularExpression(IFetchParameters.PlacePattern)]
    string Before { get; }

    /// <summary>Only this partition.</summary>
    /// <example>0</example>
    [Range(0, 1023)]
    int Partition { get; }
}
