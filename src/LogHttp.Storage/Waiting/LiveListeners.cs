using System.IO.Pipelines;
using LogHttp.Storage.Partitions;

namespace LogHttp.Storage.Waiting;

/// <summary>
/// The listeners at the end of one partition that take new records from a shared read. They advance together, one round
/// after the other (<see cref="LiveRound"/>). What is published during a round is the next one's. Any thread.
/// </summary>
/// <remarks>
/// A listener that is elsewhere reads for itself, up to <see cref="End"/>. So it meets the others, however fast the log
/// grows.
/// </remarks>
internal sealed class LiveListeners(PipeScheduler scheduler, IPublishedLog log)
{
    readonly Lock _gate = new();

    // Guarded by _gate. The round has the list of the listeners that it began with.
    LiveList _waiting = new();
    LiveRound? _round;
    LogView? _end;
    bool _wakesAll;
    bool _isClosed;

    volatile int _count;
    int _isWakeScheduled;

    /// <summary>The listeners that wait for a round to begin or to end.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _waiting.Count + (_round?.Members.Count ?? 0);
        }
    }

    /// <summary>Where the listeners stand, or will when the round ends. Null without listeners.</summary>
    public LogView? End => Volatile.Read(ref _end);

    /// <summary>Adds a listener that stands at the end of a view. It stays until it is removed.</summary>
    public void Add(LogListener listener, LogView seen)
    {
        LogWake? wake = null;
        var hasGrown = false;
        lock (_gate)
        {
            if (listener.LivePlace.List is null)
                _waiting.Add(listener);
            _end ??= seen;
            _count = _waiting.Count;
            // The publisher reads the count after it sets the view. This method reads the view after it sets the count.
            Interlocked.MemoryBarrier();
            var view = log.View;
            if (_isClosed)
                wake = LogWake.Closed;
            else if (IsElsewhere(seen, view) || seen.GrownBytes < _end.GrownBytes)
                wake = LogWake.Grown;
            else
                hasGrown = view.GrownBytes > seen.GrownBytes;
        }
        if (wake is { } at)
            listener.Wake(at);
        else if (hasGrown)
            Grown();
    }

    public void Remove(LogListener listener)
    {
        lock (_gate)
        {
            if (listener.LivePlace.List is not { } list)
                return;
            if (list == _waiting)
                list.Remove(listener);
            else
                list.Blank(listener);
            Update();
        }
    }

    /// <summary>Called after the log has grown. The scheduler begins a round, unless one runs.</summary>
    public void Grown()
    {
        Interlocked.MemoryBarrier();
        if (_count > 0 && Interlocked.Exchange(ref _isWakeScheduled, 1) == 0)
            scheduler.Schedule(static state => ((LiveListeners)state!).BeginRound(), this);
    }

    /// <summary>
    /// Called after the log has shrunk. All listeners read for themselves, because some may stand before its start or
    /// beyond its end.
    /// </summary>
    public void Shrunk()
    {
        lock (_gate)
            _wakesAll = _waiting.Count > 0 || _round is not null;
        Grown();
    }

    /// <summary>Ends all waits, and all later ones.</summary>
    public void Close()
    {
        List<LogListener> all = [];
        lock (_gate)
        {
            _isClosed = true;
            AddTo(all, _waiting);
            if (_round is not null)
                AddTo(all, _round.Members);
        }
        foreach (var listener in all)
            listener.Wake(LogWake.Closed);
    }

    /// <summary>Called by the round after its last delivery.</summary>
    public void EndRound(LiveRound round)
    {
        bool isNextDue;
        lock (_gate)
        {
            _round = null;
            var joined = _waiting;
            _waiting = round.Members;
            _waiting.Compact();
            for (var i = 0; i < joined.Count; i++)
                _waiting.Add(joined[i]!);
            Update();
            Interlocked.MemoryBarrier();
            isNextDue =
                _end is not null && (_wakesAll || log.View.GrownBytes > _end.GrownBytes || IsElsewhere(_end, log.View));
        }
        if (isNextDue)
            Grown();
    }

    void BeginRound()
    {
        Volatile.Write(ref _isWakeScheduled, 0);
        Interlocked.MemoryBarrier();
        List<LogListener> woken = [];
        LiveRound? round = null;
        lock (_gate)
        {
            if (_round is not null || _end is not { } from)
                return;
            var view = log.View;
            if (_wakesAll || IsElsewhere(from, view))
                AddTo(woken, _waiting);
            else if (view.GrownBytes > from.GrownBytes)
            {
                round = _round = new LiveRound(this, scheduler, _waiting, from, view);
                _waiting = new();
            }
            else
                return;
            _wakesAll = false;
            Volatile.Write(ref _end, view);
            _count = _waiting.Count;
        }
        foreach (var listener in woken)
            listener.Wake(LogWake.Grown);
        round?.Begin();
    }

    /// <summary>Call with <c>_gate</c> held.</summary>
    void Update()
    {
        _count = _waiting.Count;
        if (_count == 0 && _round is null)
            Volatile.Write(ref _end, null);
    }

    /// <summary>Whether a position can't be continued with what was published since.</summary>
    static bool IsElsewhere(LogView seen, LogView view) =>
        view.GrownBytes < seen.GrownBytes || view.EarliestOffset != seen.EarliestOffset || view.Active != seen.Active;

    static void AddTo(List<LogListener> all, LiveList list)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (list[i] is { } listener)
                all.Add(listener);
        }
    }
}
