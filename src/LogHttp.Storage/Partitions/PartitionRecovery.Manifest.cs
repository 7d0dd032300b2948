using System.Collections.Immutable;
using System.Globalization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage;

// The manifest at the start: loading it, building it of what an earlier format left, and removing what it does not name.
internal sealed partial class PartitionRecovery
{
    bool _areAgesUnknown;

    /// <summary>
    /// Loads the manifest. A partition of an earlier format gets one, durable before anything else of it is written.
    /// </summary>
    /// <returns>What it says, and why the partition is read-only, or null.</returns>
    (ManifestState State, string? Problem) OpenManifest(Checkpoint? checkpoint)
    {
        var header = _context.ManifestHeader;
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
            return (BuildState(checkpoint), $"{exception.Message}. Restore the manifest from a copy, or remove it to have it built of the segments that are there");
        }
        var found = _manifest.State.Header;
        if ((found.TopicId, found.Partition) != (header.TopicId, header.Partition))
            return (_manifest.State, string.Create(CultureInfo.InvariantCulture, $"its manifest is that of partition {found.Partition} of topic {found.Topic} with the id {found.TopicId}"));
        if (_manifest.TornBytes > 0)
            StorageLog.ManifestTorn(_context.Environment.Logger, _context.Directory, _manifest.TornBytes);
        _manifest.ReopenLast();
        return (_manifest.State, null);
    }

    bool TryCreate(ManifestState state)
    {
        void Create() => SegmentManifest.Create(FileSystem, _context.Directory, state);
        try
        {
            Create();
        }
        catch (DiskFullException)
        {
            if (!_context.Reserve.TryUse(Create))
                return false;
        }
        _manifest = SegmentManifest.Load(FileSystem, _context.Directory);
        // The files' own times are all that is left.
        _areAgesUnknown = true;
        StorageLog.ManifestBuilt(_context.Environment.Logger, _context.Directory, state.Segments.Count);
        return true;
    }

    /// <summary>
    /// The segments of a partition without a manifest: those that hold something, and the empty one that the log stood in.
    /// Other empty ones are rolls that came to nothing, or that the log passed by.
    /// </summary>
    ManifestState BuildState(Checkpoint? checkpoint)
    {
        var baseOffsets = _lengths.Keys.Order().ToArray();
        var lastFilled = Array.FindLastIndex(baseOffsets, baseOffset => _lengths[baseOffset] > 0);
        var active = checkpoint is null ? -1 : Array.IndexOf(baseOffsets, checkpoint.Durable.BaseOffset);
        // A trim that took all has left it for a new one; its files may be gone, or half of them.
        if (checkpoint is not null && checkpoint.LogStartOffset == checkpoint.Durable.NextOffset && _lengths.GetValueOrDefault(checkpoint.Durable.BaseOffset, checkpoint.Durable.Position) == checkpoint.Durable.Position)
            active = Math.Max(active, Array.IndexOf(baseOffsets, checkpoint.LogStartOffset));
        if (active < lastFilled || active < 0)
            active = Math.Max(lastFilled, 0);
        var segments = ImmutableList.CreateBuilder<ManifestSegment>();
        for (var number = 0; number < baseOffsets.Length && number <= active; number++)
        {
            var baseOffset = baseOffsets[number];
            // A roll leaves an empty segment no entries, durably: one that has some was emptied from outside, and says what is lost.
            var isKept = _lengths[baseOffset] > 0 || LastIndexEntry(baseOffset) is not null;
            var isTrimmed = number < active && baseOffsets[number + 1] <= checkpoint?.LogStartOffset;
            if (number == active)
                segments.Add(new(baseOffset, Generation: 0, _lengths[baseOffset] > 0 ? _lastWritesMs[baseOffset] : 0));
            else if (isKept && !isTrimmed)
                segments.Add(new(baseOffset, Generation: 0, _lastWritesMs[baseOffset], BuildExtent(baseOffset, baseOffsets[number + 1])));
        }
        var logStartOffset = checkpoint?.LogStartOffset ?? (segments.Count > 0 ? segments[0].BaseOffset : 0);
        return ManifestState.Empty(_context.ManifestHeader, logStartOffset) with { Segments = segments.ToImmutable() };
    }

    /// <summary>Where a segment ends, by its index; where that does not say, at the next one.</summary>
    SegmentExtent BuildExtent(long baseOffset, long nextBaseOffset)
    {
        if (LastIndexEntry(baseOffset) is not { } last)
            return new(nextBaseOffset, _lengths[baseOffset]);
        return new(Math.Min(nextBaseOffset, baseOffset + last.RelativeOffset), Math.Max(_lengths[baseOffset], last.Position));
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

    /// <summary>How long a sealed segment was when it was sealed.</summary>
    long SealedBytes(Segment segment) =>
        _manifest!.State.Segments.Find(named => named.BaseOffset == segment.BaseOffset)?.Extent?.LengthBytes ?? segment.SealedBytes;

    /// <summary>
    /// When segments were last appended to: as the manifest says, which a copy of the files keeps. After a crash it does not
    /// know of the active one's last appends.
    /// </summary>
    void TakeAges(Checkpoint checkpoint, bool isActiveKnown)
    {
        foreach (var segment in _segments.Where(segment => _lastWritesMs.ContainsKey(segment.BaseOffset)))
        {
            var isActive = segment == _segments[^1];
            _areAgesUnknown |= !isActive && segment.LastAppendMs == 0;
            if (segment.LastAppendMs == 0 || (isActive && !isActiveKnown))
                segment.LastAppendMs = Math.Max(segment.LastAppendMs, _lastWritesMs[segment.BaseOffset]);
            // Where the closing could not write the manifest.
            if (isActive && checkpoint.Durable.BaseOffset == segment.BaseOffset && checkpoint.LastStampMs <= _context.Environment.NowMs)
                segment.LastAppendMs = Math.Max(segment.LastAppendMs, checkpoint.LastStampMs);
        }
    }

    SegmentAges? FindAges(in SegmentCursor end)
    {
        var lastBaseOffset = end.Position > 0 ? long.MaxValue : _segments[^1].BaseOffset;
        var filled = _segments.Where(segment => segment.BaseOffset < lastBaseOffset && segment.MissingUntilOffset is null).ToArray();
        return filled.Length == 0 ? null : new(filled.Max(static segment => segment.LastAppendMs), _areAgesUnknown);
    }

    /// <summary>
    /// Makes the manifest durable, brings it up to date, and then removes what it does not name. The partition is sound by
    /// then. What a full disk does not let be done is done later: the first append waits for the manifest.
    /// </summary>
    void TidyUp(Checkpoint checkpoint)
    {
        var manifest = _manifest!;
        try
        {
            _context.WithReserve(() => manifest.Append(Outdated(manifest.State, checkpoint), isDurable: true));
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
        // Bytes that were cut from such a file without a sync could come back with a power cut, and be taken for records.
        if (_leftovers.Count > 0)
            FileSystem.SyncDirectory(_context.Directory);
    }

    /// <summary>What the checkpoint and topic.json know and the manifest does not.</summary>
    ManifestEdit[] Outdated(ManifestState state, Checkpoint checkpoint)
    {
        var edits = new List<ManifestEdit>();
        if (checkpoint.LogStartOffset > state.LogStartOffset)
            edits.Add(state.EditToStartAt(checkpoint.LogStartOffset, _segments[0].BaseOffset));
        if (_context.ManifestHeader.Configuration != state.Header.Configuration)
            edits.Add(new ManifestEdit.Configured(_context.ManifestHeader.Configuration));
        return [.. edits];
    }
}
