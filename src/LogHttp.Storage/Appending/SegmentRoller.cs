using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>Decides when a segment is full or old, seals it and begins the next. Used by the turn.</summary>
internal sealed class SegmentRoller(Appender appender)
{
    // When the active segment was begun, Unix milliseconds. Null until it is first needed.
    long? _activeSinceMs;

    long RollMs => appender.Queue.Configuration.RollMs;

    /// <summary>Returns whether the next batch must go to another segment.</summary>
    public bool NeedsRoll(in SegmentCursor written, AppendRequest next) =>
        (
            written.Position > 0
            && (written.Position + next.MaxFramedBytes > appender.Queue.Configuration.RollBytes || IsActiveOld())
        ) || IsFarAhead(next, written.NextOffset, written.BaseOffset);

    /// <summary>
    /// Returns whether the batch's offsets go beyond the range of the segment's index. Offsets given by the client can
    /// jump that far, and later ones count on from there.
    /// </summary>
    public static bool IsFarAhead(AppendRequest next, long nextOffset, long baseOffset) =>
        next.OffsetAfter(nextOffset) - baseOffset > uint.MaxValue;

    /// <summary>
    /// Returns the base offset of the next segment: the end of this one, even before a gap. So a missing segment can be
    /// told from offsets that were never used. If the offsets jump beyond the range of an index, the segment begins
    /// after the jump.
    /// </summary>
    public static long NextBaseOffset(in SegmentCursor written, AppendRequest next) =>
        IsFarAhead(next, written.NextOffset, baseOffset: written.NextOffset)
            ? Math.Max(written.NextOffset, next.Batch.ExplicitStampOf(0).Offset)
            : written.NextOffset;

    /// <summary>Notes that the active segment has its first records.</summary>
    public void NoteFirstWrite(long nowMs) => _activeSinceMs ??= nowMs;

    /// <summary>Notes that the active segment is empty.</summary>
    public void NoteEmpty() => _activeSinceMs = null;

    /// <summary>
    /// Begins a new segment, and returns its start. All written data is synced and published before. The index is
    /// synced first, then the new file's name, then the manifest that names it. Only then is the segment written. So a
    /// segment that has a successor is complete. This takes three syncs.
    /// </summary>
    /// <exception cref="IOException">The active segment is still the last one.</exception>
    public LogState Roll(in LogState written, long baseOffset)
    {
        var keeper = appender.ManifestKeeper;
        // Otherwise the manifest on the disk may name a file that is replaced below.
        keeper.ReplaceIfDamaged();
        var sealedSegment = appender.View.Active;
        var end = written.Cursor;
        CompleteIndex(ref end);
        var next = appender.Context.NewSegment(baseOffset);
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
            appender.Manifest!.Append(RollEdits(sealedSegment, end, baseOffset), isDurable: true);
        }
        catch (IOException)
        {
            TryDiscard(next);
            throw;
        }
        appender.Turn.CloseFiles();
        NoteEmpty();
        if (end.Position > 0)
            sealedSegment.Seal(LogState.EndOf(end));
        var start = written with { Cursor = new SegmentCursor(baseOffset) };
        var segments = appender.View.Segments;
        lock (appender.Gate)
        {
            appender.Watermarks.BeginSegment(
                start,
                made: next,
                before: end.Position > 0 ? segments : segments.Remove(sealedSegment)
            );
        }
        // An empty segment that a jump of offsets leaves behind.
        if (end.Position == 0)
            keeper.Remove(sealedSegment);
        keeper.RemoveSegmentsBeforeStart();
        return start;
    }

    /// <summary>
    /// Returns whether the active segment is old enough to be sealed. Otherwise new records would keep retention from
    /// deleting its old ones. Always false for a topic without a retention time.
    /// </summary>
    bool IsActiveOld()
    {
        if (RollMs == 0)
            return false;
        // After a restart only the first record's timestamp tells. A client may have set it. It is believed once.
        _activeSinceMs ??= FirstTimestampMs();
        return appender.Context.Environment.NowMs - _activeSinceMs >= RollMs;
    }

    long FirstTimestampMs()
    {
        var head = new byte[RecordFormat.MaxHeadBytes];
        var read = appender.Turn.OpenFiles().Data.Read(head, 0);
        return RecordFormat.TryReadHead(head.AsSpan(0, read), out var first)
            ? first.TimestampMs
            : appender.Context.Environment.NowMs;
    }

    /// <summary>Ends the last block, and syncs the index.</summary>
    void CompleteIndex(ref SegmentCursor end)
    {
        var index = appender.Turn.OpenFiles().Index;
        if (end.BlockPosition != end.Position)
            IndexFile.Write(index, end.BaseOffset, end.IndexEntries, [end.CloseBlock()]);
        // A crash or a failed write may have left index entries of lines that no longer exist. A complete index ends
        // with the segment. The index of an empty segment, which a jump of offsets leaves behind, has no entries.
        IndexFile.Truncate(index, end.IndexEntries);
        appender.Publication.SyncIndex(index);
    }

    void SyncDirectory()
    {
        var context = appender.Context;
        appender.Publication.SyncOrStop(() => context.Environment.FileSystem.SyncDirectory(context.Directory));
    }

    List<ManifestEdit> RollEdits(Segment sealedSegment, in SegmentCursor end, long baseOffset)
    {
        var state = appender.Manifest!.State;
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
        if (appender.View.EarliestOffset >= baseOffset)
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
    void TryDiscard(Segment next)
    {
        try
        {
            appender.Manifest!.Compact();
            next.DeleteFiles();
        }
        catch (IOException exception)
        {
            appender.ManifestKeeper.LogFailure(exception);
        }
    }
}
