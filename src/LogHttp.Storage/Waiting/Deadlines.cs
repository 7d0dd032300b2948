namespace LogHttp.Storage.Waiting;

/// <summary>
/// Ends waits at their deadlines, with one timer for all of them: a wheel of lists, one for each tenth of a second. A
/// wait ends up to two tenths late: one for its place on the wheel, one for the timer. Any thread.
/// </summary>
public sealed class Deadlines : IDisposable
{
    const int TickMs = 100;

    /// <summary>The lists of the wheel. A wait that is longer than one turn stays in its list for another.</summary>
    const int SlotCount = 1024;

    readonly TimeProvider _time;
    readonly ITimer _timer;
    readonly long _start;
    readonly Lock _gate = new();

    // Guarded by _gate.
    readonly LinkedList<LogWaiter>[] _slots =
    [
        .. Enumerable.Range(0, SlotCount).Select(static _ => new LinkedList<LogWaiter>()),
    ];
    long _tick;
    int _count;

    /// <summary>Creates an empty wheel. Its timer does not run.</summary>
    public Deadlines(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        (_time, _start) = (time, time.GetTimestamp());
        _timer = time.CreateTimer(
            static state => ((Deadlines)state!).Tick(),
            this,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan
        );
    }

    /// <summary>
    /// Sets a waiter's deadline, and replaces the one that it has. A deadline in the past is at the next tick.
    /// </summary>
    public void Set(LogWaiter waiter, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(waiter);
        lock (_gate)
        {
            Unlink(waiter);
            if (_count++ == 0)
            {
                _tick = NowTick();
                _timer.Change(TimeSpan.FromMilliseconds(TickMs), TimeSpan.FromMilliseconds(TickMs));
            }
            // The first tick after the deadline that was not handled yet.
            waiter.DueTick = Math.Max(_tick + 1, (long)Math.Ceiling((ElapsedMs + timeout.TotalMilliseconds) / TickMs));
            (waiter.TimeoutTicks, waiter.RestartTick) = ((long)Math.Ceiling(timeout.TotalMilliseconds / TickMs), 0);
            _slots[waiter.DueTick % SlotCount].AddLast(waiter.DeadlineNode);
        }
    }

    /// <summary>
    /// Begins the time of a waiter's deadline again. Takes no lock: the wheel finds out when the deadline comes.
    /// </summary>
    public void Restart(LogWaiter waiter)
    {
        ArgumentNullException.ThrowIfNull(waiter);
        waiter.RestartTick = NowTick() + 1;
    }

    /// <summary>Removes a waiter's deadline, if it has one.</summary>
    public void Clear(LogWaiter waiter)
    {
        ArgumentNullException.ThrowIfNull(waiter);
        lock (_gate)
            Unlink(waiter);
    }

    /// <summary>Stops the timer. After that, no wait times out.</summary>
    public void Dispose() => _timer.Dispose();

    double ElapsedMs => _time.GetElapsedTime(_start).TotalMilliseconds;

    long NowTick() => (long)(ElapsedMs / TickMs);

    void Unlink(LogWaiter waiter)
    {
        if (waiter.DeadlineNode.List is not { } list)
            return;
        list.Remove(waiter.DeadlineNode);
        if (--_count == 0)
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    void Tick()
    {
        var due = new List<LogWaiter>();
        lock (_gate)
        {
            for (var now = NowTick(); _tick < now; _tick++)
                TakeDue(_slots[(_tick + 1) % SlotCount], _tick + 1, due);
        }
        foreach (var waiter in due)
            waiter.Complete(LogWake.TimedOut);
    }

    void TakeDue(LinkedList<LogWaiter> slot, long tick, List<LogWaiter> due)
    {
        for (var node = slot.First; node is not null; )
        {
            var (waiter, next) = (node.Value, node.Next);
            if (waiter.DueTick <= tick && waiter.RestartTick + waiter.TimeoutTicks is var dueTick && dueTick > tick)
            {
                slot.Remove(node);
                waiter.DueTick = dueTick;
                _slots[dueTick % SlotCount].AddLast(node);
            }
            else if (waiter.DueTick <= tick)
            {
                due.Add(waiter);
                Unlink(waiter);
            }
            node = next;
        }
    }
}
