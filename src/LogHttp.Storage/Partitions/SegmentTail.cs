using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Partitions;

/// <summary>
/// Repairs the end of the active segment at a start: cuts bytes that belong to no batch, and makes the rest durable.
/// </summary>
internal static class SegmentTail
{
    /// <summary>
    /// Returns whether a bad line is damage. It is not if no valid line follows, because writing stopped there. It is
    /// not if a sector never reached the disk either. Pages are written back in any order and torn by a power cut, so
    /// later sectors may be present.
    /// </summary>
    public static bool IsDamage(IFile data, SegmentScan.BadLine bad, long lengthBytes) =>
        bad is { LacksSector: false, IsEndOfFile: false }
        && SegmentScan.AnyRecordAfter(data, bad.Position, lengthBytes);

    /// <summary>
    /// Cuts bytes that belong to no whole batch or lie beyond the known end, after copying them to a file.
    /// </summary>
    public static void CutTorn(
        PartitionContext context,
        Segment segment,
        IFile data,
        SegmentScan scan,
        long lengthBytes
    )
    {
        var position = scan.End.Position;
        if (lengthBytes == position)
            return;
        KeepTorn(
            context,
            segment,
            data,
            position,
            lengthBytes,
            scan.Bad?.Reason ?? "it lies beyond the end recorded in the journal"
        );
        data.Truncate(position);
    }

    static void KeepTorn(
        PartitionContext context,
        Segment segment,
        IFile data,
        long position,
        long lengthBytes,
        string reason
    )
    {
        var fileSystem = context.Environment.FileSystem;
        var tornBytes = lengthBytes - position;
        var tornPath = Path.Combine(context.Directory, SegmentLayout.TornName(segment.BaseOffset, position));
        try
        {
            fileSystem.DeleteFile(tornPath);
            using var torn = fileSystem.Create(tornPath);
            Copy(data, position, lengthBytes, torn, 0);
            torn.Sync();
            fileSystem.SyncDirectory(context.Directory);
            StorageLog.TornTailCut(context.Environment.Logger, segment.DataPath, tornBytes, position, reason, tornPath);
        }
        catch (DiskFullException exception)
        {
            // A full disk must not keep the log from opening, and these bytes were never acknowledged.
            StorageLog.TornTailNotKept(context.Environment.Logger, exception, segment.DataPath, tornBytes, position);
            fileSystem.DeleteFile(tornPath);
        }
    }

    /// <summary>
    /// Makes the surviving tail durable. A sync alone is not enough. If one failed before the crash, the kernel may
    /// count pages as clean that are not on the disk. Writing the same bytes again makes them dirty.
    /// </summary>
    public static void MakeDurable(IFile data, long position, long endPosition)
    {
        Copy(data, position, endPosition, data, position);
        data.Sync();
    }

    static void Copy(IFile source, long position, long endPosition, IFile destination, long destinationPosition)
    {
        var buffer = new byte[Math.Min(1 << 20, endPosition - position)];
        while (position < endPosition)
        {
            var chunk = buffer.AsSpan(0, (int)Math.Min(buffer.Length, endPosition - position));
            source.ReadExactly(chunk, position);
            destination.Write(chunk, destinationPosition);
            position += chunk.Length;
            destinationPosition += chunk.Length;
        }
    }

    /// <summary>Writes the index entries of the records that were read, and cuts surplus entries.</summary>
    public static void WriteIndex(Segment segment, IFile index, in SegmentCursor from, SegmentScan scan, bool syncs)
    {
        // Always written again: the kernel may report bytes as present that a failed sync lost.
        IndexFile.WriteHeader(index, segment.BaseOffset);
        IndexFile.Write(index, segment.BaseOffset, from.IndexEntries, scan.Entries.ToArray());
        IndexFile.Truncate(index, scan.End.IndexEntries);
        if (syncs)
            index.Sync();
    }
}
