using System.Globalization;

namespace LogHttp.Storage.Appending;

/// <summary>
/// Bounds the memory that the accepted and unanswered appends of all partitions hold together: a bound for each
/// partition is none for thousands of them. Any thread. Without a lock, for every append of every partition comes by
/// here.
/// </summary>
internal sealed class AppendBudget(long maxBytes)
{
    long _takenBytes;

    public long TakenBytes => Volatile.Read(ref _takenBytes);

    /// <summary>
    /// Whether so much would be taken now. One that is alone always is, whatever its memory has grown to.
    /// </summary>
    public bool HasRoomFor(long sizeBytes) => TakenBytes is var taken && (taken == 0 || taken + sizeBytes <= maxBytes);

    public bool TryTake(long sizeBytes)
    {
        var taken = Interlocked.Add(ref _takenBytes, sizeBytes);
        if (taken <= maxBytes || taken == sizeBytes)
            return true;
        GiveBack(sizeBytes);
        return false;
    }

    public AppendResult Refusal() =>
        new(
            AppendStatus.Overloaded,
            Reason: string.Create(
                CultureInfo.InvariantCulture,
                $"Appends to all partitions that are not answered yet hold {TakenBytes} bytes; "
                    + $"the most is {maxBytes} (MaxAppendingBytes)."
            )
        );

    public void GiveBack(long sizeBytes) => Interlocked.Add(ref _takenBytes, -sizeBytes);
}
