using System.Diagnostics;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

// From written to published. The turn moves written, and SetSynced moves synced. PublishReady moves journaled, and
// published under `always`. PublishWrittenGroup moves published under the other policies. A roll moves all four.
internal sealed partial class Appender
{
    // Guarded by _gate: written groups that are not published yet, in order.
    Queue<GroupUnit> InFlight => field ??= [];
    bool _isPublishing;
    bool _turnWaitsForDrain;

    // Guarded by _gate. The end of the written groups that were handed on. The turn's _written may be ahead of it.
    LogState _submitted;

    // The segment's file is synced up to here. The second counts whole batches only.
    SegmentCursor _synced;
    SegmentCursor _syncedBatchEnd;

    // Durable up to here, in the journal or in the segment. Moves with published under `always`.
    SegmentCursor _journaled;

    // Readers see the log up to here.
    LogState _published;
    bool _isUnsynced;

    // Whether the files of an unsynced log stay open. Otherwise only a sync of the volume reports a loss.
    bool _keepsFilesOpen = true;

    // The journal holds all unsynced bytes in rounds from this one on.
    ulong _unsyncedSinceRound;

    /// <summary>Whether the segment holds bytes that are durable only in the journal.</summary>
    public bool IsUnsynced => Volatile.Read(ref _isUnsynced);

    /// <summary>Whether the segment's files may be closed while it holds such bytes.</summary>
    public bool CanCloseFiles => _context.Syncer.CanSyncAll;

    /// <summary>Returns false if all groups are published. Otherwise the turn continues when they are.</summary>
    bool WaitsForDrain()
    {
        lock (_gate)
            return _turnWaitsForDrain = InFlight.Count > 0;
    }

    /// <summary>Hands a written group to the journal.</summary>
    void SubmitGroup(AppendGroup group, AppendGroup.Frame frame)
    {
        var entries = EntriesBefore(group.Start);
        var unit = new GroupUnit(this, group, _written, entries) { EnteredBytes = TakePlace() };
        unit.SetFrame(frame.Bytes, frame.SizeBytes);
        Submit(unit);
    }

    /// <summary>
    /// Records in one entry that the large group is in the segment, synced. The entry marks the end of a batch. Nothing
    /// else of the partition is in flight, so the entry can't cut off a later one's records.
    /// </summary>
    void SubmitSyncedGroup()
    {
        var group = _group!;
        _group = null;
        var cursor = _written.Cursor;
        JournalEntry[] entries =
        [
            .. EntriesBefore(group.Start),
            JournalPartition.Entry(JournalEntryKind.SyncedUpTo, cursor.BaseOffset, cursor.Position),
        ];
        Submit(new GroupUnit(this, group, _written, entries) { EnteredBytes = TakePlace() });
        if (!WaitsForDrain())
            EndTurn();
    }

    /// <summary>Asks the journal for room. Returns false while the turn waits for it.</summary>
    /// <exception cref="IOException">The journal has no room.</exception>
    bool TryEnterJournal(int unitBytes)
    {
        if (_entryFailure is { } entryFailure)
        {
            _entryFailure = null;
            throw entryFailure;
        }
        NextUnitBytes = unitBytes;
        if (!_context.Journal.TryEnter(this, out var failure))
            return failure is null ? false : throw failure;
        _hasPlace = true;
        return true;
    }

    /// <summary>Passes the reserved room on to the unit that is submitted next.</summary>
    int TakePlace()
    {
        _hasPlace = false;
        return NextUnitBytes;
    }

    /// <summary>Returns the reserved room to the journal, because the group is not submitted.</summary>
    void LeavePlace()
    {
        if (_hasPlace)
            _context.Journal.Leave(TakePlace());
    }

    void Submit(GroupUnit unit)
    {
        lock (_gate)
        {
            _submitted = unit.End;
            if (_isUnsynced)
            {
                LeaveUnsyncedIfSynced();
            }
            else if (_synced != unit.End.Cursor)
            {
                _unsyncedSinceRound = _context.Journal.LastRound + 1;
                Volatile.Write(ref _isUnsynced, true);
                // Comes before the journal has the unit: a checkpoint that finds its file sealed must find this log
                // too.
                _keepsFilesOpen = _context.Journal.AddUnsynced(this);
            }
            InFlight.Enqueue(unit);
        }
        _context.Journal.Submit(unit);
    }

    /// <summary>Returns the entries that must precede a group's records in the journal.</summary>
    JournalEntry[] EntriesBefore(in SegmentCursor start)
    {
        if (_written.IsJournaled && !_isSegmentNew)
            return [];
        var kind = _written.IsJournaled ? JournalEntryKind.SegmentMade : JournalEntryKind.JournalingBegins;
        (_written, _isSegmentNew) = (_written with { IsJournaled = true }, false);
        return [JournalPartition.Entry(kind, start.BaseOffset, start.Position)];
    }

    /// <summary>
    /// Ends journaling after the flush policy has become a laxer one. Once the entry is durable, a start finds the end
    /// of the log by reading, as that policy needs. All written data is published and synced before. The turn waits for
    /// the entry.
    /// </summary>
    void EndJournaling()
    {
        var cursor = _written.Cursor;
        var ends = JournalPartition.Entry(JournalEntryKind.JournalingEnds, cursor.BaseOffset, cursor.Position);
        _context.Journal.Submit(
            new PartitionUnit(
                JournalPartition,
                ends,
                failure =>
                {
                    if (failure is not null)
                        StopForJournal(failure);
                    _written = _written with { IsJournaled = false };
                    lock (_gate)
                    {
                        _submitted = _submitted with { IsJournaled = false };
                        _published = _published with { IsJournaled = false };
                    }
                    ScheduleTurn();
                }
            )
            {
                EnteredBytes = TakePlace(),
            }
        );
    }

    /// <summary>
    /// Notes that a group is durable, or that its outcome is unknown. The first caller publishes all groups that are
    /// due, in order.
    /// </summary>
    internal void GroupCommitted(GroupUnit unit, IOException? failure)
    {
        lock (_gate)
        {
            (unit.IsDone, unit.Failure) = (true, failure);
            if (_isPublishing)
                return;
            _isPublishing = true;
        }
        while (PublishReady()) { }
    }

    bool PublishReady()
    {
        var ready = new List<GroupUnit>();
        var hasGrown = false;
        var nowMs = _context.Environment.NowMs;
        IOException? failure = null;
        lock (_gate)
        {
            while (InFlight.TryPeek(out var unit) && unit.IsDone)
            {
                ready.Add(InFlight.Dequeue());
                failure ??= unit.Failure;
                if (_refusal is not null || failure is not null || unit.Refusal is not null)
                    continue;
                hasGrown |= unit.End.Cursor != _published.Cursor;
                _journaled = unit.End.Cursor;
                _published = unit.End;
                unit.IsPublished = true;
            }
            if (ready.Count == 0)
            {
                _isPublishing = false;
                var resumesTurn = _turnWaitsForDrain && InFlight.Count == 0;
                if (resumesTurn)
                    _turnWaitsForDrain = false;
                else
                    ReleaseIdleLease();
                if (resumesTurn)
                    ScheduleTurn();
                return false;
            }
            if (hasGrown)
                ShowPublished(nowMs);
        }
        if (failure is not null)
            StopForJournal(failure);
        if (hasGrown)
            Waiters.Grown();
        foreach (var unit in ready)
            Answer(unit.Group, unit.IsPublished ? null : StopOr(unit.Refusal));
        return true;
    }

    /// <summary>
    /// Publishes a group before it is durable, as the flush policy allows. If the policy has become <c>always</c>
    /// meanwhile, a sync comes first, because responses from then on promise durability.
    /// </summary>
    void PublishWrittenGroup()
    {
        bool isSyncDue;
        var hasGrown = false;
        lock (_gate)
        {
            isSyncDue = _refusal is null && _configuration.Flush.IsAlways && _synced != _written.Cursor;
            if (_refusal is null && !isSyncDue)
            {
                hasGrown = _published.Cursor != _written.Cursor;
                (_submitted, _published) = (_written, _written);
                if (hasGrown)
                    ShowPublished(_context.Environment.NowMs);
            }
        }
        if (isSyncDue)
        {
            SubmitTurnSync();
            return;
        }
        if (hasGrown)
            Waiters.Grown();
        // Comes before the responses: a later change of the configuration must still keep the promise they make.
        SyncInBackground();
        Answer(_group!, StopOr(refusal: null));
        _group = null;
        EndTurn();
    }

    /// <summary>Under <c>_gate</c>: makes the published records visible to readers.</summary>
    void ShowPublished(long nowMs)
    {
        // Comes before readers see the records, because retention looks at the view first.
        Active.LastAppendMs = nowMs;
        var grownBytes = _view.GrownBytes + _published.Cursor.Position - _view.End.Position;
        _view = _view with { End = _published.End, IsDurable = IsPublishedDurable, GrownBytes = grownBytes };
        AssertWatermarks();
    }

    /// <summary>Under <c>_gate</c>.</summary>
    bool IsPublishedDurable => _journaled == _published.Cursor || IsAtOrBefore(_published.Cursor, _synced);

    /// <summary>Under <c>_gate</c>: notes that the segment's file is synced up to a position.</summary>
    void SetSynced(in SegmentCursor cursor, bool isBatchEnd)
    {
        _synced = cursor;
        if (isBatchEnd)
            _syncedBatchEnd = cursor;
        if (!_view.IsDurable && IsPublishedDurable)
            _view = _view with { IsDurable = true };
        AssertWatermarks();
    }

    /// <summary>
    /// Under <c>_gate</c>: returns whether a position lies in an earlier segment, or not after another one in the same
    /// segment.
    /// </summary>
    static bool IsAtOrBefore(in SegmentCursor cursor, in SegmentCursor other) =>
        cursor.BaseOffset < other.BaseOffset
        || (cursor.BaseOffset == other.BaseOffset && cursor.Position <= other.Position);

    /// <summary>Under <c>_gate</c>.</summary>
    [Conditional("DEBUG")]
    void AssertWatermarks()
    {
        Debug.Assert(IsAtOrBefore(_published.Cursor, _submitted.Cursor), "published is beyond written");
        Debug.Assert(_group is not null || IsAtOrBefore(_synced, _submitted.Cursor), "synced is beyond written");
        Debug.Assert(
            _view.End.Position <= _submitted.Cursor.Position || _view.Active.BaseOffset != _submitted.Cursor.BaseOffset,
            "readers see unwritten records"
        );
        Debug.Assert(!_view.IsDurable || IsPublishedDurable, "the view is marked durable and is not");
    }

    /// <summary>Returns the refusal of a stopped partition, or else <paramref name="refusal"/>.</summary>
    AppendResult? StopOr(AppendResult? refusal)
    {
        lock (_gate)
            return _refusal ?? refusal;
    }

    /// <summary>Completes a group's requests, each with its own result, or all with a refusal.</summary>
    static void Answer(AppendGroup group, AppendResult? refusal)
    {
        foreach (var request in group.Requests)
        {
            if (refusal is { } result)
                request.Complete(result);
            else
                request.Acknowledge();
        }
    }

    /// <summary>
    /// Stops the partition, because the journal could not make a group durable. The next start finds out whether it
    /// did. Durable records stay readable.
    /// </summary>
    void StopForJournal(IOException exception) =>
        Stop($"The journal could not be written ({exception.Message})", exception);

    /// <summary>
    /// Rejects all further writes. The disk reports lost bytes only once, and bytes that another program cut are gone.
    /// Readers see the durable records, and the next start checks the rest.
    /// </summary>
    void Stop(string cause, IOException? exception)
    {
        AppendRequest[] waiting;
        TrimRequest[] trims;
        AppendResult refusal;
        bool isCutBack;
        lock (_gate)
        {
            if (_refusal is not null)
                return;
            _refusal = refusal = Stopped(cause);
            (waiting, trims) = ([.. Waiting], [.. Trims]);
            Waiting.Clear();
            Trims.Clear();
            _waitingBytes = 0;
            isCutBack = !IsPublishedDurable;
            // A slice of a batch can be durable, but readers see only whole batches.
            if (isCutBack)
                ShowOnly(_syncedBatchEnd);
        }
        StorageLog.PartitionStopped(_context.Environment.Logger, exception, _context.Directory, refusal.Reason!);
        if (isCutBack)
            Waiters.Shrunk();
        foreach (var request in waiting)
            request.Complete(refusal);
        foreach (var trim in trims)
            trim.Refuse(refusal);
    }

    static AppendResult Stopped(string cause) =>
        new(
            AppendStatus.PartitionStopped,
            Reason: $"{cause}, so the partition takes no more writes until the server is restarted on a healthy disk. "
                + "What was durable is served."
        );

    /// <summary>Under <c>_gate</c>: moves the end that readers see back to an earlier position.</summary>
    void ShowOnly(in SegmentCursor end)
    {
        var shown = new SegmentEnd(end.Position, end.NextOffset, end.MaxTimestampMs, end.IndexEntries);
        var grownBytes = _view.GrownBytes - (_view.End.Position - end.Position);
        _view = _view with { End = shown, IsDurable = true, GrownBytes = grownBytes };
    }
}
