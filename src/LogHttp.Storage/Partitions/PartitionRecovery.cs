using System.Globalization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Producers;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Partitions;

/// <summary>
/// Recovers the state of a partition at the start. The manifest lists the segments. After a clean stop the checkpoint
/// has the rest, and no segment is read. After a crash all records after the checkpoint are read, checked, and made
/// durable before any reader sees them. A damaged partition becomes read-only, and none of its files is written.
/// </summary>
internal sealed partial class PartitionRecovery
{
    readonly PartitionContext _context;
    readonly List<Segment> _segments = [];
    readonly Dictionary<long, long> _lengths = [];
    readonly Dictionary<long, long> _lastWritesMs = [];
    readonly Dictionary<long, DamagedRange> _foundDamage = [];

    // Files that the manifest does not name. They are removed if the partition is undamaged.
    readonly List<Segment> _leftovers = [];

    SegmentManifest? _manifest;
    long? _exactEndPosition;
    long _readBytes;

    PartitionRecovery(PartitionContext context) => _context = context;

    ProducerTable NoProducers => new(_context.Options.ProducerLimits);

    IFileSystem FileSystem => _context.Environment.FileSystem;

    /// <summary>
    /// Whether only the checkpoint holds the journal's end durably. Then the journal's entries come from
    /// <c>unplaced/</c>, and are removed once the partition takes appends.
    /// </summary>
    bool IsEndInCheckpointOnly => _context.EndSource is { IsRedone: true, IsRecorded: false };

    /// <summary>Creates an empty partition's files. They are durable, except for the directory's own name.</summary>
    public static void Create(PartitionContext context)
    {
        context.NewSegment(0).Create(syncsIndex: true);
        SegmentManifest.Create(
            context.Environment.FileSystem,
            context.Directory,
            ManifestState.Empty(context.ManifestHeader) with
            {
                Segments = [new(BaseOffset: 0, Generation: 0)],
            }
        );
        new Checkpoint(
            0,
            new SegmentCursor(0),
            LastStampMs: 0,
            new ProducerTable(context.Options.ProducerLimits)
        ).Write(context);
    }

    /// <exception cref="IOException">The disk can't be read or written.</exception>
    /// <exception cref="NotSupportedException">The directory was written by a newer version.</exception>
    public static RecoveredPartition Run(PartitionContext context) => new PartitionRecovery(context).Run();

    RecoveredPartition Run()
    {
        var orphans = ListFiles();
        var checkpoint = Checkpoint.Read(_context, out var reason);
        var (state, problem) = OpenManifest(checkpoint);
        if (checkpoint is not null && checkpoint.LogStartOffset < state.LogStartOffset)
            checkpoint = checkpoint with { LogStartOffset = state.LogStartOffset };
        FindSegments(state, checkpoint, ref problem);
        if (_segments.Count == 0)
            return RecoverWithoutSegments(checkpoint, problem ?? "it has no segments");
        _leftovers.AddRange(orphans);
        var place = FindReadPosition(checkpoint, state.LogStartOffset, reason);
        var end = FindExactEnd(checkpoint, ref problem);
        _exactEndPosition = end;
        if ((problem ?? _context.EndSource.Problem) is { } found)
            return ReadOnly(place, found);
        var durable = place.Durable;
        if (
            place == checkpoint
            && durable.BaseOffset == _segments[^1].BaseOffset
            && durable.Position == _lengths[durable.BaseOffset]
            && (end is null || end == durable.Position)
        )
        {
            // An earlier start may have failed to sync the checkpoint's name.
            if (IsEndInCheckpointOnly)
                FileSystem.SyncDirectory(_context.Directory);
            TidyUp(place, isAtCheckpoint: true);
            return Found(place, durable, readOnlyReason: null) with { IsJournaled = end is not null };
        }
        return ReadAfter(place, durableOffset: checkpoint?.Durable.NextOffset ?? 0, end);
    }

    /// <summary>
    /// Returns the certain end of the last segment, from the journal's last entry or from a checkpoint. The later one
    /// counts, as after a roll. Returns null if the end has to be found by reading.
    /// </summary>
    long? FindExactEnd(Checkpoint? checkpoint, ref string? problem)
    {
        // If the journal can't be read or applied, the checkpoint has only an earlier end.
        if (
            !_context.EndSource.IsMarked
            || _context.EndSource.Problem is not null
            || _context.JournalPartition.State is { Kind: JournalEntryKind.JournalingEnds }
        )
            return null;
        (long BaseOffset, long Position)? end = checkpoint is { IsJournaled: true }
            ? (checkpoint.Durable.BaseOffset, checkpoint.Durable.Position)
            : null;
        if (
            _context.JournalPartition.State is { } state
            && (end is null || end.Value.CompareTo((state.SegmentBaseOffset, state.Position)) < 0)
        )
            end = (state.SegmentBaseOffset, state.Position);
        if (end is not { } last)
            return null;
        var active = _segments[^1].BaseOffset;
        if (last.BaseOffset > active)
        {
            problem ??= string.Create(
                CultureInfo.InvariantCulture,
                $"the log ends in segment {last.BaseOffset}, which the manifest does not name"
            );
        }
        // A roll has sealed that segment, and the journal has no entry of the new one yet.
        return last.BaseOffset == active ? last.Position : 0;
    }

    /// <summary>
    /// Returns the position from which to read: the checkpoint's, or the start of a segment if the checkpoint's segment
    /// is missing.
    /// </summary>
    Checkpoint FindReadPosition(Checkpoint? checkpoint, long logStartOffset, string reason)
    {
        if (checkpoint is not null && _segments.Any(segment => segment.BaseOffset == checkpoint.Durable.BaseOffset))
            return checkpoint;
        var first = _segments[0];
        if (
            checkpoint is { Durable.Position: 0 }
            && _segments.Find(segment => segment.BaseOffset > checkpoint.Durable.BaseOffset) is { } next
        )
            first = next;
        // A trim of all records has removed the checkpoint's segment. Later records may follow a gap.
        else if (
            checkpoint is null
            || checkpoint.LogStartOffset != checkpoint.Durable.NextOffset
            || first.BaseOffset < checkpoint.LogStartOffset
        )
            ReportUnusable(checkpoint is null ? reason : $"there is no segment {checkpoint.Durable.BaseOffset}");
        checkpoint ??= new Checkpoint(logStartOffset, default, LastStampMs: 0, NoProducers);
        return checkpoint with { Durable = new SegmentCursor(first.BaseOffset) };
    }

    void ReportUnusable(string reason) =>
        StorageLog.CheckpointUnusable(
            _context.Environment.Logger,
            Path.Combine(_context.Directory, Checkpoint.Name),
            reason
        );

    /// <summary>Lists the segments' files. Returns the segments that have only an index.</summary>
    List<Segment> ListFiles()
    {
        var indexes = new List<long>();
        foreach (var entry in FileSystem.List(_context.Directory))
        {
            if (SegmentLayout.TryParseDataName(entry.Name, out var baseOffset))
            {
                _lengths.Add(baseOffset, entry.LengthBytes);
                _lastWritesMs.Add(baseOffset, entry.LastWriteMs);
            }
            else if (SegmentLayout.TryParseIndexName(entry.Name, out var indexed))
            {
                indexes.Add(indexed);
            }
            else if (!PartitionLayout.Contains(entry.Name))
            {
                StorageLog.ForeignFile(_context.Environment.Logger, Path.Combine(_context.Directory, entry.Name));
            }
        }
        // The removal of a segment was interrupted between its two files.
        return [.. indexes.Where(baseOffset => !_lengths.ContainsKey(baseOffset)).Select(_context.NewSegment)];
    }

    /// <summary>Takes the segments that the manifest names, and collects the other files.</summary>
    void FindSegments(ManifestState state, Checkpoint? checkpoint, ref string? problem)
    {
        var logStartOffset = Math.Max(state.LogStartOffset, checkpoint?.LogStartOffset ?? 0);
        for (var number = 0; number < state.Segments.Count; number++)
        {
            var named = state.Segments[number];
            // The segment's trim is in the checkpoint, but did not reach the manifest.
            if (number < state.Segments.Count - 1 && state.Segments[number + 1].BaseOffset <= logStartOffset)
                continue;
            var segment = _context.NewSegment(named.BaseOffset);
            _segments.Add(segment);
            if (!_lengths.TryGetValue(named.BaseOffset, out var lengthBytes))
            {
                segment.MissingUntilOffset =
                    named.Extent?.EndOffset ?? Math.Max(named.BaseOffset, checkpoint?.Durable.NextOffset ?? 0);
                problem ??= string.Create(
                    CultureInfo.InvariantCulture,
                    $"segment {named.BaseOffset} is missing: {segment.DataPath}"
                );
                continue;
            }
            segment.SealedBytes = Math.Min(lengthBytes, named.Extent?.LengthBytes ?? long.MaxValue);
            RestoreAge(segment, named);
        }
        var kept = _segments.Select(static segment => segment.BaseOffset).ToHashSet();
        foreach (var (baseOffset, lengthBytes) in _lengths.OrderBy(static pair => pair.Key))
        {
            if (kept.Contains(baseOffset))
                continue;
            _leftovers.Add(_context.NewSegment(baseOffset));
            // Records are written to a segment only after the manifest names it.
            if (lengthBytes > 0 && baseOffset >= logStartOffset)
            {
                problem ??= string.Create(
                    CultureInfo.InvariantCulture,
                    $"segment {baseOffset} has {lengthBytes} bytes, and the manifest does not name it"
                );
            }
        }
    }

    /// <summary>
    /// Recovers a partition without segments as read-only, because the base offset of a new one is unknown.
    /// </summary>
    RecoveredPartition RecoverWithoutSegments(Checkpoint? checkpoint, string reason)
    {
        checkpoint ??= new Checkpoint(0, default, LastStampMs: 0, NoProducers);
        var nextOffset = Math.Max(checkpoint.Durable.NextOffset, checkpoint.LogStartOffset);
        var segment = _context.NewSegment(checkpoint.LogStartOffset);
        segment.MissingUntilOffset = nextOffset;
        _segments.Add(segment);
        return ReadOnly(checkpoint with { Durable = new SegmentCursor(nextOffset) }, reason);
    }

    /// <summary>Reads the records after the checkpoint, through all later segments.</summary>
    RecoveredPartition ReadAfter(Checkpoint checkpoint, long durableOffset, long? endPosition)
    {
        var cursor = checkpoint.Durable;
        var producers = checkpoint.Producers;
        for (var number = _segments.FindIndex(segment => segment.BaseOffset == cursor.BaseOffset); ; number++)
        {
            var segment = _segments[number];
            var isLast = number == _segments.Count - 1;
            var fileBytes = _lengths[segment.BaseOffset];
            using var lease = segment.Acquire(isSealed: false);
            var lengthBytes = !isLast ? segment.SealedBytes : endPosition ?? fileBytes;
            var knownBytes = Math.Max(cursor.Position, isLast ? lengthBytes : SealedBytes(segment));
            if (fileBytes < knownBytes)
                return ReadOnly(
                    checkpoint,
                    $"{segment.DataPath} is {fileBytes} bytes long, but {knownBytes} bytes of it were durable"
                );
            // If the clock was ahead, records after the checkpoint are no earlier than its last timestamp.
            var scan = SegmentScan.Run(
                lease.Files.Data,
                cursor,
                lengthBytes,
                producers,
                Math.Max(_context.Environment.NowMs, checkpoint.LastStampMs)
            );
            _readBytes += lengthBytes - cursor.Position;
            if (
                scan.Bad is { } bad
                && (!isLast || endPosition is not null || SegmentTail.IsDamage(lease.Files.Data, bad, lengthBytes))
            )
            {
                if (!isLast)
                    _foundDamage[segment.BaseOffset] = new(
                        scan.End.BlockPosition,
                        lengthBytes,
                        NextOffset: null,
                        bad.Reason
                    );
                return ReadOnly(
                    checkpoint,
                    $"{segment.DataPath}, position {bad.Position}: {bad.Reason}, and records follow"
                );
            }
            if (!isLast && _segments[number + 1].BaseOffset < scan.End.NextOffset)
                return ReadOnly(
                    checkpoint,
                    $"{segment.DataPath} reaches offset {scan.End.NextOffset - 1}, and so does the segment after it"
                );
            if (isLast && scan.End.NextOffset < durableOffset)
                return ReadOnly(
                    checkpoint,
                    $"{_context.Directory} ends before offset {scan.End.NextOffset}, but all before "
                        + $"{durableOffset} was durable"
                );
            if (isLast)
            {
                SegmentTail.CutTorn(_context, segment, lease.Files.Data, scan, fileBytes);
                if (endPosition is null || !_context.EndSource.IsRedone)
                    SegmentTail.MakeDurable(lease.Files.Data, cursor.Position, scan.End.Position);
                return Recovered(
                    checkpoint,
                    segment,
                    lease.Files.Index,
                    cursor,
                    scan,
                    isJournaled: endPosition is not null
                );
            }
            cursor = new SegmentCursor(_segments[number + 1].BaseOffset);
            producers = scan.Producers!;
        }
    }

    RecoveredPartition Recovered(
        Checkpoint checkpoint,
        Segment segment,
        IFile index,
        SegmentCursor from,
        SegmentScan scan,
        bool isJournaled
    )
    {
        var end = scan.End;
        // Timestamps since the checkpoint may be the server's or the client's. Only one in the future is surely the
        // client's.
        var lastStampMs =
            end.MaxTimestampMs <= _context.Environment.NowMs
                ? Math.Max(checkpoint.LastStampMs, end.MaxTimestampMs)
                : checkpoint.LastStampMs;
        var renewed = checkpoint with
        {
            Durable = end,
            LastStampMs = lastStampMs,
            Producers = scan.Producers!,
            IsJournaled = isJournaled,
        };
        // If the start records the end in the journal, the old checkpoint and the index entries that it counts stay
        // valid. Then thousands of partitions need not be synced one by one.
        var isRecordedElsewhere =
            isJournaled
            && _context.EndSource is { IsRedone: true, IsRecorded: true }
            && checkpoint.Durable.BaseOffset == segment.BaseOffset
            && _readBytes < _context.Options.CheckpointBytes;
        try
        {
            _context.Reserve.Run(() => SegmentTail.WriteIndex(segment, index, from, scan, syncs: !isRecordedElsewhere));
        }
        catch (DiskFullException exception)
        {
            // Appends to a segment need its index.
            return OnFullDisk(checkpoint, end with { IndexEntries = from.IndexEntries }, exception);
        }
        try
        {
            if (!isRecordedElsewhere)
            {
                renewed.Write(_context);
                checkpoint = renewed;
            }
        }
        catch (DiskFullException exception)
        {
            if (IsEndInCheckpointOnly)
                return OnFullDisk(checkpoint, end with { IndexEntries = from.IndexEntries }, exception);
            StorageLog.CheckpointFailed(_context.Environment.Logger, exception, _context.Directory);
        }
        TidyUp(checkpoint, isAtCheckpoint: false);
        StorageLog.PartitionRecovered(_context.Environment.Logger, _context.Directory, _readBytes, end.NextOffset);
        return Found(checkpoint, end, readOnlyReason: null) with
        {
            LastStampMs = lastStampMs,
            Producers = renewed.Producers,
            IsJournaled = isJournaled,
            UncheckpointedBytes = isRecordedElsewhere ? _readBytes : 0,
        };
    }

    /// <summary>Opens the partition read-only. Readers use the durable index entries, which is slower.</summary>
    RecoveredPartition OnFullDisk(Checkpoint checkpoint, SegmentCursor end, DiskFullException exception)
    {
        StorageLog.OpenedOnFullDisk(_context.Environment.Logger, exception, _context.Directory);
        const string Reason =
            "The partition is read-only: the disk was full when it was opened. "
            + "Free disk space, for example by deleting topics, and restart the server.";
        var found = Found(checkpoint, end, Reason);
        return found with { View = found.View with { IsIndexWhole = false } };
    }

    /// <summary>
    /// Serves everything that can be read, including segments after the damage. Writes nothing, so that a disk that
    /// refuses writes does no harm, and the files stay as they are.
    /// </summary>
    RecoveredPartition ReadOnly(Checkpoint checkpoint, string reason)
    {
        StorageLog.PartitionReadOnly(_context.Environment.Logger, _context.Directory, reason);
        var segment = _segments[^1];
        var end = new SegmentCursor(segment.BaseOffset);
        var entries = 0;
        if (segment.MissingUntilOffset is { } missingUntilOffset)
        {
            end = end with { NextOffset = missingUntilOffset };
        }
        else
        {
            using var lease = segment.Acquire(isSealed: false);
            var fileBytes = lease.Files.Data.LengthBytes;
            var from =
                checkpoint.Durable.BaseOffset == segment.BaseOffset && checkpoint.Durable.Position <= fileBytes
                    ? checkpoint.Durable
                    : end;
            end = SegmentScan
                .Run(
                    lease.Files.Data,
                    from,
                    Math.Max(from.Position, Math.Min(fileBytes, _exactEndPosition ?? fileBytes))
                )
                .End;
            entries = from.IndexEntries;
        }
        // Readers use the existing index entries. None is written for the rest.
        var found = Found(checkpoint, end with { IndexEntries = entries }, $"The partition is read-only: {reason}.");
        return found with { View = found.View with { IsIndexWhole = false } };
    }

    RecoveredPartition Found(Checkpoint checkpoint, SegmentCursor end, string? readOnlyReason)
    {
        var visible = new SegmentEnd(end.Position, end.NextOffset, end.MaxTimestampMs, end.IndexEntries);
        foreach (var segment in _segments)
        {
            var known = checkpoint
                .Damage.Where(damage => damage.Segment == segment.BaseOffset)
                .Select(static damage => damage.Range);
            segment.Damage =
            [
                .. known,
                .. _foundDamage.TryGetValue(segment.BaseOffset, out var range) ? [range] : Array.Empty<DamagedRange>(),
            ];
        }
        // A damaged log may end before its start.
        var earliestOffset = Math.Min(checkpoint.LogStartOffset, end.NextOffset);
        return new(
            checkpoint,
            new LogView([.. _segments], visible, earliestOffset),
            end,
            checkpoint.LastStampMs,
            checkpoint.Producers,
            readOnlyReason
        )
        {
            Manifest = _manifest,
            Trimmed = readOnlyReason is null
                ? [.. _leftovers.Where(segment => segment.BaseOffset < _segments[0].BaseOffset)]
                : [],
            Ages = FindAges(end),
        };
    }
}
