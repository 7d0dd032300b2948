using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Reading;

/// <summary>
/// Whole record lines in one segment file, kept open and in place until disposed of. To be handed to sendfile(2), or
/// read. Safe on any thread.
/// </summary>
public sealed class LogRegion : IDisposable
{
    readonly SegmentLease _lease;

    internal LogRegion(Segment segment, SegmentLease lease, long position, long lengthBytes) =>
        (Segment, _lease, Position, LengthBytes) = (segment, lease, position, lengthBytes);

    internal Segment Segment { get; }

    /// <summary>What the segment file is called, or was when it was opened.</summary>
    public string Path => Segment.DataPath;

    /// <summary>The segment file.</summary>
    public IFile File => _lease.Files.Data;

    /// <summary>Where the first line begins, in bytes.</summary>
    public long Position { get; }

    /// <summary>How many bytes the lines take, line feeds included.</summary>
    public long LengthBytes { get; }

    /// <summary>Lets the file be closed.</summary>
    public void Dispose() => _lease.Dispose();
}
