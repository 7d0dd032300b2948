using System.Diagnostics.CodeAnalysis;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Topics;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>The target of a URL below a topic: a partition and a position in it (api/PROTOCOL.md §3).</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The requested partition, or the only one, or the one at which a search begins.</param>
/// <param name="Place">The position.</param>
/// <param name="IsPermanent">
/// Whether the URL always means the same records. It then has an offset, the partition's number and the topic's id.
/// </param>
internal readonly record struct LogAddress(Topic Topic, PartitionLog Partition, LogPlace Place, bool IsPermanent)
{
    /// <summary>Whether all of several partitions are searched for a key.</summary>
    public bool IsSearch { get; private init; }

    /// <summary>
    /// Whether all partitions are searched for a key, and there is one. The request names none, or continues a search.
    /// Links lead to the partitions of a later growth.
    /// </summary>
    public bool IsSearchOfOne { get; private init; }

    /// <param name="context">The request.</param>
    /// <param name="topic">The topic of the path.</param>
    /// <param name="place">The place of the path.</param>
    /// <param name="catalog">All topics.</param>
    /// <param name="clock">The time that a place such as <c>@-1h</c> counts from.</param>
    /// <param name="query">The rest of the query, or null if the path has no search.</param>
    /// <param name="read">The address.</param>
    /// <param name="problem">The fault, if any.</param>
    public static bool TryRead(
        HttpContext context,
        string topic,
        string place,
        TopicCatalog catalog,
        TimeProvider clock,
        FetchQuery? query,
        out LogAddress read,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        read = default;
        if (TopicName.Check(topic) is { } fault)
            problem = Problems.InvalidRequest("invalid_topic", fault);
        else if (!LogPlace.TryParse(place, clock, out var parsed))
            problem = Problems.InvalidPlace(place);
        else if (
            !context
                .Request.Parameters()
                .TryReadNumber(QueryNames.Partition, 0, int.MaxValue, out var number, out problem)
            || !context.Request.Parameters().TryReadText(QueryNames.TopicId, out var topicId, out problem)
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
            else if (TryChoose(found, (int?)number, query?.Key is not null, out var partition, out problem))
            {
                var continues = query?.Search is not null;
                var isSearch = continues || (number is null && query?.Key is not null);
                var hasSeveral = found.Partitions.Length > 1;
                read = new(found, partition, parsed, isPermanent)
                {
                    IsSearch = isSearch && hasSeveral,
                    IsSearchOfOne = isSearch && !hasSeveral,
                };
                if (continues && (number is null || query!.Value.Key is null || !parsed.IsNumeric))
                    problem = Problems.InvalidRequest(
                        "invalid_parameter",
                        "search continues a search for a key, so it goes with key, partition and an offset, as in Link."
                    );
                else if (read.IsSearch && !continues && query!.Value.MinBytes > 1)
                    problem = Problems.InvalidRequest(
                        "invalid_parameter",
                        "A search of all partitions ends its wait with the first record of the key. Name a partition, "
                            + "or omit minBytes."
                    );
                else if (read.IsSearch && query!.Value.Bounds?.Until is not null)
                    problem = Problems.InvalidRequest(
                        "invalid_parameter",
                        "until is a place in one partition, and this request searches all. Name a partition, or "
                            + "omit until."
                    );
            }
        }
        return problem is null;
    }

    static bool TryChoose(
        Topic topic,
        int? number,
        bool isSearch,
        [NotNullWhen(true)] out PartitionLog? partition,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        (partition, problem) = (null, null);
        var partitions = topic.Partitions.Length;
        var chosen = number ?? (partitions == 1 || isSearch ? 0 : null);
        if (chosen is null)
            problem = Problems.PartitionRequired(topic);
        else if (chosen >= partitions)
            problem = Problems.UnknownPartition(chosen.Value, partitions);
        else
            partition = topic.Partitions[chosen.Value];
        return problem is null;
    }
}
