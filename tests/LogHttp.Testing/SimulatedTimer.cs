namespace LogHttp.Testing;

/// <summary>A timer of <see cref="SimulatedTime"/>, which guards its mutable state.</summary>
sealed class SimulatedTimer(SimulatedTime time, TimerCallback callback, object? state) : ITimer
{
    public static readonly IComparer<SimulatedTimer> ByDueTime = Comparer<SimulatedTimer>.Create(
        static (left, right) =>
            left.DueAt != right.DueAt ? left.DueAt.CompareTo(right.DueAt) : left.Order.CompareTo(right.Order)
    );

    public TimeSpan DueAt { get; set; }

    /// <summary>Orders timers of one moment. Unique among the timers that are set.</summary>
    public long Order { get; set; }

    public TimeSpan Period { get; set; } = Timeout.InfiniteTimeSpan;

    public bool IsDisposed { get; set; }

    public void Fire() => callback(state);

    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        ThrowIfNoInterval(dueTime, nameof(dueTime));
        ThrowIfNoInterval(period, nameof(period));
        return time.Arm(this, dueTime, period);
    }

    public void Dispose() => time.Disarm(this);

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    static void ThrowIfNoInterval(TimeSpan interval, string name)
    {
        if (interval < TimeSpan.Zero && interval != Timeout.InfiniteTimeSpan)
            throw new ArgumentOutOfRangeException(name, interval, "An interval is not negative, or infinite.");
    }
}
