using System.IO.Pipelines;
using LogHttp.Storage.Partitions;

namespace LogHttp.Storage.Waiting;

/// <summary>
/// Delivers what was published between two views to the listeners that stood at the first one. It is read once. A few
/// work items deliver it, one batch of listeners at a time. So other work gets its turn in between.
/// </summary>
internal sealed class LiveRound(
    LiveListeners listeners,
    PipeScheduler scheduler,
    LiveList members,
    LogView from,
    LogView to
)
{
    /// <summary>
    /// A delivery takes some 5 µs, so a batch takes a fifth of a millisecond. Scheduling it takes as long as one
    /// delivery.
    /// </summary>
    const int BatchSize = 32;

    IDisposable? _shared;
    int _next;
    int _runningItems;

    /// <summary>Those who leave are blanked. The others keep their places until the round ends.</summary>
    public LiveList Members => members;

    /// <summary>Reads, and delivers the first batch on this thread.</summary>
    public void Begin()
    {
        _shared = members.First?.ReadShared(from, to);
        _runningItems = Math.Clamp((members.Count + BatchSize - 1) / BatchSize, 1, Environment.ProcessorCount);
        for (var i = 1; i < _runningItems; i++)
            Schedule();
        DeliverBatch();
    }

    void Schedule() => scheduler.Schedule(static round => ((LiveRound)round!).DeliverBatch(), this);

    void DeliverBatch()
    {
        var end = Interlocked.Add(ref _next, BatchSize);
        for (var i = end - BatchSize; i < Math.Min(end, members.Count); i++)
            members[i]?.Deliver(_shared, from, to);
        if (Volatile.Read(ref _next) < members.Count)
        {
            Schedule();
            return;
        }
        if (Interlocked.Decrement(ref _runningItems) > 0)
            return;
        _shared?.Dispose();
        listeners.EndRound(this);
    }
}
