namespace LogHttp.Storage.Appending;

/// <summary>
/// Bounds what the accepted and unanswered appends of all partitions hold together: a bound for each partition is none for
/// thousands of them. Any thread.
/// </summary>
internal sealed class AppendBudget(long maxBytes)
{
    long _takenBytes;

    public long TakenBytes => Volatile.Read(ref _takenBytes);

    public long MaxBytes => maxBytes;

    public bool TryTake(long sizeBytes)
    {
        if (Interlocked.Add(ref _takenBytes, sizeBytes) <= maxBytes)
            return true;
        GiveBack(sizeBytes);
        return false;
    }

    public void GiveBack(long sizeBytes) => Interlocked.Add(ref _takenBytes, -sizeBytes);
}
