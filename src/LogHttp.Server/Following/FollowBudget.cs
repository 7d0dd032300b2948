namespace LogHttp.Server.Following;

/// <summary>
/// Bounds the memory that all followers together hold of records that their clients have not taken yet. A follower for which
/// there is no room waits and holds its position only. Any thread.
/// </summary>
internal sealed class FollowBudget(long maxFollowingBytes)
{
    /// <summary>What one follower may hold: the output that it flushes at 48 KiB, in blocks of 16 KiB.</summary>
    public const int ShareBytes = 64 << 10;

    /// <summary>One block: the share while more than half of the budget is taken, so that four times as many go on.</summary>
    public const int SmallShareBytes = 16 << 10;

    readonly Lock _gate = new();
    readonly Queue<Waiter> _waiters = [];
    long _takenBytes;
    int _waiting;

    public long TakenBytes => Volatile.Read(ref _takenBytes);

    /// <summary>Takes a share, as soon as there is room; gives its size, to be given back once the client has what was written.</summary>
    /// <exception cref="OperationCanceledException">The client has gone.</exception>
    public ValueTask<int> TakeAsync(CancellationToken aborted)
    {
        // Whoever waits already comes first.
        if (Volatile.Read(ref _waiting) == 0 && TryTake(out var shareBytes))
            return new(shareBytes);
        return WaitAsync(aborted);
    }

    public void GiveBack(int shareBytes)
    {
        Interlocked.Add(ref _takenBytes, -shareBytes);
        if (Volatile.Read(ref _waiting) > 0)
            WakeWaiters();
    }

    bool TryTake(out int shareBytes)
    {
        shareBytes = TakenBytes <= maxFollowingBytes / 2 ? ShareBytes : SmallShareBytes;
        // A follower that is alone always goes on, however small the budget is.
        if (Interlocked.Add(ref _takenBytes, shareBytes) is var taken && (taken <= maxFollowingBytes || taken == shareBytes))
            return true;
        Interlocked.Add(ref _takenBytes, -shareBytes);
        return false;
    }

    async ValueTask<int> WaitAsync(CancellationToken aborted)
    {
        var waiter = new Waiter();
        lock (_gate)
        {
            _waiters.Enqueue(waiter);
            _waiting++;
        }
        using var leaving = aborted.UnsafeRegister(static waiter => ((Waiter)waiter!).TrySetCanceled(), waiter);
        // Bytes given back before it stood in the queue woke nobody.
        WakeWaiters();
        return await waiter.Task;
    }

    void WakeWaiters()
    {
        lock (_gate)
        {
            while (_waiters.TryPeek(out var waiter))
            {
                var shareBytes = 0;
                if (!waiter.Task.IsCompleted && !TryTake(out shareBytes))
                    return;
                _waiters.Dequeue();
                _waiting--;
                if (!waiter.TrySetResult(shareBytes) && shareBytes > 0)
                    Interlocked.Add(ref _takenBytes, -shareBytes);
            }
        }
    }

    sealed class Waiter() : TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
}
