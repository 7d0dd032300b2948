using System.Collections.Immutable;
using System.Globalization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Partitions;

// The manifest at the start: loading it, building it for an earlier format, and removing files that it does not name.
internal sealed partial class PartitionRecovery
{
    bool _areAgesUnknown;

    /// <summary>
    /// Loads the manifest. A partition without one, as those of earlier formats are, gets one that is built from its
    /// files. That is durable before anything else of the partition is written.
    /// </summary>
    /// <returns>What the manifest says, and why the partition is read-only, or null.</returns>
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
        // They are the files' own times.
        _areAgesUnknown = true;
        StorageLog.ManifestBuilt(_context.Environment.Logger, _context.Directory, state.Segments.Count);
        return true;
    }

    /// <summary>
    /// Builds the state of a partition without a manifest from its files: the segments that hold something, and the
    /// empty one that the log stood in. Other empty ones are rolls that came to nothing, or that the log passed by.
    /// </summary>
    ManifestState BuildState(Checkpoint? checkpoint)
    {
        var baseOffsets = _lengths.Keys.Order().ToArray();
        var active = FindActive(baseOffsets, checkpoint);
        var segments = ImmutableList.CreateBuilder<ManifestSegment>();
        for (var number = 0; number < baseOffsets.Length && number <= active; number++)
        {
            var baseOffset = baseOffsets[number];
            var lengthBytes = _lengths[baseOffset];
            if (number == active)
            {
                segments.Add(new(baseOffset, Generation: 0));
                continue;
            }
            // A roll leaves the index of an empty segment without entries, durably. A segment with some was emptied
            // from outside, and its index says what is lost.
            var isKept = lengthBytes > 0 || LastIndexEntry(baseOffset) is not null;
            var isTrimmed = baseOffsets[number + 1] <= checkpoint?.LogStartOffset;
            if (isKept && !isTrimmed)
            {
                var extent = BuildExtent(baseOffset, baseOffsets[number + 1]);
                segments.Add(new(baseOffset, Generation: 0, _lastWritesMs[baseOffset], extent));
            }
        }
        var logStartOffset = checkpoint?.LogStartOffset ?? (segments.Count > 0 ? segments[0].BaseOffset : 0);
        return ManifestState.Empty(_context.ManifestHeader, logStartOffset) with { Segments = segments.ToImmutable() };
    }

    /// <summary>Finds the active one of the segments that are there, as earlier formats left them.</summary>
    int FindActive(long[] baseOffsets, Checkpoint? checkpoint)
    {
        var lastFilled = Array.FindLastIndex(baseOffsets, baseOffset => _lengths[baseOffset] > 0);
        var active = -1;
        if (checkpoint is not null)
        {
            var (baseOffset, position) = (checkpoint.Durable.BaseOffset, checkpoint.Durable.Position);
            active = Array.IndexOf(baseOffsets, baseOffset);
            // A trim that took all has left that segment for a new one. Its files may be gone, or half of them.
            var isLeft = _lengths.GetValueOrDefault(baseOffset, position) == position;
            if (checkpoint.LogStartOffset == checkpoint.Durable.NextOffset && isLeft)
                active = Math.Max(active, Array.IndexOf(baseOffsets, checkpoint.LogStartOffset));
        }
        return active < lastFilled || active < 0 ? Math.Max(lastFilled, 0) : active;
    }

    /// <summary>Finds where a segment ends by its index, or else takes the next segment's start.</summary>
    SegmentExtent BuildExtent(long baseOffset, long nextBaseOffset)
    {
        if (LastIndexEntry(baseOffset) is not { } last)
            return new(nextBaseOffset, _lengths[baseOffset]);
        return new(
            Math.Min(nextBaseOffset, baseOffset + last.RelativeOffset),
            Math.Max(_lengths[baseOffset], last.Position)
        );
    }

    IndexEntry? LastIndexEntry(long baseOffset)
    {
        try
        {
            using var index = FileSystem.Open(Path.Combine(_context.Directory, SegmentLayout.IndexName(baseOffset)));
            var entries = (int)((index.LengthBytes - IndexFile.HeaderBytes) / IndexEntry.SizeBytes);
            return entries > 0 && IndexFile.HasHeader(index, baseOffset) ? IndexFile.TryRead(index, entries - 1) : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Returns how long a sealed segment was when it was sealed.</summary>
    long SealedBytes(Segment segment)
    {
        var named = _manifest!.State.Segments.Find(named => named.BaseOffset == segment.BaseOffset);
        return named?.Extent?.LengthBytes ?? segment.SealedBytes;
    }

    /// <summary>
    /// Takes the time of a segment's last append from the manifest, which a copy of the files keeps. The manifest knows
    /// the active segment's as long as that has the length that was noted. Otherwise the file's own time counts.
    /// </summary>
    void TakeAge(Segment segment, ManifestSegment named)
    {
        var isKnown = named.LastAppendMs > 0 && (named.IsSealed || named.AppendedBytes == _lengths[segment.BaseOffset]);
        segment.LastAppendMs = isKnown
            ? named.LastAppendMs
            : Math.Max(named.LastAppendMs, _lastWritesMs[segment.BaseOffset]);
        _areAgesUnknown |= named.IsSealed && !isKnown;
    }

    /// <summary>Returns how old the segments are that hold something. Null: none does.</summary>
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
    /// partition is sound by then. What a full disk prevents is done later: the first append waits for the manifest.
    /// </summary>
    /// <param name="checkpoint">The checkpoint that is on the disk.</param>
    /// <param name="isAtCheckpoint">
    /// Whether the log ends at that checkpoint. The manifest named its segment durably before, so a start that changes
    /// nothing needs no sync: there may be thousands of partitions.
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
        // A power cut must not bring them back: a later roll may make a segment of that name.
        if (_leftovers.Count > 0)
            FileSystem.SyncDirectory(_context.Directory);
        _leftovers.Clear();
    }

    /// <summary>Returns what the checkpoint and topic.json know and the manifest does not.</summary>
    ManifestEdit[] EditsDue(ManifestState state, Checkpoint checkpoint)
    {
        var edits = new List<ManifestEdit>();
        if (checkpoint.LogStartOffset > state.LogStartOffset)
            edits.Add(state.EditToStartAt(checkpoint.LogStartOffset, _segments[0].BaseOffset));
        if (_context.ManifestHeader.Configuration != state.Header.Configuration)
        {
            // A killed process may have renamed topic.json without syncing that.
            FileSystem.SyncDirectory(Path.GetDirectoryName(_context.Directory)!);
            edits.Add(new ManifestEdit.Configured(_context.ManifestHeader.Configuration));
        }
        return [.. edits];
    }
}
