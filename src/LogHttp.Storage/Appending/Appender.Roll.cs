using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

// Seals the active segment and continues in a new one. Rolls back after a failed write.
internal sealed partial class Appender
{
    bool NeedsRoll(AppendRequest next) =>
        (
            _written.Cursor.Position > 0
            && (_written.Cursor.Position + next.MaxFramedBytes > _configuration.RollBytes || IsActiveOld())
        ) || IsFarAhead(next, _written.Cursor.NextOffset);

    /// <summary>
    /// Returns whether the active segment is old enough to be sealed. Otherwise new records would keep retention from
    /// deleting its old ones. Always false for a topic without a retention time.
    /// </summary>
    bool IsActiveOld()
    {
        if (_configuration.RollMs == 0)
            return false;
        // After a restart only the first record's timestamp tells. A client may have set it. It is believed once.
        _activeSinceMs ??= FirstTimestampMs();
        return _context.Environment.NowMs - _activeSinceMs >= _configuration.RollMs;
    }

    long FirstTimestampMs()
    {
        var head = new byte[Records.RecordFormat.MaxHeadBytes];
        var read = TurnFiles().Data.Read(head, 0);
        return Records.RecordFormat.TryReadHead(head.AsSpan(0, read), out var first)
            ? first.TimestampMs
            : _context.Environment.NowMs;
    }

    /// <summary>
    /// Returns whether the batch's offsets go beyond the range of the segment's index. Offsets given by the client can
    /// jump that far, and later ones count on from there.
    /// </summary>
    bool IsFarAhead(AppendRequest next, long nextOffset) =>
        next.OffsetAfter(nextOffset) - _written.Cursor.BaseOffset > uint.MaxValue;

    /// <summary>
    /// Returns the base offset of the next segment: the end of this one, even before a gap. So a missing segment can be
    /// told from offsets that were never used. If the offsets jump beyond the range of an index, the segment begins
    /// after the jump.
    /// </summary>
    long BaseFor(AppendRequest next) =>
        next.OffsetAfter(_written.Cursor.NextOffset) - _written.Cursor.NextOffset > uint.MaxValue
            ? Math.Max(_written.Cursor.NextOffset, next.Batch.GivenTo(0).Offset)
            : _written.Cursor.NextOffset;

    /// <summary>
    /// Begins a new segment. All written data is synced and published before. The index is synced first, then the new
    /// file's name, then the manifest that names it. Only then is the segment written. So a segment that has a
    /// successor is complete. This takes three syncs.
    /// </summary>
    void Roll(long baseOffset)
    {
        // Otherwise the manifest on the disk may name a file that is replaced below.
        if (_manifest!.MustReplace)
            _manifest.Compact();
        var sealedSegment = Active;
        var end = _written.Cursor;
        var files = TurnFiles();
        if (end.BlockPosition != end.Position)
            IndexFile.Write(files.Index, end.BaseOffset, end.IndexEntries, [end.CloseBlock()]);
        // A crash or a failed write may have left index entries of lines that no longer exist. A complete index ends
        // with the segment. The index of an empty segment, which a jump of offsets leaves behind, has no entries.
        IndexFile.Truncate(files.Index, end.IndexEntries);
        SyncIndex(files.Index);
        var next = _context.NewSegment(baseOffset);
        try
        {
            next.Create();
        }
        catch (IOException)
        {
            next.DeleteFiles();
            throw;
        }
        SyncDirectory();
        try
        {
            _manifest.Append(RollEdits(sealedSegment, end, baseOffset), isDurable: true);
        }
        catch (IOException)
        {
            TryTakeBack(next);
            throw;
        }
        ReleaseLease();
        _activeSinceMs = null;
        if (end.Position > 0)
            sealedSegment.Seal(new(end.Position, end.NextOffset, end.MaxTimestampMs, end.IndexEntries));
        var segments = end.Position > 0 ? _view.Segments : _view.Segments.Remove(sealedSegment);
        var cursor = new SegmentCursor(baseOffset);
        _written = _written with { Cursor = cursor };
        _isSegmentNew = true;
        lock (_gate)
        {
            (_submitted, _published) = (_written, _written);
            _synced = _syncedBatchEnd = _journaled = cursor;
            _view = _view with
            {
                Segments = segments.Add(next),
                // No record has moved the next offset, even if an empty segment was created for an offset far ahead.
                End = _written.End with
                {
                    NextOffset = _view.End.NextOffset,
                },
                IsDurable = true,
            };
            AssertWatermarks();
        }
        // An empty segment that a jump of offsets leaves behind.
        if (end.Position == 0)
            Remove(sealedSegment);
        RemoveSegments(SegmentsBeforeStart());
        DeleteRemoved();
    }

    List<ManifestEdit> RollEdits(Segment sealedSegment, in SegmentCursor end, long baseOffset)
    {
        var state = _manifest!.State;
        var edits = new List<ManifestEdit>
        {
            end.Position > 0
                ? new ManifestEdit.SegmentSealed(
                    state.Active! with
                    {
                        LastAppendMs = sealedSegment.LastAppendMs,
                        AppendedBytes = 0,
                        Extent = new(end.NextOffset, end.Position),
                    }
                )
                : new ManifestEdit.SegmentsRemoved([sealedSegment.BaseOffset], state.LogStartOffset),
            new ManifestEdit.SegmentMade(new(baseOffset, Generation: 0)),
        };
        // A trim removed all records.
        if (_view.EarliestOffset >= baseOffset)
        {
            var before = state.Segments.Select(static segment => segment.BaseOffset);
            if (end.Position == 0)
                before = before.SkipLast(1);
            if (before.ToArray() is { Length: > 0 } removed)
                edits.Add(new ManifestEdit.SegmentsRemoved(removed, state.LogStartOffset));
        }
        return edits;
    }

    /// <summary>
    /// Compacts the manifest, then deletes the new segment's files. The manifest on the disk may name the new segment,
    /// so the files stay until it is replaced.
    /// </summary>
    void TryTakeBack(Segment next)
    {
        try
        {
            _manifest!.Compact();
            next.DeleteFiles();
        }
        catch (IOException exception)
        {
            StorageLog.ManifestFailed(_context.Environment.Logger, exception, _context.Directory);
        }
    }

    void SyncDirectory() => Sync(() => _context.Environment.FileSystem.SyncDirectory(_context.Directory));

    /// <summary>
    /// Syncs an index. An index is only a shortcut, but no reader checks it against the data. Entries lost in a failed
    /// sync could leave older ones in their place.
    /// </summary>
    void SyncIndex(IFile index) => Sync(index.Sync);

    void Sync(Action sync)
    {
        try
        {
            sync();
        }
        catch (IOException exception)
        {
            Stop($"A sync failed ({exception.Message})", exception);
            throw;
        }
    }

    /// <summary>
    /// Rolls back to the last whole batch after a failed write. The group is rejected, and later ones may succeed. The
    /// index may keep surplus entries. Later entries overwrite them, or they are cut when the segment is sealed.
    /// </summary>
    void GoBack(IOException exception)
    {
        var group = _group!;
        _group = null;
        try
        {
            _written = _written with
            {
                Cursor = group.Start,
                LastStampMs = group.StartStampMs,
                Producers = group.StartProducers,
            };
            if (group.Start.Position == 0)
                _activeSinceMs = null;
            // If the files could not even be opened, there is nothing to truncate.
            if (_lease?.Files.Data is { } data && data.LengthBytes > group.Start.Position)
                TakeBack(data, group.Start);
        }
        catch (IOException second)
        {
            Stop($"A failed write could not be taken back ({second.Message})", second);
        }
        // Logged once, not for each of the thousands of appends that a full disk rejects.
        if (!_writesFail)
            StorageLog.WriteFailed(_context.Environment.Logger, exception, _context.Directory, group.Requests.Count);
        _writesFail = true;
        AnswerInOrder(group, AppendFailure(exception));
    }

    /// <summary>
    /// Truncates bytes that no reader saw. Without a journal the truncation is synced. Otherwise a page of the failed
    /// write could reappear after a power cut among the bytes that are written there next. With a journal, a start
    /// knows the end. It cuts the bytes beyond the end and writes the ones before it again. The segment is synced
    /// before it is sealed, and before the journal stops recording the end.
    /// </summary>
    void TakeBack(IFile data, in SegmentCursor start)
    {
        data.Truncate(start.Position);
        if (_written.IsJournaled)
            _hasUnsyncedCut = true;
        else
            data.Sync();
        lock (_gate)
        {
            // A slice of a large group that is rolled back may have been synced.
            if (!_written.IsJournaled || IsAtOrBefore(start, _synced))
                SetSynced(start, isBatchEnd: true);
            LeaveUnsyncedIfSynced();
        }
    }

    /// <summary>The reason of appends that a full disk rejects.</summary>
    internal const string DiskFullReason =
        "The disk is full. What is in the log can be read; appends succeed again when there is room, "
        + "which trims (DELETE /topics/{topic}/records?before=) and deletions of topics make.";

    static AppendResult AppendFailure(IOException exception) =>
        exception is DiskFullException
            ? new(AppendStatus.DiskFull, Reason: DiskFullReason)
            : new(AppendStatus.WriteFailed, Reason: $"The disk refused a write: {exception.Message}");
}
