using LogHttp.Storage.Files;

namespace LogHttp.Storage.Segments;

/// <summary>
/// A segment's open files. The index is opened at its first use, because an append that completes no block needs none.
/// Any thread.
/// </summary>
internal sealed class SegmentFiles : IDisposable
{
    readonly Segment _segment;

    // Written under the segment's lock.
    IFile? _index;

    SegmentFiles(Segment segment, IFile data) => (_segment, Data) = (segment, data);

    public IFile Data { get; }

    /// <summary>The index, opened if it was not.</summary>
    /// <exception cref="IOException">It can't be opened, or created.</exception>
    /// <exception cref="LogClosedException">The segment is retired, and its index was not open by then.</exception>
    public IFile Index => Volatile.Read(ref _index) ?? _segment.OpenIndex(ref _index);

    /// <summary>The index if it is open, else null.</summary>
    public IFile? OpenIndex => Volatile.Read(ref _index);

    /// <summary>The pages that were looked up in the files.</summary>
    public FoundPages FoundPages { get; } = new();

    /// <summary>The number of open files.</summary>
    public int Count => _index is null ? 1 : 2;

    public static SegmentFiles Open(IFileSystem fileSystem, Segment segment) =>
        new(segment, fileSystem.Open(segment.DataPath));

    public void Dispose()
    {
        Data.Dispose();
        _index?.Dispose();
    }
}
