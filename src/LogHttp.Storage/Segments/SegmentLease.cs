namespace LogHttp.Storage.Segments;

/// <summary>Keeps a segment's files open until it is disposed of, once or more, on any thread.</summary>
internal sealed class SegmentLease(Segment segment, SegmentFiles files) : IDisposable
{
    int _released;

    public SegmentFiles Files { get; } = files;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _released, 1) == 0)
            segment.Release();
    }
}
