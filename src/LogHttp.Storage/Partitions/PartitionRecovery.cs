using System.Globalization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Producers;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage;

/// <summary>
/// Finds out at the start where a partition stands. After a clean stop the checkpoint says it and no segment is read;
/// after a crash all that follows the checkpoint is read, checked, and made durable before anybody sees it.
/// </summary>
internal sealed class PartitionRecovery
{
    readonly PartitionContext _context;
    readonly List<Segment> _segments = [];
    readonly Dictionary<long, long> _lastWritesMs = [];
    readonly HashSet<long> _withEntries = [];

    // The empty segment that the checkpoint stands in, where a later one holds something: it goes when another checkpoint is written.
    Segment? _passedBy;
    long _readBytes;

    PartitionRecovery(PartitionContext context) => _context = context;

    /// <summary>What was found.</summary>
    /// <param name="Checkpoint">The checkpoint that is on the disk.</param>
    /// <param name="View">What readers may see.</param>
    /// <param name="Written">Where the next record goes.</param>
    /// <param name="LastStampMs">The last timestamp the server gave out.</param>
    /// <param name="Producers">The producers up to there.</param>
    /// <param name="ReadOnlyReason">Why nothing may be appended, or null.</param>
    public sealed record Result(Checkpoint Checkpoint, LogView View, SegmentCursor Written, long LastStampMs, ProducerTable Producers, string? ReadOnlyReason)
    {
        /// <summary>Whether the journal decides where the log ends, or no longer.</summary>
        public bool IsJournaled { get; init; }

        /// <summary>How much lies behind the checkpoint.</summary>
        public long UncheckpointedBytes { get; init; }
    }

    ProducerTable NoProducers => new(_context.Options.ProducerLimits);

    IFileSystem FileSystem => _context.Environment.FileSystem;

    /// <summary>Makes an empty partition's files, durable but for the directory's own name.</summary>
    public static void Create(PartitionContext context)
    {
        context.NewSegment(0).Create();
        new Checkpoint(0, new SegmentCursor(0), LastStampMs: 0, new ProducerTable(context.Options.ProducerLimits)).Write(context);
    }

    /// <exception cref="IOException">The disk can't be read or written.</exception>
    /// <exception cref="NotSupportedException">The directory was written by a newer version.</exception>
    public static Result Run(PartitionContext context) => new PartitionRecovery(context).Run();

    Result Run()
    {
        var lengths = ListFiles();
        var checkpoint = Checkpoint.Read(_context, out var reason);
        // A process that was killed may not have come to that, and now segments go, and trims are answered, by what it says.
        if (checkpoint?.LogStartOffset > 0)
            FileSystem.SyncDirectory(_context.Directory);
        var end = FindExactEnd(checkpoint, lengths);
        if (_context.EndSource.Problem is null && end is { } exact && lengths.ContainsKey(exact.BaseOffset))
            RemoveBeyond(lengths, exact.BaseOffset);
        FindSegments(lengths, checkpoint, end?.BaseOffset);
        if (_segments.Count == 0)
            return StartAnew(checkpoint, reason);
        if (_context.EndSource.Problem is { } problem)
            return ReadOnlyAt(FindPlace(checkpoint, reason), problem);
        if (end is not null && !lengths.ContainsKey(end.Value.BaseOffset))
            return ReadOnlyAt(FindPlace(checkpoint, reason), string.Create(CultureInfo.InvariantCulture, $"segment {end.Value.BaseOffset} is missing, and the log ends in it"));
        if (checkpoint is not null && checkpoint.Durable.BaseOffset == _segments[^1].BaseOffset && checkpoint.Durable.Position == lengths[checkpoint.Durable.BaseOffset] && (end is null || end.Value.Position == checkpoint.Durable.Position))
            return Found(checkpoint, checkpoint.Durable, readOnlyReason: null) with { IsJournaled = end is not null };
        return ReadOn(FindPlace(checkpoint, reason), lengths, durableOffset: checkpoint?.Durable.NextOffset ?? 0, end?.Position);
    }

    /// <summary>
    /// Where the log ends for sure: by the journal's last entry, or by a checkpoint that lies further, as one behind a roll
    /// does. Null where the end has to be found by reading.
    /// </summary>
    (long BaseOffset, long Position)? FindExactEnd(Checkpoint? checkpoint, Dictionary<long, long> lengths)
    {
        if (!_context.EndSource.IsMarked || _context.JournalPartition.State is { Kind: JournalEntryKind.JournalingEnds })
            return null;
        (long BaseOffset, long Position)? end = checkpoint is { IsJournaled: true } ? (checkpoint.Durable.BaseOffset, checkpoint.Durable.Position) : null;
        if (_context.JournalPartition.State is { } state && (end is null || end.Value.CompareTo((state.SegmentBaseOffset, state.Position)) < 0))
            end = (state.SegmentBaseOffset, state.Position);
        // A trim that took all left that segment for a new one, which the next round would have named. Where the journal
        // goes on in the old one, making the new one has failed.
        return end is { } last && checkpoint is not null && last.BaseOffset < checkpoint.LogStartOffset && lengths.ContainsKey(checkpoint.LogStartOffset)
            && last.CompareTo((checkpoint.Durable.BaseOffset, checkpoint.Durable.Position)) <= 0
            ? (checkpoint.LogStartOffset, 0)
            : end;
    }

    /// <summary>Segments behind the end hold nothing that was acknowledged: what they hold is kept beside.</summary>
    void RemoveBeyond(Dictionary<long, long> lengths, long endBaseOffset)
    {
        var beyond = lengths.Keys.Where(baseOffset => baseOffset > endBaseOffset).Order().ToArray();
        foreach (var baseOffset in beyond)
        {
            var segment = _context.NewSegment(baseOffset);
            if (lengths[baseOffset] > 0)
            {
                using var lease = segment.Acquire(isSealed: false);
                KeepTorn(segment, lease.Files.Data, 0, lengths[baseOffset], "it lies behind the end that the journal says");
            }
            segment.Retire();
            segment.DeleteFiles();
            lengths.Remove(baseOffset);
            StorageLog.LeftoverRemoved(_context.Environment.Logger, segment.DataPath);
        }
        // The log may cease to be journaled, and then no end tells that these are not part of it. A power cut must not
        // bring them back.
        if (beyond.Length > 0)
            FileSystem.SyncDirectory(_context.Directory);
    }

    /// <summary>Where reading has to begin: at the checkpoint, or at the start of a segment when it names a place that is not there.</summary>
    Checkpoint FindPlace(Checkpoint? checkpoint, string reason)
    {
        if (checkpoint is not null && _segments.Any(segment => segment.BaseOffset == checkpoint.Durable.BaseOffset))
            return checkpoint;
        var first = _segments[0];
        if (checkpoint is { Durable.Position: 0 } && _segments.Find(segment => segment.BaseOffset > checkpoint.Durable.BaseOffset) is { } next)
            first = next;
        // A trim that took all has removed the segment that the log stood in; what came since may lie behind a gap.
        else if (checkpoint is null || checkpoint.LogStartOffset != checkpoint.Durable.NextOffset || first.BaseOffset < checkpoint.LogStartOffset)
            ReportUnusable(checkpoint is null ? reason : $"there is no segment {checkpoint.Durable.BaseOffset}");
        checkpoint ??= new Checkpoint(first.BaseOffset, default, LastStampMs: 0, NoProducers);
        return checkpoint with { Durable = new SegmentCursor(first.BaseOffset) };
    }

    void ReportUnusable(string reason) =>
        StorageLog.CheckpointUnusable(_context.Environment.Logger, Path.Combine(_context.Directory, Checkpoint.Name), reason);

    Dictionary<long, long> ListFiles()
    {
        var lengths = new Dictionary<long, long>();
        var indexes = new List<long>();
        foreach (var entry in FileSystem.List(_context.Directory))
        {
            if (SegmentLayout.TryParseDataName(entry.Name, out var baseOffset))
            {
                lengths.Add(baseOffset, entry.LengthBytes);
                _lastWritesMs.Add(baseOffset, entry.LastWriteMs);
            }
            else if (SegmentLayout.TryParseIndexName(entry.Name, out var indexed))
            {
                indexes.Add(indexed);
                if (entry.LengthBytes >= IndexFile.PositionOf(1))
                    _withEntries.Add(indexed);
            }
            else if (!entry.Name.EndsWith(SegmentLayout.TornSuffix, StringComparison.Ordinal) && entry.Name != Checkpoint.Name && entry.Name != FileSystemExtensions.TemporaryName(Checkpoint.Name))
                StorageLog.ForeignFile(_context.Environment.Logger, Path.Combine(_context.Directory, entry.Name));
        }
        // A segment's removal was interrupted between its two names.
        foreach (var indexed in indexes.Where(baseOffset => !lengths.ContainsKey(baseOffset)))
            _context.NewSegment(indexed).DeleteFiles();
        return lengths;
    }

    /// <summary>
    /// Takes the segments that hold something, and the empty one that the log stood in. Other empty ones are rolls that
    /// came to nothing, or that the log passed by: without them the segment before is the active one again.
    /// </summary>
    void FindSegments(Dictionary<long, long> lengths, Checkpoint? checkpoint, long? endBaseOffset)
    {
        var baseOffsets = lengths.Keys.Order().ToArray();
        var lastFilled = Array.FindLastIndex(baseOffsets, baseOffset => lengths[baseOffset] > 0);
        var active = checkpoint is null ? -1 : Array.IndexOf(baseOffsets, checkpoint.Durable.BaseOffset);
        // A trim that took all has left it for a new one; its files may be gone, or half of them.
        if (checkpoint is not null && checkpoint.LogStartOffset == checkpoint.Durable.NextOffset && lengths.GetValueOrDefault(checkpoint.Durable.BaseOffset, checkpoint.Durable.Position) == checkpoint.Durable.Position)
            active = Math.Max(active, Array.IndexOf(baseOffsets, checkpoint.LogStartOffset));
        if (active < lastFilled || active < 0)
            active = Math.Max(lastFilled, 0);
        if (endBaseOffset is { } exact && lengths.ContainsKey(exact))
            active = Array.IndexOf(baseOffsets, exact);
        // A roll leaves an empty segment no entries, durably: one that has some was emptied from outside, and says what is lost.
        var isEmptied = (int number) => number < lastFilled && lengths[baseOffsets[number]] == 0 && _withEntries.Contains(baseOffsets[number]);
        var isTrimmed = (int number) => number < active && baseOffsets[number + 1] <= checkpoint?.LogStartOffset;
        var isLeftoverRemoved = false;
        for (var number = 0; number < baseOffsets.Length; number++)
        {
            var segment = _context.NewSegment(baseOffsets[number]);
            (segment.SealedBytes, segment.LastAppendMs) = (lengths[segment.BaseOffset], _lastWritesMs[segment.BaseOffset]);
            if (number == active || ((lengths[segment.BaseOffset] > 0 || isEmptied(number)) && !isTrimmed(number)))
            {
                _segments.Add(segment);
                continue;
            }
            // What the later one holds may be torn, and be cut; if the server then dies once more, this is where the log ends.
            if (segment.BaseOffset == checkpoint?.Durable.BaseOffset && lengths[segment.BaseOffset] == 0 && checkpoint.Durable.Position == 0)
            {
                _passedBy = segment;
                continue;
            }
            // A journal that can't be read now may have records of it.
            if (_context.EndSource.Problem is not null)
                continue;
            segment.DeleteFiles();
            if (lengths[segment.BaseOffset] > 0)
                StorageLog.TrimmedSegmentRemoved(_context.Environment.Logger, segment.DataPath);
            else
                StorageLog.LeftoverRemoved(_context.Environment.Logger, segment.DataPath);
            isLeftoverRemoved |= lengths[segment.BaseOffset] == 0;
        }
        // The segment before grows past this one's offset. With a power cut, an unsynced removal and an unsynced
        // truncation could both be undone, and then two segments would hold the same offsets.
        if (isLeftoverRemoved)
            FileSystem.SyncDirectory(_context.Directory);
    }

    /// <summary>There is no segment at all; offsets that were given out once are not given out again.</summary>
    Result StartAnew(Checkpoint? checkpoint, string reason)
    {
        ReportUnusable(checkpoint is null ? reason : "there are no segments");
        var nextOffset = checkpoint?.Durable.NextOffset ?? 0;
        var segment = _context.NewSegment(nextOffset);
        segment.Create();
        _segments.Add(segment);
        checkpoint = new Checkpoint(nextOffset, new SegmentCursor(nextOffset), checkpoint?.LastStampMs ?? 0, checkpoint?.Producers ?? NoProducers);
        checkpoint.Write(_context);
        return Found(checkpoint, checkpoint.Durable, readOnlyReason: null);
    }

    /// <summary>Reads what follows the checkpoint, through all later segments.</summary>
    Result ReadOn(Checkpoint checkpoint, Dictionary<long, long> lengths, long durableOffset, long? endPosition)
    {
        var cursor = checkpoint.Durable;
        var producers = checkpoint.Producers;
        for (var number = _segments.FindIndex(segment => segment.BaseOffset == cursor.BaseOffset); ; number++)
        {
            var segment = _segments[number];
            var isLast = number == _segments.Count - 1;
            var fileBytes = lengths[segment.BaseOffset];
            using var lease = segment.Acquire(isSealed: false);
            var lengthBytes = isLast && endPosition is { } exact ? exact : fileBytes;
            if (fileBytes < Math.Max(cursor.Position, lengthBytes))
                return ReadOnly(checkpoint, segment, lease.Files, fileBytes < cursor.Position ? new SegmentCursor(segment.BaseOffset) : cursor, $"{segment.DataPath} is {fileBytes} bytes long, but {Math.Max(cursor.Position, lengthBytes)} bytes of it were durable");
            // Where the clock was ahead, what came after the checkpoint came no earlier than that says.
            var scan = SegmentScan.Run(lease.Files.Data, cursor, lengthBytes, producers, Math.Max(_context.Environment.NowMs, checkpoint.LastStampMs));
            _readBytes += lengthBytes - cursor.Position;
            if (scan.Bad is { } bad && (!isLast || endPosition is not null || IsDamage(lease.Files.Data, bad, lengthBytes)))
                return ReadOnly(checkpoint, segment, lease.Files, cursor, $"{segment.DataPath}, position {bad.Position}: {bad.Reason}, and records follow");
            if (!isLast && _segments[number + 1].BaseOffset < scan.End.NextOffset)
                return ReadOnly(checkpoint, segment, lease.Files, cursor, $"{segment.DataPath} reaches offset {scan.End.NextOffset - 1}, and so does the segment after it");
            if (isLast && scan.End.NextOffset < durableOffset)
                return ReadOnly(checkpoint, segment, lease.Files, cursor, $"{_context.Directory} ends before offset {scan.End.NextOffset}, but all before {durableOffset} was durable: a segment is missing");
            if (isLast)
            {
                CutTorn(segment, lease.Files.Data, scan, fileBytes);
                if (endPosition is null || !_context.EndSource.IsRedone)
                    MakeDurable(lease.Files.Data, cursor.Position, scan.End.Position);
                // Once the segment is sealed, no end tells that the cut bytes are not part of it.
                else if (fileBytes > scan.End.Position)
                    lease.Files.Data.Sync();
                return Recovered(checkpoint, segment, lease.Files.Index, cursor, scan, isJournaled: endPosition is not null);
            }
            cursor = new SegmentCursor(_segments[number + 1].BaseOffset);
            producers = scan.Producers!;
        }
    }

    /// <summary>
    /// A bad line is where writing stopped when nothing valid follows it, or where a sector never reached the disk: pages are
    /// written back in any order and torn by a power cut, so later sectors may be there. Anything else is damage.
    /// </summary>
    static bool IsDamage(IFile data, SegmentScan.BadLine bad, long lengthBytes) =>
        bad is { LacksSector: false, IsEndOfFile: false } && SegmentScan.AnyRecordAfter(data, bad.Position, lengthBytes);

    /// <summary>Cuts what belongs to no whole batch, or lies behind the end that is known, after keeping it beside.</summary>
    void CutTorn(Segment segment, IFile data, SegmentScan scan, long lengthBytes)
    {
        var position = scan.End.Position;
        if (lengthBytes == position)
            return;
        KeepTorn(segment, data, position, lengthBytes, scan.Bad?.Reason ?? "it lies behind the end that the journal says");
        data.Truncate(position);
    }

    void KeepTorn(Segment segment, IFile data, long position, long lengthBytes, string reason)
    {
        var tornBytes = lengthBytes - position;
        var tornPath = Path.Combine(_context.Directory, SegmentLayout.TornName(segment.BaseOffset, position));
        try
        {
            FileSystem.DeleteFile(tornPath);
            using var torn = FileSystem.Create(tornPath);
            Copy(data, position, lengthBytes, torn, 0);
            torn.Sync();
            FileSystem.SyncDirectory(_context.Directory);
            StorageLog.TornTailCut(_context.Environment.Logger, segment.DataPath, tornBytes, position, reason, tornPath);
        }
        catch (DiskFullException exception)
        {
            // A full disk must not keep the log from opening, and nobody was promised these bytes.
            StorageLog.TornTailNotKept(_context.Environment.Logger, exception, segment.DataPath, tornBytes, position);
            FileSystem.DeleteFile(tornPath);
        }
    }

    /// <summary>
    /// Makes the surviving tail durable. A sync alone would not do: if one failed before the crash, the kernel may hold
    /// pages it counts as clean that are not on the disk. Writing the same bytes once more makes them dirty again.
    /// </summary>
    static void MakeDurable(IFile data, long position, long endPosition)
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

    static void WriteIndex(Segment segment, IFile index, in SegmentCursor from, SegmentScan scan, bool syncs)
    {
        // Written anew in any case: of what a failed sync lost the kernel may say that it is there.
        IndexFile.WriteHeader(index, segment.BaseOffset);
        IndexFile.Write(index, from.IndexEntries, scan.Entries.ToArray());
        IndexFile.Truncate(index, scan.End.IndexEntries);
        if (syncs)
            index.Sync();
    }

    void WriteIndexWithReserve(Segment segment, IFile index, SegmentCursor from, SegmentScan scan, bool syncs)
    {
        try
        {
            WriteIndex(segment, index, from, scan, syncs);
        }
        catch (DiskFullException)
        {
            if (!_context.Reserve.TryUse(() => WriteIndex(segment, index, from, scan, syncs)))
                throw;
        }
    }

    Result Recovered(Checkpoint checkpoint, Segment segment, IFile index, in SegmentCursor from, SegmentScan scan, bool isJournaled)
    {
        var end = scan.End;
        // What the server stamped since the checkpoint can't be told from what was given to it, but for the future.
        var lastStampMs = end.MaxTimestampMs <= _context.Environment.NowMs ? Math.Max(checkpoint.LastStampMs, end.MaxTimestampMs) : checkpoint.LastStampMs;
        var renewed = checkpoint with { Durable = end, LastStampMs = lastStampMs, Producers = scan.Producers!, IsJournaled = isJournaled };
        // The start records the end in the journal: the checkpoint and the index entries that it counts stay valid, and
        // thousands of partitions need not be synced one by one.
        var isRecordedElsewhere = isJournaled && _context.EndSource is { IsRedone: true, IsRecorded: true } && _passedBy is null
            && checkpoint.Durable.BaseOffset == segment.BaseOffset && _readBytes < _context.Options.CheckpointBytes;
        try
        {
            WriteIndexWithReserve(segment, index, from, scan, syncs: !isRecordedElsewhere);
        }
        catch (DiskFullException exception)
        {
            // Readers find their way with the entries that are durable, if slowly; a segment can't be written on without its index.
            StorageLog.OpenedOnFullDisk(_context.Environment.Logger, exception, _context.Directory);
            var found = Found(checkpoint, end with { IndexEntries = from.IndexEntries }, "The partition is read-only: the disk was full when it was opened. Delete topics or make room otherwise, and restart the server.");
            return found with { View = found.View with { IsIndexWhole = false } };
        }
        try
        {
            if (!isRecordedElsewhere)
            {
                renewed.Write(_context);
                checkpoint = renewed;
            }
            if (_passedBy is not null)
            {
                _passedBy.DeleteFiles();
                StorageLog.LeftoverRemoved(_context.Environment.Logger, _passedBy.DataPath);
            }
        }
        catch (DiskFullException exception)
        {
            StorageLog.CheckpointFailed(_context.Environment.Logger, exception, _context.Directory);
        }
        StorageLog.PartitionRecovered(_context.Environment.Logger, _context.Directory, _readBytes, end.NextOffset);
        return Found(checkpoint, end, readOnlyReason: null) with { LastStampMs = lastStampMs, Producers = renewed.Producers, IsJournaled = isJournaled, UncheckpointedBytes = isRecordedElsewhere ? _readBytes : 0 };
    }

    /// <summary>Serves what is whole from the checkpoint's place on, and writes nothing.</summary>
    Result ReadOnlyAt(Checkpoint checkpoint, string reason)
    {
        var segment = _segments.Find(segment => segment.BaseOffset == checkpoint.Durable.BaseOffset)!;
        using var lease = segment.Acquire(isSealed: false);
        return ReadOnly(checkpoint, segment, lease.Files, checkpoint.Durable, reason);
    }

    /// <summary>Serves what is whole before the damage; writes nothing.</summary>
    Result ReadOnly(Checkpoint checkpoint, Segment segment, SegmentFiles files, SegmentCursor from, string reason)
    {
        StorageLog.PartitionReadOnly(_context.Environment.Logger, _context.Directory, reason);
        var scan = SegmentScan.Run(files.Data, from, files.Data.LengthBytes);
        _segments.RemoveRange(_segments.IndexOf(segment) + 1, _segments.Count - _segments.IndexOf(segment) - 1);
        // Readers find their way with the entries that there are: none is written for the rest.
        var found = Found(checkpoint, scan.End with { IndexEntries = from.IndexEntries }, $"The partition is read-only: {reason}.");
        return found with { View = found.View with { IsIndexWhole = false } };
    }

    Result Found(Checkpoint checkpoint, SegmentCursor end, string? readOnlyReason)
    {
        var visible = new SegmentEnd(end.Position, end.NextOffset, end.MaxTimestampMs, end.IndexEntries);
        foreach (var segment in _segments)
            segment.Damage = [.. checkpoint.Damage.Where(damage => damage.Segment == segment.BaseOffset).Select(static damage => damage.Range)];
        // A damaged log may end before its start.
        var earliestOffset = Math.Min(checkpoint.LogStartOffset, end.NextOffset);
        return new(checkpoint, new LogView([.. _segments], visible, earliestOffset), end, checkpoint.LastStampMs, checkpoint.Producers, readOnlyReason);
    }
}
