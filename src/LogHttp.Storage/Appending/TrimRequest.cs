namespace LogHttp.Storage.Appending;

/// <summary>A trim on its way into a partition. Answered exactly once.</summary>
internal sealed class TrimRequest(long offset)
{
    readonly TaskCompletionSource<long> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Where the log is to begin.</summary>
    public long Offset { get; } = offset;

    public Task<long> Task => _completion.Task;

    public void Complete(long earliestOffset) => _completion.TrySetResult(earliestOffset);

    public void Fail(Exception exception) => _completion.TrySetException(exception);

    /// <summary>Answers as an append would be that was refused for the same reason.</summary>
    public void Refuse(AppendResult refusal) =>
        Fail(
            refusal.Status == AppendStatus.PartitionStopped
                ? new PartitionStoppedException(refusal.Reason ?? "")
                : new LogClosedException()
        );
}
