namespace LogHttp.Storage.Appending;

/// <summary>
/// The requests of groups whose outcome is known. A few work items complete them, because code that continues inline
/// writes a response for each. One hand-over for each request took more CPU time than the response.
/// </summary>
/// <remarks>Filled by one thread before it runs, and run by several.</remarks>
internal sealed class RequestCompletions(Appender appender)
{
    /// <summary>A work item is added for each of these. A response takes about 5 µs.</summary>
    const int RequestsPerItem = 16;

    /// <summary>The most work items, as many as processors that a round can use.</summary>
    const int MaxItems = 8;

    [ThreadStatic]
    static bool IsRunningHere;

    readonly List<AppendRequest> _requests = [];
    int _last = -1;
    int _unfinished;

    /// <summary>Whether the current thread runs code that waited for an append, and other code waits for it.</summary>
    public static bool IsRunning => IsRunningHere;

    /// <summary>Adds requests. All get the refusal, or else each gets its own result.</summary>
    public void Add(IReadOnlyList<AppendRequest> requests, AppendResult? refusal)
    {
        if (refusal is { } result)
        {
            foreach (var request in requests)
                request.SetResult(result);
        }
        _requests.AddRange(requests);
    }

    /// <summary>
    /// Completes the requests, in part on this thread. The caller holds no lock, and the turn only after a failed sync.
    /// </summary>
    public void Run()
    {
        var items = Begin();
        Schedule(items - 1);
        if (items > 0)
            RunSome();
    }

    /// <summary>Completes the requests on other threads. For a caller that must not wait for their code.</summary>
    public void Schedule() => Schedule(Begin());

    /// <summary>Returns the number of work items.</summary>
    int Begin()
    {
        _unfinished = _requests.Count;
        if (_unfinished == 0)
            appender.Publication.EndCompletions();
        return Math.Min(MaxItems, (_unfinished + RequestsPerItem - 1) / RequestsPerItem);
    }

    void Schedule(int items)
    {
        for (; items > 0; items--)
            appender.Context.Environment.AppendScheduler.Schedule(
                static state => ((RequestCompletions)state!).RunSome(),
                this
            );
    }

    /// <summary>Completes each request that no other work item has taken.</summary>
    void RunSome()
    {
        var wasRunning = IsRunningHere;
        IsRunningHere = true;
        while (Interlocked.Increment(ref _last) is var next && next < _requests.Count)
        {
            _requests[next].Acknowledge();
            if (Interlocked.Decrement(ref _unfinished) == 0)
                appender.Publication.EndCompletions();
        }
        IsRunningHere = wasRunning;
    }
}
