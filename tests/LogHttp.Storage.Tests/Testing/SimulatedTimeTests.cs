using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Testing;

public class SimulatedTimeTests
{
    static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    readonly SimulatedTime _time = new(Start);
    readonly List<string> _fired = [];

    ITimer SetTimer(string name, double dueSeconds, double periodSeconds = -0.001) =>
        _time.CreateTimer(
            _ => _fired.Add($"{name}@{(_time.GetUtcNow() - Start).TotalSeconds}"),
            null,
            TimeSpan.FromSeconds(dueSeconds),
            TimeSpan.FromSeconds(periodSeconds)
        );

    [Fact]
    public void Advance_Time_MovesWallClockAndTimestamp()
    {
        var timestamp = _time.GetTimestamp();

        _time.Advance(TimeSpan.FromSeconds(90));

        Assert.Equal(Start.AddSeconds(90), _time.GetUtcNow());
        Assert.Equal(TimeSpan.FromSeconds(90), _time.GetElapsedTime(timestamp));
    }

    [Fact]
    public void Advance_DueTimers_FireInOrderWhenDue()
    {
        SetTimer("c", 3);
        SetTimer("a", 1);
        SetTimer("b", 1);
        SetTimer("later", 10);

        _time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal(["a@1", "b@1", "c@3"], _fired);
        Assert.Equal(TimeSpan.FromSeconds(5), _time.UntilNextTimer);
    }

    [Fact]
    public void Timer_WithPeriod_FiresUntilDisposed()
    {
        var timer = SetTimer("a", 1, 2);
        _time.Advance(TimeSpan.FromSeconds(6));
        timer.Dispose();
        _time.Advance(TimeSpan.FromSeconds(6));

        Assert.Equal(["a@1", "a@3", "a@5"], _fired);
        Assert.False(timer.Change(TimeSpan.Zero, TimeSpan.Zero));
        Assert.Null(_time.UntilNextTimer);
    }

    [Fact]
    public void Timer_DueAtOnce_WaitsForAdvance()
    {
        SetTimer("a", 0);
        Assert.Empty(_fired);

        _time.Advance(TimeSpan.Zero);
        Assert.Equal(["a@0"], _fired);
    }

    [Fact]
    public void Timer_Changed_FiresAtNewTimeAlone()
    {
        var timer = SetTimer("a", 1);
        Assert.True(timer.Change(TimeSpan.FromSeconds(4), Timeout.InfiniteTimeSpan));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(["a@4"], _fired);

        timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(["a@4"], _fired);
    }

    [Fact]
    public void Timer_SetByCallback_FiresInSameAdvanceIfDue()
    {
        _time.CreateTimer(_ => SetTimer("b", 1), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);

        _time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(["b@2"], _fired);
    }

    [Theory]
    [InlineData(-3600)]
    [InlineData(3600)]
    public void MoveWallClock_WithTimers_MovesNeitherTimerNorTimestamp(double seconds)
    {
        SetTimer("a", 10);
        var timestamp = _time.GetTimestamp();

        _time.MoveWallClock(TimeSpan.FromSeconds(seconds));
        Assert.Equal(Start.AddSeconds(seconds), _time.GetUtcNow());
        Assert.Equal(timestamp, _time.GetTimestamp());

        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.Empty(_fired);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([$"a@{seconds + 10}"], _fired);
    }

    [Fact]
    public void Delay_OfFramework_EndsWhenTimeHasPassed()
    {
        var delay = Task.Delay(TimeSpan.FromSeconds(1), _time);
        using var cancellation = new CancellationTokenSource(TimeSpan.FromSeconds(2), _time);

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(delay.IsCompleted);
        Assert.False(cancellation.IsCancellationRequested);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(cancellation.IsCancellationRequested);
    }
}
