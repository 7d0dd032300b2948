using System.Globalization;
using System.Text;
using LogHttp.Server.Endpoints;
using LogHttp.Storage;

namespace LogHttp.Server.Following;

/// <summary>One partition that a stream follows, and how far it got. For the stream's own thread.</summary>
internal sealed class FollowSource
{
    readonly Topic _topic;
    byte[]? _prefix;
    string? _idPrefix;

    FollowSource(Topic topic, PartitionLog partition, long offset) =>
        (_topic, Follower, NextOffset) = (topic, new LogFollower(partition, LogPlace.At(offset)), offset);

    /// <summary>Begins at a place, which is turned into an offset here and now; or gives what is wrong with it.</summary>
    public static async ValueTask<(FollowSource? Source, Problem? Problem)> OpenAsync(FollowStart start, CancellationToken aborted)
    {
        using var page = await start.Partition.FetchAsync(start.Place, PageSize.AtMost(PageSize.LeastBytes), aborted);
        return page.Status is FetchStatus.BelowEarliest or FetchStatus.BeyondEnd
            ? (null, Problems.Of(page))
            : (new FollowSource(start.Topic, start.Partition, page.FirstOffset), null);
    }

    public LogFollower Follower { get; }

    public string Topic => _topic.Name;

    /// <summary>What records of this partition begin with where several are followed on one connection.</summary>
    public byte[] Prefix => _prefix ??= Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{{\"topic\":\"{Topic}\",\"partition\":{Follower.Log.Number},"));

    /// <summary>The partition's part of an event id, up to the offset (api/PROTOCOL.md §10).</summary>
    public string IdPrefix => _idPrefix ??= string.Create(CultureInfo.InvariantCulture, $"{Topic}/{Follower.Log.Number}/{_topic.Id}:");

    /// <summary>The offset that follows all that was sent.</summary>
    public long NextOffset { get; set; }
}

/// <summary>Where somebody wants to begin to follow a partition.</summary>
internal readonly record struct FollowStart(Topic Topic, PartitionLog Partition, LogPlace Place);
