using System.Globalization;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>
/// The turn of one partition: takes a group of requests from the queue and writes it to the segment. Also runs what
/// must not happen beside a write: repairs, trims, changes of the manifest, the closing.
/// </summary>
/// <remarks>
/// One thread at a time: a work item of the append scheduler, or the operation that the turn waits for. So the fields
/// need no lock. <see cref="CloseIdleFiles"/> is the exception.
/// </remarks>
internal sealed partial class AppendTurn
{
    readonly Appender _appender;

    AppendGroup? _group;
    LogState _written;

    // Whether the group must be durable before it is published. The configuration may change at any time.
    bool _isAlways;
    bool _writesFail;
    bool _isSegmentNew;

    // Requests of a group that a failed sync rolled back. The next step completes them, because other syncs wait for
    // the sync's thread.
    RequestCompletions? _completions;

    // Keeps the active segment's files open.
    SegmentLease? _lease;

    public AppendTurn(Appender appender, RecoveredPartition found)
    {
        _appender = appender;
        _written = new(found.Written, found.LastStampMs, found.Producers, found.IsJournaled);
        _hasUnsyncedCut = found.IsJournaled;
    }

    /// <summary>The room in the journal for the next unit.</summary>
    public JournalReservation Reservation => field ??= new(_appender);

    // Both are allocated lazily: most partitions are idle.
    SegmentRoller Roller => field ??= new(_appender);

    PartitionContext Context => _appender.Context;

    /// <summary>
    /// Whether the group bypasses the journal. It does if it is large, because its bytes would be written twice for
    /// little gain. It also does if its segment is on another volume, which must not delay the journal.
    /// </summary>
    bool IsLarge => BypassesJournal(_group!.MaxFramedBytes);

    /// <summary>
    /// One step of a turn: a repair, a trim, a group or a slice of it, or the end. If the step waits, it runs again
    /// afterwards.
    /// </summary>
    public void Run()
    {
        if (_completions is { } completions)
        {
            _completions = null;
            completions.Run();
        }
        if ((_group is null || _group.Cursor == _group.Start) && TryRunRepair())
            return;
        var isGroupSynced = _isGroupSynced;
        _isGroupSynced = false;
        if (_group is not null && RefuseStopped())
            return;
        if (isGroupSynced)
        {
            Publish();
            return;
        }
        if (_group is null)
        {
            if (TryRunTrim())
                return;
            _appender.ManifestKeeper.RunSteps();
            if (!TryBeginGroup())
            {
                End();
                return;
            }
        }
        try
        {
            var nowMs = Context.Environment.NowMs;
            if (_group!.Cursor == _group.Start)
            {
                if (_group.FirstToWrite(nowMs) is not { } first)
                {
                    RefuseAll(nowMs);
                    return;
                }
                if (StopIfCut() && RefuseStopped())
                    return;
                if (!TryPrepare(first))
                    return;
            }
            Write(nowMs);
        }
        catch (IOException exception)
        {
            var rolledBack = RollBack(exception);
            _appender.ScheduleTurn();
            rolledBack?.Run();
        }
    }

    /// <summary>Returns the active segment's files. They stay open until the partition needs them no more.</summary>
    public SegmentFiles OpenFiles() => (_lease ??= _appender.View.Active.Acquire(isSealed: false)).Files;

    public void CloseFiles()
    {
        _lease?.Dispose();
        _lease = null;
    }

    /// <summary>
    /// Under the partition's lock: closes the active segment if no turn runs and its bytes are all synced, or are
    /// synced with the whole volume. Any thread.
    /// </summary>
    public void CloseIdleFiles()
    {
        if (
            !_appender.Queue.IsTurnTaken
            && _appender.Publication.IsDrained
            && (_appender.Watermarks.IsSubmittedSynced || !_appender.Syncs.KeepsFilesOpen)
        )
            CloseFiles();
    }

    bool TryRunRepair()
    {
        SegmentRepair? repair;
        lock (_appender.Gate)
        {
            repair = _appender.Queue.Repair;
            if (repair is null)
                return false;
            // A sync beside the repair could take the error that the repair must get.
            if (_appender.Syncs.TurnWaits())
                return true;
        }
        // Bytes that are not in the journal yet can't be written again from it.
        if (_appender.Publication.TurnWaits())
            return true;
        repair.Run();
        _appender.ScheduleTurn();
        return true;
    }

    bool TryBeginGroup()
    {
        List<AppendRequest> requests;
        var (start, nextOffset) = (_written.Cursor.Position, _written.Cursor.NextOffset);
        var position = start;
        lock (_appender.Gate)
        {
            var queue = _appender.Queue;
            if (queue.Gathers)
                return false;
            requests = new(queue.WaitingRequests);
            // A group never crosses into a new segment, so that a rollback stays within one segment. A journaled group
            // stays below the size from which it would bypass the journal. A large request takes others along: they
            // share its sync.
            var isJournaled =
                queue.Configuration.Flush.IsAlways
                && queue.PeekRequest() is { } first
                && !BypassesJournal(first.MaxFramedBytes);
            var groupBytes = isJournaled ? Context.Options.JournalGroupBytes - 1 : Context.Options.MaxGroupBytes;
            while (
                queue.PeekRequest() is { } next
                && (
                    requests.Count == 0
                    || (
                        position + next.MaxFramedBytes <= Math.Min(queue.Configuration.RollBytes, start + groupBytes)
                        && !SegmentRoller.IsFarAhead(next, nextOffset, _written.Cursor.BaseOffset)
                    )
                )
            )
            {
                requests.Add(queue.DequeueRequest());
                position += next.MaxFramedBytes;
                nextOffset = next.OffsetAfter(nextOffset);
            }
        }
        if (requests.Count == 0)
            return false;
        _group = new AppendGroup(requests, _written.Cursor, _written.LastStampMs, _written.Producers);
        // The failure belongs to an earlier group.
        Reservation.Failure = null;
        return true;
    }

    bool BypassesJournal(long framedBytes) =>
        !Context.IsOnJournaledVolume || framedBytes >= Context.Options.JournalGroupBytes;

    /// <summary>
    /// Stops the partition if another program has truncated the open segment. Bytes written beyond its end would leave
    /// a hole of zeros. Returns true if the partition has stopped.
    /// </summary>
    bool StopIfCut()
    {
        var lengthBytes = _written.Cursor.Position;
        if (lengthBytes == 0 || OpenFiles().Data.LengthBytes is var foundBytes && foundBytes >= lengthBytes)
            return false;
        _appender.Publication.Stop(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{_appender.View.Active.DataPath} has {foundBytes} of the {lengthBytes} bytes that were written: "
                    + $"another program cut it"
            ),
            exception: null
        );
        return true;
    }

    /// <summary>
    /// Begins the work that must precede the group's write. Returns false if the turn waits for it, or the group is
    /// rejected.
    /// </summary>
    bool TryPrepare(AppendRequest first)
    {
        _appender.ManifestKeeper.ReplaceIfDamaged();
        if (Roller.NeedsRoll(_written.Cursor, first))
        {
            if (_appender.Publication.TurnWaits() || WaitsForWholeSync())
                return false;
            Roll(SegmentRoller.NextBaseOffset(_written.Cursor, first));
            _group = new AppendGroup(_group!.Requests, _written.Cursor, _written.LastStampMs, _written.Producers);
        }
        _isAlways = _appender.Queue.Configuration.Flush.IsAlways;
        if (!_isAlways && !_written.IsJournaled)
            return true;
        if (_isAlways != _written.IsJournaled && (_appender.Publication.TurnWaits() || WaitsForWholeSync()))
            return false;
        if (_isAlways && IsLarge && _appender.Publication.TurnWaits())
            return false;
        // One entry may precede the records. A large group has one entry, which marks its end.
        var recordBytes = _isAlways && !IsLarge ? (int)_group!.MaxFramedBytes : 0;
        if (!Reservation.TryReserve(JournalFormat.EncodedBytes(0) + JournalFormat.EncodedBytes(recordBytes)))
            return false;
        if (!_isAlways)
            EndJournaling();
        return _isAlways;
    }

    void Roll(long baseOffset)
    {
        _written = Roller.Roll(_written, baseOffset);
        _isSegmentNew = true;
    }

    void Write(long nowMs)
    {
        var group = _group!;
        var files = OpenFiles();
        var isJournaled = _isAlways && !IsLarge;
        var sliceBytes = isJournaled ? int.MaxValue : Context.Options.MaxGroupBytes;
        var frame = group.WriteSlice(files, sliceBytes, nowMs, keepsFrame: isJournaled);
        _written = _written with
        {
            Cursor = group.Cursor,
            LastStampMs = group.LastStampMs,
            Producers = group.Producers,
        };
        if (group.Start.Position == 0 && _written.Cursor.Position > 0)
            Roller.NoteFirstWrite(nowMs);
        if (
            Checkpoint.MaxEncodedBytes(group.Producers) > Checkpoint.MaxEncodedBytes(group.StartProducers)
            && Context.Reserve.Request(Checkpoint.MaxEncodedBytes(group.Producers))
        )
            Context.Reserve.Keep();
        _writesFail = false;
        if (isJournaled)
        {
            _group = null;
            SubmitGroup(group, frame);
            End();
        }
        else if (_isAlways)
        {
            SubmitSync();
        }
        else if (!group.IsWritten)
        {
            _appender.ScheduleTurn();
        }
        else
        {
            Publish();
        }
    }

    void Publish()
    {
        if (PublishWrittenGroup() is { } completions)
            End(completions);
    }

    /// <summary>
    /// Publishes a group before it is durable, as the flush policy allows. If the policy has become <c>always</c>
    /// meanwhile, a sync comes first, because responses from then on promise durability.
    /// </summary>
    /// <returns>The requests to complete, or null if the turn waits for a sync.</returns>
    RequestCompletions? PublishWrittenGroup()
    {
        bool isSyncDue;
        var hasGrown = false;
        lock (_appender.Gate)
        {
            var (queue, watermarks) = (_appender.Queue, _appender.Watermarks);
            isSyncDue = !queue.IsStopped && queue.Configuration.Flush.IsAlways && watermarks.Synced != _written.Cursor;
            if (!queue.IsStopped && !isSyncDue)
            {
                hasGrown = watermarks.PublishWritten(_written);
                if (hasGrown)
                    watermarks.ShowPublished(Context.Environment.NowMs);
            }
        }
        if (isSyncDue)
        {
            SubmitSync();
            return null;
        }
        if (hasGrown)
            _appender.Waiters.Grown();
        // Comes before the responses: a later change of the configuration must still keep the promise they make.
        _appender.Syncs.SyncInBackground();
        var completions = _appender.Publication.BeginCompletions();
        completions.Add(_group!.Requests, _appender.Publication.StopOr(refusal: null));
        _group = null;
        return completions;
    }

    /// <summary>Ends the turn if nothing waits. The closing turn never ends.</summary>
    /// <param name="completions">
    /// Requests to complete. The next turn does not wait for them, and the closing comes after them.
    /// </param>
    void End(RequestCompletions? completions = null)
    {
        bool isIdle;
        bool isClosing;
        lock (_appender.Gate)
        {
            (isIdle, isClosing) = (_appender.Queue.IsIdle, _appender.Queue.IsClosing);
            if (isIdle && !isClosing)
            {
                _appender.Queue.EndTurn();
                CloseIdleFiles();
            }
        }
        if (!isIdle)
            _appender.ScheduleTurn();
        completions?.Run();
        if (isIdle && isClosing)
            RunClosing();
    }
}
