using System.Threading.Tasks.Sources;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Appending;

/// <summary>One batch on its way into a partition. Owns the batch. Each append is completed exactly once.</summary>
internal abstract class AppendRequest(RecordBatch batch)
{
    AppendOptions _options;
    AppendResult _result;
    AppendBudget? _budget;
    long _heldBytes;

    public RecordBatch Batch { get; } = batch;

    /// <summary>
    /// The required offset of the batch's first record. The append is rejected if the next offset differs. Null for any
    /// offset.
    /// </summary>
    public long? ExpectedNextOffset { get; private set; }

    /// <summary>Whether the batch's first records are dropped if they are in the log already.</summary>
    public bool MayOverlap => _options.HasFlag(AppendOptions.MayOverlap);

    /// <summary>The most bytes that the batch can take in a segment.</summary>
    public long MaxFramedBytes { get; private set; }

    /// <summary>Returns the offset after this batch if it is appended at <paramref name="nextOffset"/>.</summary>
    public long OffsetAfter(long nextOffset)
    {
        var lastGiven = Batch.ExplicitStampOf(Batch.Count - 1).Offset;
        return lastGiven < 0 ? nextOffset + Batch.Count : Math.Max(nextOffset, lastGiven + 1);
    }

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

    /// <summary>Completes the append. From here on, the request belongs to its caller again.</summary>
    public void Complete(AppendResult result)
    {
        if (!(_options.HasFlag(AppendOptions.KeepIfOverloaded) && result.Status == AppendStatus.Overloaded))
            Batch.Dispose();
        var budget = _budget;
        _budget = null;
        budget?.Release(_heldBytes);
        End(result);
    }

    /// <summary>Sets what the next append asks for. Called before the request is queued.</summary>
    protected void Begin(long? expectedNextOffset, AppendOptions options)
    {
        (ExpectedNextOffset, _options, MaxFramedBytes) = (expectedNextOffset, options, Batch.MaxFramedBytes);
        _result = default;
    }

    /// <summary>Tells the caller the result.</summary>
    protected abstract void End(AppendResult result);
}

/// <summary>A request whose caller gets a task. Code behind its await runs on another thread.</summary>
internal sealed class TaskAppend : AppendRequest
{
    readonly TaskCompletionSource<AppendResult> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskAppend(RecordBatch batch, long? expectedNextOffset, AppendOptions options)
        : base(batch) => Begin(expectedNextOffset, options);

    public Task<AppendResult> Task => _completion.Task;

    protected override void End(AppendResult result) => _completion.SetResult(result);
}

/// <summary>
/// A request whose batch is filled and appended again and again. Code behind its await runs on the thread that
/// completes it.
/// </summary>
internal sealed class InlineAppend(RecordBatch batch) : AppendRequest(batch), IValueTaskSource<AppendResult>
{
    ManualResetValueTaskSourceCore<AppendResult> _completion;

    /// <summary>Begins the next append. The last one has been awaited.</summary>
    public ValueTask<AppendResult> Begin(long? expectedNextOffset)
    {
        _completion.Reset();
        Begin(expectedNextOffset, AppendOptions.None);
        return new(this, _completion.Version);
    }

    protected override void End(AppendResult result) => _completion.SetResult(result);

    AppendResult IValueTaskSource<AppendResult>.GetResult(short token) => _completion.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<AppendResult>.GetStatus(short token) => _completion.GetStatus(token);

    void IValueTaskSource<AppendResult>.OnCompleted(
        Action<object?> continuation,
        object? state,
        short token,
        ValueTaskSourceOnCompletedFlags flags
    ) => _completion.OnCompleted(continuation, state, token, flags);
}
