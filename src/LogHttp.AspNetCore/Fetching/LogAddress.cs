using System.Diagnostics.CodeAnalysis;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>The target of a URL below a topic: a partition and a position in it (api/PROTOCOL.md §3).</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The requested partition, or the only one, or the key's.</param>
/// <param name="Place">The position.</param>
/// <param name="IsPermanent">
/// Whether the URL always means the same records. It then has an offset, the partition's number and the topic's id.
/// </param>
internal sealed record LogAddress(Topic Topic, PartitionLog Partition, LogPlace Place, bool IsPermanent)
{
    public static bool TryRead(
        HttpContext context,
        string topic,
        string place,
        TopicCatalog catalog,
        TimeProvider clock,
        RecordKey? key,
        [NotNullWhen(true)] out LogAddress? read,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        read = null;
        if (TopicName.Check(topic) is { } fault)
            problem = Problems.InvalidRequest("invalid_topic", fault);
        else if (!LogPlace.TryParse(place, clock, out var parsed))
            problem = Problems.InvalidPlace(place);
        else if (
            !context.Request.Query.TryReadNumber(QueryNames.Partition, 0, int.MaxValue, out var number, out problem)
            || !context.Request.Query.TryReadText(QueryNames.TopicId, out var topicId, out problem)
        )
            return false;
        else
        {
            var isPermanent = parsed.IsNumeric && number is not null && topicId is not null;
            if (catalog.Find(topic) is not { } found)
            {
                problem = Problems.UnknownTopic(topic) with { IsPermanent = isPermanent };
                return false;
            }
            context.Response.Headers[LogHeaders.TopicId] = found.Id;
            if (topicId is not null && topicId != found.Id)
                problem = Problems.TopicReplaced(found) with { IsPermanent = isPermanent };
            else if (TryChoose(found, (int?)number, key, out var partition, out problem))
                read = new(found, partition, parsed, isPermanent);
        }
        return problem is null;
    }

    static bool TryChoose(
        Topic topic,
        int? number,
        RecordKey? key,
        [NotNullWhen(true)] out PartitionLog? partition,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        (partition, problem) = (null, null);
        var partitions = topic.Partitions.Length;
        var chosen =
            number
            ?? (
                partitions == 1 ? 0
                : key is not null ? KeyPartitioner.PartitionOf(key.Bytes.Span, partitions)
                : null
            );
        if (chosen is null)
            problem = Problems.PartitionRequired(topic);
        else if (chosen >= partitions)
            problem = Problems.UnknownPartition(chosen.Value, partitions);
        else
            partition = topic.Partitions[chosen.Value];
        return problem is null;
    }
}
