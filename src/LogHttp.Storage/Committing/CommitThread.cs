using System.Collections.Concurrent;
using System.IO.Pipelines;

namespace LogHttp.Storage;

/// <summary>One thread that runs what it is given in order: the committer's, which spends its life in fdatasync.</summary>
internal sealed class CommitThread : PipeScheduler, IDisposable
{
    readonly BlockingCollection<(Action<object?> Action, object? State)> _work = [];
    readonly Thread _thread;

    public CommitThread()
    {
        _thread = new Thread(Run) { Name = "loghttp commit", IsBackground = true };
        _thread.Start();
    }

    public override void Schedule(Action<object?> action, object? state) => _work.Add((action, state));

    /// <summary>Runs what was scheduled and ends the thread.</summary>
    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    void Run()
    {
        foreach (var (action, state) in _work.GetConsumingEnumerable())
            action(state);
    }
}
