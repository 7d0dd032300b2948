using System.ComponentModel.DataAnnotations;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary>
/// <c>GET /topics/{topic}/producers/{id}</c>: a producer's epoch and next sequence in each partition that knows it
/// (api/PROTOCOL.md §11).
/// </summary>
internal static class ProducerEndpoint
{
    /// <summary>Get a producer's position</summary>
    /// <remarks>
    /// Returns a producer's epoch and the sequence of its next record, for each partition that knows it. A producer
    /// that has lost its position continues there.
    ///
    /// `HEAD` returns the same without the body.
    /// </remarks>
    /// <response code="200">The producer's position.</response>
    /// <response code="304">The request has `If-None-Match: *`.</response>
    [Operation("getProducer"), Tags("Records"), Parameters(typeof(ITopicPath), typeof(IProducerPath))]
    [ProducesResponseType<ProducerDescription>(200)]
    [ResponseHeaders("No-Store", 200, 304)]
    [FailsWith("invalid_topic invalid_parameter invalid_producer unknown_topic producer_unknown")]
    [FailsWith("untagged_condition_failed internal_error topic_damaged")]
    public static IResult Get(HttpContext context, string topic, string id, TopicCatalog catalog)
    {
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault);
        if (!context.Request.Parameters().HasOnly([], out var problem))
            return problem;
        id = Unescaped(context, id);
        if (ProducerStamp.CheckId(id) is { } idFault)
            return Problems.InvalidRequest("invalid_producer", idFault);
        if (catalog.Find(topic) is not { } found)
            return Problems.UnknownTopic(topic);
        var positions = new List<ProducerPosition>();
        foreach (var partition in found.Partitions)
        {
            if (partition.FindProducer(id) is var (epoch, nextSequence))
                positions.Add(new(partition.Number, epoch, nextSequence));
        }
        if (positions.Count == 0)
            return Problems.ProducerUnknown(topic, id);
        if (Preconditions.CheckUntagged(context) is { } otherwise)
            return otherwise;
        context.Response.Headers.CacheControl = CachePolicy.NoStore;
        return new JsonResponse<ProducerDescription>(
            StatusCodes.Status200OK,
            new(topic, id, [.. positions]),
            ResponseJson.Readable.ProducerDescription
        );
    }

    /// <summary>
    /// Unescapes an id, which may contain a slash. "%2F" is the one escape that Kestrel leaves in a path. So it stands
    /// for an escaped slash, or for "%252F".
    /// </summary>
    static string Unescaped(HttpContext context, string id)
    {
        const string Before = "/producers/";
        if (
            !id.Contains('%', StringComparison.Ordinal)
            || context.Features.Get<IHttpRequestFeature>()?.RawTarget is not { } target
        )
            return id;
        var path = target.Split('?')[0];
        // The topic itself may be called "producers".
        var start = path.IndexOf(
            Before,
            path.IndexOf("/topics/", StringComparison.OrdinalIgnoreCase) + "/topics/".Length,
            StringComparison.OrdinalIgnoreCase
        );
        return start < 0 ? id : Uri.UnescapeDataString(path[(start + Before.Length)..]);
    }
}

/// <summary>The producer of a path, for the API's description.</summary>
internal interface IProducerPath
{
    /// <summary>The producer's id, as in `Producer-Id`.</summary>
    /// <example>sensor-7</example>
    [FromRoute, Length(1, ProducerStamp.MaxIdLength)]
    string Id { get; }
}

/// <summary>A producer's position.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Producer">The producer's id.</param>
/// <param name="Partitions">The partitions that know the producer, by number.</param>
internal sealed record ProducerDescription(string Topic, string Producer, ProducerPosition[] Partitions);

/// <summary>A producer's position in a partition.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Epoch">The producer's epoch.</param>
/// <param name="NextSequence">The sequence of the producer's next record, in this epoch.</param>
internal sealed record ProducerPosition(int Partition, long Epoch, long NextSequence);
