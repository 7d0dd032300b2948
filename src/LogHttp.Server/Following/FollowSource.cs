using System.Diagnostics.CodeAnalysis;
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

    /// <summary>Begins at a place, which is turned into an offset here and now.</summary>
    public static bool TryOpen(Topic topic, PartitionLog partition, LogPlace place, [NotNullWhen(true)] out FollowSource? source, [NotNullWhen(false)] out Problem? problem)
    {
        using var page = partition.Fetch(place, PageSize.AtMost(PageSize.LeastBytes));
        problem = page.Status is FetchStatus.BelowEarliest or FetchStatus.BeyondEnd ? Problems.Of(page) : null;
        source = problem is null ? new FollowSource(topic, partition, page.FirstOffset) : null;
        return problem is null;
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
