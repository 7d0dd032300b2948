using System.IO.Pipelines;

namespace LogHttp.Testing;

/// <summary>
/// One process's share of a <see cref="SimulatedScheduler"/>. Its items keep no order among themselves.
/// </summary>
public sealed class SimulatedLane : PipeScheduler
{
    readonly SimulatedScheduler _scheduler;

    internal SimulatedLane(SimulatedScheduler scheduler) => _scheduler = scheduler;

    /// <inheritdoc/>
    public override void Schedule(Action<object?> action, object? state) =>
        _scheduler.Add(new SimulatedScheduler.WorkItem(this, action, state));

    /// <summary>Discards the waiting items of this lane.</summary>
    public void Clear() => _scheduler.Clear(this);
}
