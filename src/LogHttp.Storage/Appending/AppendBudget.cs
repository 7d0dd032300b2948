using System.Globalization;

namespace LogHttp.Storage.Appending;

/// <summary>
/// Bounds the memory that the accepted and unacknowledged appends of all partitions hold together. A bound for each
/// partition would not bound thousands of partitions. Safe on any thread. It takes no lock, because every append passes
/// through it.
/// </summary>
internal sealed class AppendBudget(long maxBytes)
{
    long _takenBytes;

    public long TakenBytes => Volatile.Read(ref _takenBytes);

    /// <summary>
    /// Returns whether <see cref="TryTake"/> would succeed now. It always does for the only append, whatever its size.
    /// </summary>
    public bool HasRoomFor(long sizeBytes) => TakenBytes is var taken && (taken == 0 || taken + sizeBytes <= maxBytes);

    public bool TryTake(long sizeBytes)
    {
        var taken = Interlocked.Add(ref _takenBytes, sizeBytes);
        if (taken <= maxBytes || taken == sizeBytes)
            return true;
        Release(sizeBytes);
        return false;
    }

    public AppendResult Refusal() =>
        new(
            AppendStatus.Overloaded,
            Reason: string.Create(
                CultureInfo.InvariantCulture,
                $"Appends in progress to all partitions hold {TakenBytes} bytes; "
                    + $"the most is {maxBytes} (MaxAppendingBytes)."
            )
        );

    public void Release(long sizeBytes) => Interlocked.Add(ref _takenBytes, -sizeBytes);
}
