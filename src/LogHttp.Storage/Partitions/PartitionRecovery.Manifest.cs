using System.Collections.Immutable;
using System.Globalization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Partitions;

// Loads the manifest at the start, builds it for an earlier format, and removes files that it does not name.
internal sealed partial class PartitionRecovery
{
    bool _areAgesUnknown;

    /// <summary>
    /// Loads the manifest. If there is none, as in earlier formats, builds it from the partition's files. It is durable
    /// before any other file of the partition is written.
    /// </summary>
    /// <returns>The state in the manifest, and why the partition is read-only, or null.</returns>
    (ManifestState State, string? Problem) OpenManifest(Checkpoint? checkpoint)
    {
        try
        {
            _manifest = SegmentManifest.Load(FileSystem, _context.Directory);
        }
        catch (FileNotFoundException)
        {
            var built = BuildState(checkpoint);
            if (built.Segments.IsEmpty)
                return (built, "its manifest and all its segments are missing");
            return TryCreate(built) ? (_manifest!.State, null) : (built, "the disk was full when it was opened");
        }
        catch (CorruptionException exception)
        {
            return (
                BuildState(checkpoint),
                $"{exception.Message}. Restore the manifest from a copy. Or remove it, and the next start builds it "
                    + "from the segments that are there"
            );
        }
        var (found, expected) = (_manifest.State.Header, _context.ManifestHeader);
        if ((found.TopicId, found.Partition) != (expected.TopicId, expected.Partition))
        {
            return (
                _manifest.State,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"its manifest is of partition {found.Partition} of topic {found.Topic} with the id {found.TopicId}"
                )
            );
        }
        if (_manifest.TornBytes > 0)
            StorageLog.ManifestTorn(_context.Environment.Logger, _context.Directory, _manifest.TornBytes);
        _manifest.ReopenLast();
        return (_manifest.State, null);
    }

    ManifestState BuildState(Checkpoint? checkpoint) =>
        new ManifestBuilder(_context, _lengths, _lastWritesMs).Build(checkpoint);

    bool TryCreate(ManifestState state)
    {
        try
        {
            _context.Reserve.Run(() => SegmentManifest.Create(FileSystem, _context.Directory, state));
        }
        catch (DiskFullException)
        {
            return false;
        }
        _manifest = SegmentManifest.Load(FileSystem, _context.Directory);
        // The manifest's times are only those of the files.
        _areAgesUnknown = true;
        StorageLog.ManifestBuilt(_context.Environment.Logger, _context.Directory, state.Segments.Count);
        return true;
    }

    /// <summary>Returns the length of a segment when it was sealed.</summary>
    long SealedBytes(Segment segment)
    {
        var named = _manifest!.State.Segments.Find(named => named.BaseOffset == segment.BaseOffset);
        return named?.Extent?.LengthBytes ?? segment.SealedBytes;
    }

    /// <summary>
    /// Takes the time of a segment's last append from the manifest, because a copy of the files keeps it. For the
    /// active segment that needs the length noted in the manifest. Otherwise the file's own time counts.
    /// </summary>
    void RestoreAge(Segment segment, ManifestSegment named)
    {
        var isKnown = named.LastAppendMs > 0 && (named.IsSealed || named.AppendedBytes == _lengths[segment.BaseOffset]);
        segment.LastAppendMs = isKnown
            ? named.LastAppendMs
            : Math.Max(named.LastAppendMs, _lastWritesMs[segment.BaseOffset]);
        _areAgesUnknown |= named.IsSealed && !isKnown;
    }

    /// <summary>Returns the ages of the segments with content, or null if all are empty.</summary>
    SegmentAges? FindAges(in SegmentCursor end)
    {
        var filledBefore = end.Position > 0 ? long.MaxValue : _segments[^1].BaseOffset;
        SegmentAges? ages = null;
        foreach (var segment in _segments)
        {
            if (segment.BaseOffset < filledBefore && segment.MissingUntilOffset is null)
                ages = SegmentAges.Combine(ages, new(segment.LastAppendMs, _areAgesUnknown));
        }
        return ages;
    }

    /// <summary>
    /// Makes the manifest durable, brings it up to date, and then removes the files that it does not name. The
    /// partition is known to be undamaged by then. On a full disk this is done later, because the first append waits
    /// for the manifest.
    /// </summary>
    /// <param name="checkpoint">The checkpoint that is on the disk.</param>
    /// <param name="isAtCheckpoint">
    /// Whether the log ends at that checkpoint. The manifest named its segment durably before, so a start without
    /// changes needs no sync. There may be thousands of partitions.
    /// </param>
    void TidyUp(Checkpoint checkpoint, bool isAtCheckpoint)
    {
        var manifest = _manifest!;
        var edits = EditsDue(manifest.State, checkpoint);
        var isTidy = edits.Length == 0 && _leftovers.Count == 0 && !manifest.MustReplace && manifest.TornBytes == 0;
        if (isAtCheckpoint && isTidy)
            return;
        try
        {
            _context.Reserve.Run(() => manifest.Append(edits, isDurable: true));
        }
        catch (DiskFullException exception)
        {
            StorageLog.ManifestFailed(_context.Environment.Logger, exception, _context.Directory);
            return;
        }
        foreach (var segment in _leftovers)
        {
            var isEmpty = _lengths.GetValueOrDefault(segment.BaseOffset) == 0;
            segment.DeleteFiles();
            if (isEmpty)
                StorageLog.LeftoverRemoved(_context.Environment.Logger, segment.DataPath);
            else
                StorageLog.TrimmedSegmentRemoved(_context.Environment.Logger, segment.DataPath);
        }
        // A power cut must not bring the files back: a later roll may create a segment of the same name.
        if (_leftovers.Count > 0)
            FileSystem.SyncDirectory(_context.Directory);
        _leftovers.Clear();
    }

    /// <summary>Returns the edits that bring the manifest up to the checkpoint and topic.json.</summary>
    ManifestEdit[] EditsDue(ManifestState state, Checkpoint checkpoint)
    {
        var edits = new List<ManifestEdit>();
        if (checkpoint.LogStartOffset > state.LogStartOffset)
            edits.Add(state.EditToStartAt(checkpoint.LogStartOffset, _segments[0].BaseOffset));
        if (_context.ManifestHeader.Configuration != state.Header.Configuration)
        {
            // A process that was killed may have renamed topic.json without syncing the directory.
            FileSystem.SyncDirectory(Path.GetDirectoryName(_context.Directory)!);
            edits.Add(new ManifestEdit.Configured(_context.ManifestHeader.Configuration));
        }
        return [.. edits];
    }
}
