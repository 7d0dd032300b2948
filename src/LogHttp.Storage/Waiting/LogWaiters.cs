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

    // Guarded by _gate. Ordered by target, so that growth skips followers that want more. Created for the first
    // follower.
    SortedSet<LogListener> Waiting => field ??= new(ByTarget);

    Segment? _active;
    int _wokenGrowths;
    bool _wakesAll;
    bool _isClosed;

    volatile int _count;
    volatile int _growths;
    int _isWakeScheduled;

    LiveListeners? _live;

    public int Count => _count + (Volatile.Read(ref _live)?.Count ?? 0);

    /// <summary>The listeners that take what is published from each other's reads.</summary>
    public LiveListeners Live =>
        Volatile.Read(ref _live)
        ?? Interlocked.CompareExchange(ref _live, new(scheduler, log), null)
        ?? Volatile.Read(ref _live)!;

    /// <summary>Where the live listeners stand, or will in a moment. Null without any.</summary>
    public LogView? LiveEnd => Volatile.Read(ref _live)?.End;

    /// <summary>How often the topic got more partitions. Read it before you look at the topic's partitions.</summary>
    public int TopicGrowths => _growths;

    /// <summary>
    /// Adds a follower until its log has grown by this many bytes since a view of it, or into another segment, or the
    /// topic has grown.
    /// </summary>
    public void Add(LogListener follower, LogView seen, long growthBytes, int seenTopicGrowths)
    {
        LogWake? wake = null;
        lock (_gate)
        {
            Waiting.Remove(follower);
            (follower.TargetBytes, follower.SeenTopicGrowths) = (seen.GrownBytes + growthBytes, seenTopicGrowths);
            var isFirst = Waiting.Count == 0;
            Waiting.Add(follower);
            _count = Waiting.Count;
            // The publisher reads the count after it sets the view. This method reads the view after it sets the count.
            Interlocked.MemoryBarrier();
            var view = log.View;
            // While nobody waited, _active was not updated.
            if (isFirst)
                _active = view.Active;
            if (_isClosed)
                wake = LogWake.Closed;
            else if (
                view.GrownBytes >= follower.TargetBytes
                || view.GrownBytes < seen.GrownBytes
                || view.EarliestOffset != seen.EarliestOffset
                || view.Active != seen.Active
                || _growths != seenTopicGrowths
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

    /// <summary>Called after the log has grown. The scheduler wakes the followers whose target is reached.</summary>
    public void Grown()
    {
        Interlocked.MemoryBarrier();
        // One work item wakes all: an append must not wait until ten thousand readers are scheduled.
        if (_count > 0 && Interlocked.Exchange(ref _isWakeScheduled, 1) == 0)
            scheduler.Schedule(static state => ((LogWaiters)state!).WakeReached(), this);
        Volatile.Read(ref _live)?.Grown();
    }

    /// <summary>
    /// Called after the log has shrunk. The scheduler wakes all followers, because some may stand before its start or
    /// beyond its end.
    /// </summary>
    public void Shrunk()
    {
        lock (_gate)
            _wakesAll = Waiting.Count > 0;
        // Before Grown, which would start a round.
        Volatile.Read(ref _live)?.Shrunk();
        Grown();
    }

    /// <summary>
    /// Called after the topic got more partitions. The scheduler wakes all followers that have read before it, because
    /// some follow the whole topic.
    /// </summary>
    public void TopicGrown()
    {
        Interlocked.Increment(ref _growths);
        // Before Grown, which would start a round.
        Volatile.Read(ref _live)?.Shrunk();
        Grown();
    }

    /// <summary>Ends all waits, and all later ones.</summary>
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
        Live.Close();
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
            var growths = _growths;
            var hasTopicGrown = _wokenGrowths != growths;
            (_active, _wakesAll, _wokenGrowths) = (view.Active, false, growths);
            foreach (var follower in Waiting)
            {
                var isReached = wakesAll || follower.TargetBytes <= view.GrownBytes;
                if (isReached || follower.SeenTopicGrowths != growths)
                    reached.Add(follower);
                else if (!hasTopicGrown)
                    break;
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
