namespace LogHttp.Testing;

/// <summary>
/// A clock that a test advances. The wall clock can jump, also back, while timers and timestamps advance steadily, as
/// when an operator sets a machine's clock.
/// </summary>
public sealed class SimulatedTime(DateTimeOffset start) : TimeProvider
{
    // The machine has been up for a while: code that takes 0 for "never" must not find it in a timestamp.
    static readonly TimeSpan UptimeAtStart = TimeSpan.FromHours(1);

    readonly Lock _gate = new();
    readonly SortedSet<SimulatedTimer> _timers = new(SimulatedTimer.ByDueTime);
    TimeSpan _uptime = UptimeAtStart;
    DateTimeOffset _booted = start.ToUniversalTime() - UptimeAtStart;
    long _armedCount;

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <summary>The time until the next timer is due, or null if none is set.</summary>
    public TimeSpan? UntilNextTimer
    {
        get
        {
            lock (_gate)
                return _timers.Min is { } next ? next.DueAt - _uptime : null;
        }
    }

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
            return _booted + _uptime;
    }

    /// <inheritdoc/>
    public override long GetTimestamp()
    {
        lock (_gate)
            return _uptime.Ticks;
    }

    /// <summary>Creates a timer. However soon it is due, it fires only in <see cref="Advance"/>.</summary>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new SimulatedTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>
    /// Advances the time. Timers fire on this thread, each at the moment it is due. Timers of one moment fire in the
    /// order in which they were set. A callback's exception passes through, and the time stays at that timer's moment.
    /// </summary>
    public void Advance(TimeSpan duration)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(duration, TimeSpan.Zero);
        var end = _uptime + duration;
        while (TakeDueTimer(end) is { } timer)
            timer.Fire();
        lock (_gate)
            _uptime = Max(_uptime, end);
    }

    /// <summary>Moves the wall clock alone, forward or back.</summary>
    public void MoveWallClock(TimeSpan by)
    {
        lock (_gate)
            _booted += by;
    }

    internal bool Arm(SimulatedTimer timer, TimeSpan dueTime, TimeSpan period)
    {
        lock (_gate)
        {
            _timers.Remove(timer);
            if (timer.IsDisposed)
                return false;
            timer.Period = period > TimeSpan.Zero ? period : Timeout.InfiniteTimeSpan;
            if (dueTime != Timeout.InfiniteTimeSpan)
                Add(timer, _uptime + dueTime);
            return true;
        }
    }

    internal void Disarm(SimulatedTimer timer)
    {
        lock (_gate)
        {
            timer.IsDisposed = true;
            _timers.Remove(timer);
        }
    }

    SimulatedTimer? TakeDueTimer(TimeSpan end)
    {
        lock (_gate)
        {
            if (_timers.Min is not { } timer || timer.DueAt > end)
                return null;
            _timers.Remove(timer);
            _uptime = Max(_uptime, timer.DueAt);
            if (timer.Period != Timeout.InfiniteTimeSpan)
                Add(timer, timer.DueAt + timer.Period);
            return timer;
        }
    }

    void Add(SimulatedTimer timer, TimeSpan dueAt)
    {
        (timer.DueAt, timer.Order) = (dueAt, ++_armedCount);
        _timers.Add(timer);
    }

    static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;
}
