using LogHttp.Storage.Appending;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Logs;

/// <summary>
/// The appends to a topic that have an idempotency key. A request may go to several partitions, and each of them only
/// knows its own part. So the requests with one key come one after the other, and a request looks into all partitions
/// before it appends to any. Any thread.
/// </summary>
public sealed class KeyedAppends
{
    readonly Topic _topic;
    readonly Lock _gate = new();

    // Guarded by _gate. The key of each request under way. The task ends with the request.
    readonly Dictionary<string, TaskCompletionSource> _underWay = new(StringComparer.Ordinal);

    internal KeyedAppends(Topic topic) => _topic = topic;

    /// <summary>
    /// Returns the number of partitions by which the first request with a key was routed. Null if no partition knows
    /// the key.
    /// </summary>
    public int? FindPartitions(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        foreach (var partition in _topic.Partitions)
        {
            if (partition.FindKeyPartitions(key) is { } found)
                return found;
        }
        return null;
    }

    /// <summary>
    /// Waits until no other request with the key is under way. Then returns one that ends the wait of the next, when
    /// its own appends have their results.
    /// </summary>
    /// <exception cref="OperationCanceledException">The caller cancelled the wait.</exception>
    public async ValueTask<IDisposable> EnterAsync(string key, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        var own = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        while (true)
        {
            Task other;
            lock (_gate)
            {
                if (_underWay.TryAdd(key, own))
                    return new Turn(this, key, own);
                other = _underWay[key].Task;
            }
            await other.WaitAsync(cancellationToken);
        }
    }

    /// <summary>
    /// Returns why nothing of a request can be appended, or null. A partition that has its part of the request already
    /// is no reason. Call between <see cref="EnterAsync"/> and the appends.
    /// </summary>
    /// <param name="stamp">The request.</param>
    /// <param name="isUsed">Whether records of the request go to a partition.</param>
    public AppendResult? Check(IdempotencyStamp stamp, Func<int, bool> isUsed)
    {
        ArgumentNullException.ThrowIfNull(isUsed);
        AppendResult? full = null;
        var isKnown = false;
        string? stoppedReason = null;
        foreach (var partition in _topic.Partitions)
        {
            stoppedReason ??= partition.StoppedReason;
            switch (partition.CheckKey(stamp))
            {
                case { Status: AppendStatus.KeysFull } refusal:
                    if (isUsed(partition.Number))
                        full ??= refusal;
                    break;
                case { Status: AppendStatus.Repeated }:
                    isKnown = true;
                    break;
                case { } refusal:
                    return refusal;
            }
        }
        // Before the growth, the request may have gone to that partition. Then it may appear at the next start.
        if (!isKnown && stoppedReason is not null && !_topic.FormerCounts.IsEmpty)
            return new(AppendStatus.PartitionStopped, Reason: stoppedReason);
        return full;
    }

    void Leave(string key, TaskCompletionSource own)
    {
        lock (_gate)
            _underWay.Remove(key);
        own.SetResult();
    }

    sealed class Turn(KeyedAppends appends, string key, TaskCompletionSource own) : IDisposable
    {
        public void Dispose() => appends.Leave(key, own);
    }
}
