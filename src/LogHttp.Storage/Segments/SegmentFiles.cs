using LogHttp.Storage.Files;

namespace LogHttp.Storage.Segments;

/// <summary>
/// A segment's open files: the index from its first use on, for an append that completes no block needs none. Any
/// thread.
/// </summary>
internal sealed class SegmentFiles : IDisposable
{
    readonly Segment _segment;

    // Written under the segment's lock.
    IFile? _index;

    SegmentFiles(Segment segment, IFile data) => (_segment, Data) = (segment, data);

    public IFile Data { get; }

    /// <summary>The index, opened where it was not.</summary>
    /// <exception cref="IOException">It can't be opened, or made.</exception>
    /// <exception cref="LogClosedException">The segment is retired, and its index was not open by then.</exception>
    public IFile Index => Volatile.Read(ref _index) ?? _segment.OpenIndex(ref _index);

    /// <summary>What was looked up in them.</summary>
    public FoundPages FoundPages { get; } = new();

    /// <summary>How many are open.</summary>
    public int Count => _index is null ? 1 : 2;

    public static SegmentFiles Open(IFileSystem fileSystem, Segment segment) =>
        new(segment, fileSystem.Open(segment.DataPath));

    public void Dispose()
    {
        Data.Dispose();
        _index?.Dispose();
    }
}
