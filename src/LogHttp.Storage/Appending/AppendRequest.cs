using LogHttp.Storage.Records;

namespace LogHttp.Storage.Appending;

/// <summary>One batch on its way into a partition. Owns the batch. Answered exactly once.</summary>
internal sealed class AppendRequest(
    RecordBatch batch,
    long? expectedNextOffset = null,
    bool keepIfOverloaded = false,
    bool mayOverlap = false
)
{
    // Continuations run elsewhere: the committer completes a whole group and must not run the callers' code meanwhile.
    readonly TaskCompletionSource<AppendResult> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    AppendResult _appended;
    AppendBudget? _budget;
    long _heldBytes;

    public RecordBatch Batch { get; } = batch;

    /// <summary>The offset that its first record is to have, or it is refused. Null for any.</summary>
    public long? ExpectedNextOffset { get; } = expectedNextOffset;

    /// <summary>Whether its first records are dropped where they are in the log already.</summary>
    public bool MayOverlap { get; } = mayOverlap;

    /// <summary>The most bytes that it can take in a segment.</summary>
    public long MaxFramedBytes { get; } = batch.MaxFramedBytes;

    /// <summary>
    /// The offset after this batch, when it is appended where <paramref name="nextOffset"/> is the next.
    /// </summary>
    public long OffsetAfter(long nextOffset)
    {
        var lastGiven = Batch.GivenTo(Batch.Count - 1).Offset;
        return lastGiven < 0 ? nextOffset + Batch.Count : Math.Max(nextOffset, lastGiven + 1);
    }

    public Task<AppendResult> Task => _completion.Task;

    /// <summary>Remembers what will be answered once the batch is committed.</summary>
    public void Written(AppendResult appended) => _appended = appended;

    public AppendResult WrittenUpTo(long nextOffset) => _appended = _appended with { NextOffset = nextOffset };

    /// <summary>Answers as remembered.</summary>
    public void Acknowledge() => Complete(_appended);

    /// <summary>
    /// Takes its share of what all appends may hold, until it is answered. False where there is no room.
    /// </summary>
    public bool TryHold(AppendBudget budget)
    {
        var heldBytes = Batch.HeldBytes;
        if (!budget.TryTake(heldBytes))
            return false;
        (_budget, _heldBytes) = (budget, heldBytes);
        return true;
    }

    public void Complete(AppendResult result)
    {
        if (!(keepIfOverloaded && result.Status == AppendStatus.Overloaded))
            Batch.Dispose();
        _budget?.GiveBack(_heldBytes);
        _completion.SetResult(result);
    }
}
