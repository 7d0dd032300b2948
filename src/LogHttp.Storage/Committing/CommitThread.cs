using System.IO.Pipelines;

namespace LogHttp.Storage;

/// <summary>One thread that runs what it is given in order: the committer's, which spends its life in fdatasync.</summary>
/// <remarks>
/// Where there is nothing to run it sleeps at once. A collection that blocks spins first, which on busy processors means
/// sched_yield(2): strace had it return after up to 3.5 ms, with a commit waiting.
/// Threads: <c>_work</c> and <c>_isEnding</c> are guarded by <c>_gate</c>, which is never held while something runs.
/// </remarks>
internal sealed class CommitThread : PipeScheduler, IDisposable
{
    // Not a Lock, which has no Wait.
    readonly object _gate = new();
    readonly Queue<(Action<object?> Action, object? State)> _work = [];
    readonly Thread _thread;
    bool _isEnding;

    public CommitThread()
    {
        _thread = new Thread(Run) { Name = "loghttp commit", IsBackground = true };
        _thread.Start();
    }

    public override void Schedule(Action<object?> action, object? state)
    {
        lock (_gate)
        {
            _work.Enqueue((action, state));
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Runs what was scheduled and ends the thread.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isEnding = true;
            Monitor.Pulse(_gate);
        }
        _thread.Join();
    }

    void Run()
    {
        while (true)
        {
            (Action<object?> Action, object? State) next;
            lock (_gate)
            {
                while (!_work.TryDequeue(out next))
                {
                    if (_isEnding)
                        return;
                    Monitor.Wait(_gate);
                }
            }
            next.Action(next.State);
        }
    }
}
