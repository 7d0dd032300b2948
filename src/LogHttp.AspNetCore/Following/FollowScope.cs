using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;

namespace LogHttp.AspNetCore.Following;

/// <summary>What a stream sends from its starts on.</summary>
internal sealed class FollowScope
{
    /// <summary>All records of one partition.</summary>
    public static readonly FollowScope Default = new();

    /// <summary>The most records.</summary>
    public long MaxRecords { get; init; } = long.MaxValue;

    /// <summary>The position in each partition before which the stream ends, or null.</summary>
    public LogPlace? Until { get; init; }

    /// <summary>The topics that the client follows with all their partitions, however many there are.</summary>
    public IReadOnlyList<WholeTopic> WholeTopics { get; init; } = [];

    /// <summary>Whether one of <see cref="WholeTopics"/> has more partitions than the stream follows.</summary>
    public bool HasAnyTopicGrown()
    {
        for (var i = 0; i < WholeTopics.Count; i++)
        {
            if (WholeTopics[i].HasGrown)
                return true;
        }
        return false;
    }
}

/// <summary>A topic that a stream follows with all its partitions.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partitions">How many it had when the stream began.</param>
internal sealed record WholeTopic(Topic Topic, int Partitions)
{
    public bool HasGrown => Topic.Partitions.Length > Partitions;
}
