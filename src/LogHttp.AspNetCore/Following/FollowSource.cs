using System.Buffers.Text;
using System.Text;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;

namespace LogHttp.AspNetCore.Following;

/// <summary>One partition that a stream follows, and its position there. For the stream's own thread.</summary>
internal sealed class FollowSource
{
    readonly Topic _topic;
    readonly ReadBounds? _bounds;
    LogFollower? _follower;

    FollowSource(in FollowStart start, long offset, ReadBounds? bounds) =>
        (_topic, Log, NextOffset, _bounds) = (start.Topic, start.Partition, offset, bounds);

    /// <summary>Resolves a position to an offset and begins there, or returns the problem.</summary>
    /// <param name="start">The partition and the position.</param>
    /// <param name="until">The position before which it ends, or null.</param>
    /// <param name="aborted">Cancelled when the client disconnects.</param>
    public static async ValueTask<(FollowSource? Source, Problem? Problem)> OpenAsync(
        FollowStart start,
        LogPlace? until,
        CancellationToken aborted
    )
    {
        using var page = await start.Partition.FetchAsync(
            start.Place,
            PageSize.AtMost(PageSize.SmallestBytes),
            aborted
        );
        if (page.Status is FetchStatus.BelowEarliest or FetchStatus.BeyondEnd)
            return (null, Problems.Of(page));
        var bounds = until is { } end
            ? new ReadBounds { EndOffset = await start.Partition.ResolveAsync(end, aborted) }
            : null;
        return (new FollowSource(start, page.FirstOffset, bounds), null);
    }

    public PartitionLog Log { get; }

    /// <summary>The follower, which reads on at <see cref="NextOffset"/>.</summary>
    /// <remarks>Allocated lazily: 64 of them are 6 KiB, and a stream reads one at a time.</remarks>
    public LogFollower Follower => _follower ??= new(Log, LogPlace.At(NextOffset)) { Bounds = _bounds };

    /// <summary>Whether <see cref="Follower"/> has read since the last <see cref="Drop"/>.</summary>
    public bool HasFollower => _follower is not null;

    public string Topic => _topic.Name;

    public string TopicId => _topic.Id;

    public int Partition => Log.Number;

    /// <summary>The offset after all written records.</summary>
    public long NextOffset { get; set; }

    /// <summary>Whether the request named an end.</summary>
    public bool IsBounded => _bounds is not null;

    /// <summary>Whether all records before the end that the request named are written.</summary>
    public bool IsDone => NextOffset >= _bounds?.EndOffset;

    /// <summary>The most bytes that <see cref="WritePrefix"/> writes.</summary>
    public int MaxPrefixBytes => Topic.Length + 48;

    /// <summary>
    /// Writes the prefix of this partition's records on a connection that follows several partitions. Returns its
    /// length in bytes. The prefix is not kept: 64 partitions with long names took 60 KB of each connection.
    /// </summary>
    public int WritePrefix(Span<byte> destination)
    {
        var beforeTopic = "{\"topic\":\""u8;
        var beforePartition = "\",\"partition\":"u8;
        beforeTopic.CopyTo(destination);
        var written = beforeTopic.Length;
        written += Encoding.ASCII.GetBytes(Topic, destination[written..]);
        beforePartition.CopyTo(destination[written..]);
        written += beforePartition.Length;
        if (!Utf8Formatter.TryFormat(Partition, destination[written..], out var digits))
            throw new InvalidOperationException("The buffer for a record's partition is too small.");
        written += digits;
        destination[written++] = (byte)',';
        return written;
    }

    /// <summary>
    /// Drops the follower, which then no longer waits. The next read begins at <see cref="NextOffset"/>, even within
    /// the page that was read last.
    /// </summary>
    public void Drop()
    {
        _follower?.Unsubscribe();
        _follower = null;
    }
}

/// <summary>The position at which a client begins to follow a partition.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Place">The position.</param>
internal readonly record struct FollowStart(Topic Topic, PartitionLog Partition, LogPlace Place);
