using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

// Sealing the active segment and going on in a new one, and going back when a write failed.
internal sealed partial class Appender
{
    bool NeedsRoll(AppendRequest next) =>
        (
            _written.Cursor.Position > 0
            && (_written.Cursor.Position + next.MaxFramedBytes > _configuration.RollBytes || IsActiveOld())
        ) || IsFarAhead(next, _written.Cursor.NextOffset);

    /// <summary>
    /// Where records are kept for some time only: whether the active segment was begun so long ago that what comes now
    /// should not hold it back.
    /// </summary>
    bool IsActiveOld()
    {
        if (_configuration.RollMs == 0)
            return false;
        // Before the start only its first record knows. That time may have been given from outside: it is believed
        // once.
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
    /// Offsets given from outside can jump further than the index of a segment can say, and others count on from
    /// there.
    /// </summary>
    bool IsFarAhead(AppendRequest next, long nextOffset) =>
        next.OffsetAfter(nextOffset) - _written.Cursor.BaseOffset > uint.MaxValue;

    /// <summary>
    /// Where the next segment begins: where this one ends, also before a gap, so that a segment that is missing can be
    /// told from offsets that were never given out. Where offsets jump further than an index can say, it begins there.
    /// </summary>
    long BaseFor(AppendRequest next) =>
        next.OffsetAfter(_written.Cursor.NextOffset) - _written.Cursor.NextOffset > uint.MaxValue
            ? Math.Max(_written.Cursor.NextOffset, next.Batch.GivenTo(0).Offset)
            : _written.Cursor.NextOffset;

    /// <summary>
    /// Begins a new segment. All that was written is synced and published. The index is synced before the new name is,
    /// the new name before the manifest names it, and the manifest before anything is written to the segment. So a
    /// segment that has a successor is whole. This takes three syncs.
    /// </summary>
    void Roll(long baseOffset)
    {
        // Else a file that is replaced below may be one that the manifest on the disk names.
        if (_manifest!.MustReplace)
            _manifest.Compact();
        var sealedSegment = Active;
        var end = _written.Cursor;
        var files = TurnFiles();
        if (end.BlockPosition != end.Position)
            IndexFile.Write(files.Index, end.BaseOffset, end.IndexEntries, [end.CloseBlock()]);
        // A crash, or a write that failed, may have left entries of lines that are no more. A complete index ends with
        // the segment, and that of an empty one, which offsets given from outside pass by, has none.
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
                // No record has moved it, also where an empty segment was made for an offset far ahead.
                End = _written.End with
                {
                    NextOffset = _view.End.NextOffset,
                },
                IsDurable = true,
            };
            AssertWatermarks();
        }
        // An empty segment that offsets given from outside have passed by.
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
        // A trim took all.
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

    /// <summary>The manifest may name the new segment on the disk: its files stay until it is replaced.</summary>
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
    /// An index is only a shortcut, but one that nothing looks behind: entries lost to a failed sync may leave older
    /// ones in their place.
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
    /// After a failed write: back to the last whole batch. The group is refused. Later ones may succeed. The index may
    /// keep what it has too much: it is written over, or cut when the segment is sealed.
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
            // Where the files could not even be opened there is nothing to take back.
            if (_lease?.Files.Data is { } data && data.LengthBytes > group.Start.Position)
                TakeBack(data, group.Start);
        }
        catch (IOException second)
        {
            Stop($"A failed write could not be taken back ({second.Message})", second);
        }
        // Said once, not for each of the thousands that a full disk refuses.
        if (!_writesFail)
            StorageLog.WriteFailed(_context.Environment.Logger, exception, _context.Directory, group.Requests.Count);
        _writesFail = true;
        AnswerInOrder(group, AppendFailure(exception));
    }

    /// <summary>
    /// Takes bytes back that no reader saw. Without a journal, durably: a page of the failed write could otherwise
    /// turn up after a power cut among the bytes that are written there next. With one, a start knows the end, cuts
    /// what lies beyond, and writes again what lies before. The segment is synced before it is sealed, or before the
    /// journal ceases to know the end.
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
            // A slice of a large group that is taken back may have been synced.
            if (!_written.IsJournaled || IsAtOrBefore(start, _synced))
                SetSynced(start, isBatchEnd: true);
        }
    }

    /// <summary>What an append to a full disk is told.</summary>
    internal const string DiskFullReason =
        "The disk is full. What is in the log can be read; appends succeed again when there is room, "
        + "which trims (DELETE /topics/{topic}/records?before=) and deletions of topics make.";

    static AppendResult AppendFailure(IOException exception) =>
        exception is DiskFullException
            ? new(AppendStatus.DiskFull, Reason: DiskFullReason)
            : new(AppendStatus.WriteFailed, Reason: $"The disk refused a write: {exception.Message}");
}
