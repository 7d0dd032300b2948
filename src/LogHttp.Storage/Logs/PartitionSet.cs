using System.Collections.Immutable;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Logs;

/// <summary>
/// The partitions of a topic between two growths, and the appends that choose one of them by a hash. Each such append
/// calls <see cref="Leave"/> once it has its outcome. After a growth, later appends wait for the earlier ones.
/// Otherwise a repeat could miss its original, which is on its way to the partition of the former hash. Any thread.
/// </summary>
public sealed class PartitionSet
{
    // Completed when the topic has grown and the last append has left. Null before the growth.
    volatile TaskCompletionSource? _drained;
    int _appends;

    internal PartitionSet(ImmutableArray<PartitionLog> partitions, ImmutableArray<int> formerCounts, Task settled) =>
        (Partitions, FormerCounts, Settled) = (partitions, formerCounts, settled);

    /// <summary>The partitions, by number.</summary>
    public ImmutableArray<PartitionLog> Partitions { get; }

    /// <summary>The numbers of partitions that the topic had before, ascending. Empty if it has never grown.</summary>
    public ImmutableArray<int> FormerCounts { get; }

    /// <summary>
    /// Ends when the appends that chose among fewer partitions have their outcomes. Await it before you choose.
    /// </summary>
    public Task Settled { get; }

    /// <summary>Ends an append that <see cref="Topic.EnterPartitions"/> began.</summary>
    public void Leave()
    {
        if (Interlocked.Decrement(ref _appends) == 0)
            _drained?.TrySetResult();
    }

    /// <summary>
    /// Chooses the partition of a producer's batch. In a topic that has grown, a producer stays where its records are,
    /// and a repeat goes to its original (api/PROTOCOL.md §11).
    /// </summary>
    /// <param name="batch">A batch with a producer.</param>
    /// <param name="hash">
    /// Returns the partition of the batch's records among that many partitions. Null if they have several.
    /// </param>
    /// <returns>The partition, or null if the records have several and no partition knows the producer.</returns>
    public int? ChooseFor(RecordBatch batch, Func<int, int?> hash)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(hash);
        var present = hash(Partitions.Length);
        if (FormerCounts.IsEmpty)
            return present;
        foreach (var log in Partitions)
        {
            if (log.CompareProducer(batch) == ProducerMatch.Repeat)
                return log.Number;
        }
        int? known = null;
        int? stopped = null;
        for (var i = FormerCounts.Length; i >= 0; i--)
        {
            if ((i == FormerCounts.Length ? present : hash(FormerCounts[i])) is not { } number)
                continue;
            switch (Partitions[number].CompareProducer(batch))
            {
                case ProducerMatch.Next:
                    return number;
                case ProducerMatch.Known:
                    known ??= number;
                    break;
                // The outcome of its last appends is unknown. They may appear at the next start.
                default:
                    stopped ??= Partitions[number].StoppedReason is null ? null : number;
                    break;
            }
        }
        return known ?? stopped ?? present;
    }

    /// <summary>Counts an append. Returns false if the topic has grown meanwhile.</summary>
    internal bool TryEnter()
    {
        Interlocked.Increment(ref _appends);
        if (_drained is null)
            return true;
        Leave();
        return false;
    }

    /// <summary>Admits no further append. Call it once the topic has its next set.</summary>
    /// <param name="drained">Completed when the last append has left.</param>
    internal void Close(TaskCompletionSource drained)
    {
        _drained = drained;
        // An append that counted itself before this is seen here, and a later one sees the field.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _appends) == 0)
            drained.TrySetResult();
    }
}
