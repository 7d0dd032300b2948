using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using LogHttp.Server.Endpoints;
using LogHttp.Storage;
using Microsoft.Extensions.Primitives;

namespace LogHttp.Server.Following;

/// <summary>
/// The id of an event: the position in every partition followed, `orders/0/8f1d4c0a52b7e693:43,clicks/0/…:7`
/// (api/PROTOCOL.md §10).
/// </summary>
internal sealed class StreamPositions
{
    readonly Dictionary<(string Topic, int Partition), (string Id, long Offset)> _positions = [];

    /// <summary>For clients that cannot set the header: event-source-polyfill comes back with it in the query.</summary>
    public const string Parameter = "lastEventId";

    /// <summary>Reads `Last-Event-ID`, else `?lastEventId=`; an id without positions where there is neither.</summary>
    public static bool TryRead(HttpRequest request, out StreamPositions read, [NotNullWhen(false)] out Problem? problem)
    {
        read = new StreamPositions();
        problem = null;
        var text = request.Headers["Last-Event-ID"];
        // A browser sends the header when it comes back, and by then the URL is older.
        if (StringValues.IsNullOrEmpty(text))
            text = request.Query[Parameter];
        if (StringValues.IsNullOrEmpty(text))
            return true;
        foreach (var position in text.ToString().Split(','))
        {
            if (position.Split('/', ':') is [var topic, var partition, var id, var offset]
                && int.TryParse(partition, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && long.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out var next)
                && read._positions.TryAdd((topic, number), (id, next)))
                continue;
            problem = Problems.InvalidRequest("invalid_header", $"Last-Event-ID has \"{position}\", which is no position such as orders/0/8f1d4c0a52b7e693:43, or one twice.");
            return false;
        }
        return true;
    }

    /// <summary>Where a partition goes on by this id, or a place where the id says nothing of it; a problem where it speaks of another topic of the name.</summary>
    public bool TryPlace(Topic topic, PartitionLog partition, ref LogPlace place, [NotNullWhen(false)] out Problem? problem)
    {
        problem = null;
        if (!_positions.TryGetValue((topic.Name, partition.Number), out var position))
            return true;
        problem = position.Id == topic.Id ? null : Problems.TopicReplaced(topic);
        place = LogPlace.At(position.Offset);
        return problem is null;
    }
}
