using System.Diagnostics.CodeAnalysis;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Text;
using Microsoft.Extensions.Primitives;

namespace LogHttp.AspNetCore.Following;

/// <summary>
/// The positions in an event's id, such as `orders/0-1/8f1d4c0a52b7e693:43.7,clicks/0/…:7` (api/PROTOCOL.md §10). Also
/// reads ids with an entry for each partition.
/// </summary>
internal sealed class StreamPositions
{
    readonly Dictionary<(string Topic, int Partition), (string Id, long Offset)> _positions = [];

    /// <summary>Reads `Last-Event-ID`, else `?lastEventId=`. Without either, returns an id without positions.</summary>
    public static bool TryRead(HttpRequest request, out StreamPositions read, [NotNullWhen(false)] out Problem? problem)
    {
        read = new StreamPositions();
        problem = null;
        var text = request.Headers["Last-Event-ID"];
        // A browser sends the header when it reconnects, and by then the URL is older.
        if (StringValues.IsNullOrEmpty(text))
            text = request.Query[QueryNames.LastEventId];
        if (StringValues.IsNullOrEmpty(text))
            return true;
        foreach (var position in text.ToString().Split(','))
        {
            if (read.TryAdd(position))
                continue;
            problem = Problems.InvalidRequest(
                "invalid_header",
                $"Last-Event-ID has \"{Excerpt.Of(position)}\", which is no position such as "
                    + "orders/0/8f1d4c0a52b7e693:43 or orders/0-1/8f1d4c0a52b7e693:43.7, or names a partition twice."
            );
            return false;
        }
        return true;
    }

    /// <summary>
    /// Replaces a position by the id's, if the id names the partition. Returns a problem if the id names another topic
    /// of the same name.
    /// </summary>
    public bool TryReplace(
        Topic topic,
        PartitionLog partition,
        ref LogPlace place,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        problem = null;
        if (!_positions.TryGetValue((topic.Name, partition.Number), out var position))
            return true;
        problem = position.Id == topic.Id ? null : Problems.TopicReplaced(topic);
        place = LogPlace.At(position.Offset);
        return problem is null;
    }

    /// <summary>
    /// How many partitions of a topic the id names from 0 on without a gap. A stream of the whole topic with this id
    /// followed as many.
    /// </summary>
    public int CountOf(Topic topic)
    {
        var count = 0;
        while (_positions.ContainsKey((topic.Name, count)))
            count++;
        return count;
    }

    bool TryAdd(string entry)
    {
        if (
            entry.Split('/', ':') is not [var topic, var partitions, var id, var offsets]
            || !EventIdFormat.TryReadPartitions(partitions, out var first, out var last)
            || !EventIdFormat.TryReadOffsets(offsets, last - first + 1, out var next)
        )
            return false;
        for (var i = 0; i < next.Length; i++)
        {
            if (!_positions.TryAdd((topic, first + i), (id, next[i])))
                return false;
        }
        return true;
    }
}
