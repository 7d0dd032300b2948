namespace LogHttp.Storage.Tests.Simulation;

/// <summary>
/// Lets work on the thread pool run only while the simulation's thread waits for it. So one thread runs at any time,
/// and a run replays.
/// </summary>
sealed class Turnstile
{
    readonly int _threadId = Environment.CurrentManagedThreadId;
    readonly object _gate = new();

    // Guarded by _gate.
    bool _isOpen;
    bool _isProcessGone;

    /// <summary>Waits until the turnstile opens. Returns at once on the simulation's own thread.</summary>
    /// <exception cref="KilledException">The process has ended.</exception>
    public void Pass()
    {
        if (Environment.CurrentManagedThreadId == _threadId)
            return;
        lock (_gate)
        {
            while (!_isOpen && !_isProcessGone)
                Monitor.Wait(_gate);
            if (_isProcessGone)
                throw new KilledException();
        }
    }

    /// <summary>Waits for a task that may have to pass. Its exception is thrown unchanged.</summary>
    public void WaitFor(Task task)
    {
        Set(ref _isOpen, true);
        var isEnded = Task.WhenAny(task).Wait(TimeSpan.FromSeconds(60));
        Set(ref _isOpen, false);
        if (!isEnded)
            throw new SimulationException("A task does not end, though nothing is left to run.");
        task.GetAwaiter().GetResult();
    }

    /// <summary>The process has ended, and the work that waits here stops.</summary>
    public void Close() => Set(ref _isProcessGone, true);

    void Set(ref bool flag, bool value)
    {
        lock (_gate)
        {
            flag = value;
            Monitor.PulseAll(_gate);
        }
    }
}
