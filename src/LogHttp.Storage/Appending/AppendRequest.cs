using LogHttp.Storage.Records;

namespace LogHttp.Storage.Appending;

/// <summary>One batch on its way into a partition. Owns the batch. Completed exactly once.</summary>
internal sealed class AppendRequest(
    RecordBatch batch,
    long? expectedNextOffset = null,
    AppendOptions options = AppendOptions.None
)
{
    readonly TaskCompletionSource<AppendResult> _completion = new(
        options.HasFlag(AppendOptions.ContinueInline)
            ? TaskCreationOptions.None
            : TaskCreationOptions.RunContinuationsAsynchronously
    );

    AppendResult _result;
    AppendBudget? _budget;
    long _heldBytes;

    public RecordBatch Batch { get; } = batch;

    /// <summary>
    /// The required offset of the batch's first record. The append is rejected if the next offset differs. Null for any
    /// offset.
    /// </summary>
    public long? ExpectedNextOffset { get; } = expectedNextOffset;

    /// <summary>Whether the batch's first records are dropped if they are in the log already.</summary>
    public bool MayOverlap => options.HasFlag(AppendOptions.MayOverlap);

    /// <summary>The most bytes that the batch can take in a segment.</summary>
    public long MaxFramedBytes { get; } = batch.MaxFramedBytes;

    /// <summary>Returns the offset after this batch if it is appended at <paramref name="nextOffset"/>.</summary>
    public long OffsetAfter(long nextOffset)
    {
        var lastGiven = Batch.ExplicitStampOf(Batch.Count - 1).Offset;
        return lastGiven < 0 ? nextOffset + Batch.Count : Math.Max(nextOffset, lastGiven + 1);
    }

    public Task<AppendResult> Task => _completion.Task;

    /// <summary>Sets the result that <see cref="Acknowledge"/> returns once the batch is committed.</summary>
    public void SetResult(AppendResult result) => _result = result;

    /// <summary>Sets the offset after the batch, once it is known. Returns the whole result.</summary>
    public AppendResult SetNextOffset(long nextOffset) => _result = _result with { NextOffset = nextOffset };

    /// <summary>Completes the request with the result that was set.</summary>
    public void Acknowledge() => Complete(_result);

    /// <summary>
    /// Takes the batch's memory from the budget until the request is completed. Returns false if the budget has no
    /// room.
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
        if (!(options.HasFlag(AppendOptions.KeepIfOverloaded) && result.Status == AppendStatus.Overloaded))
            Batch.Dispose();
        _budget?.Release(_heldBytes);
        _completion.SetResult(result);
    }
}
