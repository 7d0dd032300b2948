namespace LogHttp.Storage.Appending;

/// <summary>A trim on its way into a partition. Completed exactly once.</summary>
internal sealed class TrimRequest(long offset)
{
    readonly TaskCompletionSource<long> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The new start of the log.</summary>
    public long Offset { get; } = offset;

    public Task<long> Task => _completion.Task;

    public void Complete(long earliestOffset) => _completion.TrySetResult(earliestOffset);

    public void Fail(Exception exception) => _completion.TrySetException(exception);

    /// <summary>Fails the trim with the exception that corresponds to the refusal of an append.</summary>
    public void Refuse(AppendResult refusal) =>
        Fail(
            refusal.Status == AppendStatus.PartitionStopped
                ? new PartitionStoppedException(refusal.Reason ?? "")
                : new LogClosedException()
        );
}
