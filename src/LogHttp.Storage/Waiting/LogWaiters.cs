using System.IO.Pipelines;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Waiting;

/// <summary>The followers of one partition that wait for it to grow. Any thread.</summary>
internal sealed class LogWaiters(PipeScheduler scheduler, IPublishedLog log)
{
    static readonly Comparer<LogListener> ByTarget = Comparer<LogListener>.Create(
        static (one, other) =>
            one.TargetBytes != other.TargetBytes
                ? one.TargetBytes.CompareTo(other.TargetBytes)
                : one.Id.CompareTo(other.Id)
    );

    readonly Lock _gate = new();

    // Guarded by _gate; by target, so that growth looks at nobody who wants more. Made for the first who waits.
    SortedSet<LogListener> Waiting => field ??= new(ByTarget);

    Segment? _active;
    bool _wakesAll;
    bool _isClosed;

    volatile int _count;
    int _isWakeScheduled;

    public int Count => _count;

    /// <summary>
    /// Adds a follower until its log has grown by so much since a view of it, or into another segment.
    /// </summary>
    public void Add(LogListener follower, LogView seen, long growthBytes)
    {
        LogWake? wake = null;
        lock (_gate)
        {
            Waiting.Remove(follower);
            follower.TargetBytes = seen.GrownBytes + growthBytes;
            var isFirst = Waiting.Count == 0;
            Waiting.Add(follower);
            _count = Waiting.Count;
            // Whoever publishes looks at the count after the view; here the view is looked at after the count.
            Interlocked.MemoryBarrier();
            var view = log.View;
            // While nobody waited, nobody looked.
            if (isFirst)
                _active = view.Active;
            if (_isClosed)
                wake = LogWake.Closed;
            else if (
                view.GrownBytes >= follower.TargetBytes
                || view.GrownBytes < seen.GrownBytes
                || view.EarliestOffset != seen.EarliestOffset
                || view.Active != seen.Active
            )
                wake = LogWake.Grown;
        }
        if (wake is { } at)
            follower.Wake(at);
    }

    public void Remove(LogListener follower)
    {
        lock (_gate)
        {
            Waiting.Remove(follower);
            _count = Waiting.Count;
        }
    }

    /// <summary>The log shows more: wakes, elsewhere, those who have waited for it.</summary>
    public void Grown()
    {
        Interlocked.MemoryBarrier();
        // One work item for all: an append must not wait until ten thousand readers are on their way.
        if (_count > 0 && Interlocked.Exchange(ref _isWakeScheduled, 1) == 0)
            scheduler.Schedule(static state => ((LogWaiters)state!).WakeReached(), this);
    }

    /// <summary>
    /// The log shows less: wakes, elsewhere, all, for some may stand before its start or beyond its end.
    /// </summary>
    public void Shrunk()
    {
        lock (_gate)
            _wakesAll = Waiting.Count > 0;
        Grown();
    }

    /// <summary>Ends all waits, and those to come.</summary>
    public void Close()
    {
        LogListener[] all;
        lock (_gate)
        {
            _isClosed = true;
            all = [.. Waiting];
            Waiting.Clear();
            _count = 0;
        }
        foreach (var follower in all)
            follower.Wake(LogWake.Closed);
    }

    void WakeReached()
    {
        Volatile.Write(ref _isWakeScheduled, 0);
        Interlocked.MemoryBarrier();
        var reached = new List<LogListener>();
        lock (_gate)
        {
            var view = log.View;
            var wakesAll = _wakesAll || _active != view.Active;
            (_active, _wakesAll) = (view.Active, false);
            foreach (var follower in Waiting)
            {
                if (!wakesAll && follower.TargetBytes > view.GrownBytes)
                    break;
                reached.Add(follower);
            }
            if (reached.Count == Waiting.Count)
                Waiting.Clear();
            else
                reached.ForEach(follower => Waiting.Remove(follower));
            _count = Waiting.Count;
        }
        foreach (var follower in reached)
            follower.Wake(LogWake.Grown);
    }
}
