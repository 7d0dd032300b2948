using System.Collections.Immutable;
using System.Diagnostics;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>
/// How far one partition is submitted, synced, journaled and published, and the view that readers have of it. The
/// position up to which it is written belongs to the <see cref="AppendTurn"/>.
/// </summary>
/// <remarks>
/// All members are used under the partition's lock, except for <see cref="View"/>. A turn without a sync beside it may
/// read <see cref="Synced"/> without the lock.
/// </remarks>
internal sealed class Watermarks
{
    LogState _submitted;
    LogState _published;
    SegmentCursor _synced;

    // The last position up to which the file is synced, and at which a whole batch ends.
    SegmentCursor _syncedBatchEnd;

    // Durable up to here, in the journal or in the segment. Moves with published under `always`.
    SegmentCursor _journaled;

    volatile LogView _view;

    public Watermarks(RecoveredPartition found)
    {
        _submitted = _published = new(found.Written, found.LastStampMs, found.Producers, found.IsJournaled);
        _synced = _syncedBatchEnd = _journaled = found.Written;
        _view = found.View;
    }

    /// <summary>Readers see this part of the log. Any thread.</summary>
    public LogView View => _view;

    /// <summary>The end of the written groups that were handed on. The turn may have written more.</summary>
    public ref readonly LogState Submitted => ref _submitted;

    /// <summary>Readers see the log up to here.</summary>
    public ref readonly LogState Published => ref _published;

    /// <summary>The active segment's file is synced up to here, perhaps within a batch.</summary>
    public ref readonly SegmentCursor Synced => ref _synced;

    /// <summary>Whether the file is synced up to the end of all groups that were handed on.</summary>
    public bool IsSubmittedSynced => _synced == _submitted.Cursor;

    /// <summary>Whether everything that readers see is durable.</summary>
    public bool IsPublishedDurable => _journaled == _published.Cursor || IsAtOrBefore(_published.Cursor, _synced);

    /// <summary>
    /// Whether the journal decides the log's end, and how many bytes of the active segment are durable only in the
    /// journal.
    /// </summary>
    public (bool IsJournaled, long UnsyncedBytes) JournalPosition
    {
        get
        {
            var isJournaled = _published.IsJournaled;
            var isSameSegment = _published.Cursor.BaseOffset == _synced.BaseOffset;
            var unsyncedBytes = isJournaled && isSameSegment ? _published.Cursor.Position - _synced.Position : 0;
            return (isJournaled, Math.Max(0, unsyncedBytes));
        }
    }

    /// <summary>
    /// Returns whether a position lies in an earlier segment, or not after another one in the same segment.
    /// </summary>
    public static bool IsAtOrBefore(in SegmentCursor cursor, in SegmentCursor other) =>
        cursor.BaseOffset < other.BaseOffset
        || (cursor.BaseOffset == other.BaseOffset && cursor.Position <= other.Position);

    /// <summary>Notes that a written group is handed on.</summary>
    public void Submit(in LogState end) => _submitted = end;

    /// <summary>
    /// Notes that a group is durable, and so published. Returns whether the log has grown. Then call
    /// <see cref="ShowPublished"/> before the lock is left.
    /// </summary>
    public bool PublishJournaled(in LogState end)
    {
        var hasGrown = end.Cursor != _published.Cursor;
        _journaled = end.Cursor;
        _published = end;
        return hasGrown;
    }

    /// <summary>
    /// Publishes a group before it is durable. Returns whether the log has grown. Then call
    /// <see cref="ShowPublished"/> before the lock is left.
    /// </summary>
    public bool PublishWritten(in LogState written)
    {
        var hasGrown = _published.Cursor != written.Cursor;
        (_submitted, _published) = (written, written);
        return hasGrown;
    }

    /// <summary>Makes the published records visible to readers.</summary>
    public void ShowPublished(long nowMs)
    {
        // Comes before readers see the records, because retention looks at the view first.
        _view.Active.LastAppendMs = nowMs;
        var grownBytes = _view.GrownBytes + _published.Cursor.Position - _view.End.Position;
        _view = _view with { End = _published.End, IsDurable = IsPublishedDurable, GrownBytes = grownBytes };
        AssertBounds(isSyncedSubmitted: true);
    }

    /// <summary>Notes that the segment's file is synced up to a position.</summary>
    /// <param name="cursor">The position.</param>
    /// <param name="isBatchEnd">Whether a whole batch ends there.</param>
    /// <param name="isSubmitted">Whether the groups up to there were handed on. A large group is synced before.</param>
    public void SetSynced(in SegmentCursor cursor, bool isBatchEnd, bool isSubmitted)
    {
        _synced = cursor;
        if (isBatchEnd)
            _syncedBatchEnd = cursor;
        if (!_view.IsDurable && IsPublishedDurable)
            _view = _view with { IsDurable = true };
        AssertBounds(isSubmitted);
    }

    /// <summary>Notes that the journal no longer decides the log's end.</summary>
    public void EndJournaling()
    {
        _submitted = _submitted with { IsJournaled = false };
        _published = _published with { IsJournaled = false };
    }

    /// <summary>Moves all watermarks to a new segment. All groups are published and synced before.</summary>
    public void BeginSegment(in LogState start, Segment made, ImmutableArray<Segment> before)
    {
        (_submitted, _published) = (start, start);
        _synced = _syncedBatchEnd = _journaled = start.Cursor;
        _view = _view with
        {
            Segments = before.Add(made),
            // No record has moved the next offset, even if an empty segment was created for an offset far ahead.
            End = start.End with
            {
                NextOffset = _view.End.NextOffset,
            },
            IsDurable = true,
        };
        AssertBounds(isSyncedSubmitted: true);
    }

    /// <summary>Hides the records before an offset from readers.</summary>
    public void MoveStart(long offset) => _view = _view with { EarliestOffset = offset };

    /// <summary>Removes the first segments from the view.</summary>
    public void RemoveSegments(int count) => _view = _view with { Segments = _view.Segments[count..] };

    /// <summary>Makes readers wait for a task. Null ends it.</summary>
    public void HoldReaders(Task? repaired) => _view = _view with { Repaired = repaired };

    /// <summary>
    /// Moves the end that readers see back to the last batch that is synced as a whole. A slice of a batch can be
    /// durable, but readers see only whole batches.
    /// </summary>
    public void HideUnsynced()
    {
        var grownBytes = _view.GrownBytes - (_view.End.Position - _syncedBatchEnd.Position);
        _view = _view with { End = LogState.EndOf(_syncedBatchEnd), IsDurable = true, GrownBytes = grownBytes };
    }

    /// <summary>Whether readers see records after the last batch that is synced as a whole.</summary>
    public bool IsUnsyncedVisible => _view.End.Position > _syncedBatchEnd.Position;

    [Conditional("DEBUG")]
    void AssertBounds(bool isSyncedSubmitted)
    {
        Debug.Assert(IsAtOrBefore(_published.Cursor, _submitted.Cursor), "published is beyond written");
        Debug.Assert(!isSyncedSubmitted || IsAtOrBefore(_synced, _submitted.Cursor), "synced is beyond written");
        Debug.Assert(
            _view.End.Position <= _submitted.Cursor.Position || _view.Active.BaseOffset != _submitted.Cursor.BaseOffset,
            "readers see unwritten records"
        );
        Debug.Assert(!_view.IsDurable || IsPublishedDurable, "the view is marked durable and is not");
    }
}
