namespace LogHttp.AspNetCore.Limits;

/// <summary>
/// Bounds the memory of copied records that clients have not taken yet, over all responses: followers, and pages in
/// other forms than the segment's. A response without room waits and holds only its position. Any thread.
/// </summary>
internal sealed class FollowBudget(long maxFollowingBytes)
{
    /// <summary>The most that one follower holds: the output that it flushes at 48 KiB, in blocks of 16 KiB.</summary>
    public const int ShareBytes = 64 << 10;

    /// <summary>
    /// One block: the share while more than a sixteenth of the budget is taken. Four times as many followers then
    /// continue.
    /// </summary>
    /// <remarks>
    /// 10,000 followers at 1 KB/s and a budget of 1 GiB hold 2.2 blocks each with large shares up to a quarter. With
    /// large shares up to a sixteenth they hold 1.3. For each byte, a small share takes 10 to 20 % more processor time
    /// than a large one.
    /// </remarks>
    public const int SmallShareBytes = 16 << 10;

    /// <summary>
    /// The share of the budget that pieces for many followers may take beside it. Without room there, each follower
    /// reads for itself.
    /// </summary>
    const int SharedFraction = 16;

    readonly Lock _gate = new();
    readonly Queue<Waiter> _waiters = [];
    long _takenBytes;
    int _waiting;
    long _sharedBytes;

    /// <summary>The bytes of pieces that followers share.</summary>
    public long SharedBytes => Volatile.Read(ref _sharedBytes);

    public long TakenBytes => Volatile.Read(ref _takenBytes);

    /// <summary>
    /// Takes a share as soon as there is room, and returns its size. Give it back once the client has the bytes.
    /// </summary>
    /// <exception cref="OperationCanceledException">The client has disconnected.</exception>
    public ValueTask<int> TakeAsync(CancellationToken aborted) => TakeAsync(0, aborted);

    /// <summary>
    /// Takes a share as <see cref="TakeAsync(CancellationToken)"/> does, but a larger one if a record needs it.
    /// </summary>
    /// <exception cref="OperationCanceledException">The client has disconnected.</exception>
    public ValueTask<int> TakeAsync(int minBytes, CancellationToken aborted)
    {
        // Responses that already wait come first.
        if (Volatile.Read(ref _waiting) == 0 && TryTake(minBytes, out var shareBytes))
            return new(shareBytes);
        return WaitAsync(minBytes, aborted);
    }

    public void Release(int shareBytes)
    {
        Interlocked.Add(ref _takenBytes, -shareBytes);
        if (Volatile.Read(ref _waiting) > 0)
            WakeWaiters();
    }

    /// <summary>Takes room for a piece that many followers share. Never waits.</summary>
    public bool TryShare(int sizeBytes)
    {
        if (Interlocked.Add(ref _sharedBytes, sizeBytes) <= maxFollowingBytes / SharedFraction)
            return true;
        ReleaseShared(sizeBytes);
        return false;
    }

    public void ReleaseShared(int sizeBytes) => Interlocked.Add(ref _sharedBytes, -sizeBytes);

    bool TryTake(int minBytes, out int shareBytes)
    {
        shareBytes = Math.Max(minBytes, TakenBytes <= maxFollowingBytes / 16 ? ShareBytes : SmallShareBytes);
        // A single follower always continues, however small the budget is.
        if (
            Interlocked.Add(ref _takenBytes, shareBytes) is var taken
            && (taken <= maxFollowingBytes || taken == shareBytes)
        )
            return true;
        Interlocked.Add(ref _takenBytes, -shareBytes);
        return false;
    }

    async ValueTask<int> WaitAsync(int minBytes, CancellationToken aborted)
    {
        var waiter = new Waiter(minBytes);
        lock (_gate)
        {
            _waiters.Enqueue(waiter);
            _waiting++;
        }
        using var leaving = aborted.UnsafeRegister(static waiter => ((Waiter)waiter!).TrySetCanceled(), waiter);
        // Bytes that were given back before this waiter was queued woke nobody.
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
                if (!waiter.Task.IsCompleted && !TryTake(waiter.MinBytes, out shareBytes))
                    return;
                _waiters.Dequeue();
                _waiting--;
                if (!waiter.TrySetResult(shareBytes) && shareBytes > 0)
                    Interlocked.Add(ref _takenBytes, -shareBytes);
            }
        }
    }

    sealed class Waiter(int minBytes) : TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public int MinBytes => minBytes;
    }
}
