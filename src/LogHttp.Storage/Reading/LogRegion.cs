using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Reading;

/// <summary>
/// Whole record lines in one segment file, which stays open until the region is disposed of. For sendfile(2), or to
/// read. Safe on any thread.
/// </summary>
public sealed class LogRegion : IDisposable
{
    readonly SegmentLease _lease;

    internal LogRegion(Segment segment, SegmentLease lease, long position, long lengthBytes) =>
        (Segment, _lease, Position, LengthBytes) = (segment, lease, position, lengthBytes);

    internal Segment Segment { get; }

    /// <summary>The path of the segment file, or its path when it was opened.</summary>
    public string Path => Segment.DataPath;

    /// <summary>The segment file.</summary>
    public IFile File => _lease.Files.Data;

    /// <summary>The position of the first line, in bytes.</summary>
    public long Position { get; }

    /// <summary>The length of the lines in bytes, line feeds included.</summary>
    public long LengthBytes { get; }

    /// <summary>Returns the lines before a position, with the same lease.</summary>
    internal LogRegion EndAt(long position)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(position, Position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position, Position + LengthBytes);
        return new(Segment, _lease, Position, position - Position);
    }

    /// <summary>Returns the lease, so that the file can be closed.</summary>
    public void Dispose() => _lease.Dispose();
}
