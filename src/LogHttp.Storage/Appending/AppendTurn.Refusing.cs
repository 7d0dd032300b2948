using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

// Groups that leave nothing in the log, and the rollback of a failed write.
internal sealed partial class AppendTurn
{
    /// <summary>The reason of appends that a full disk rejects.</summary>
    const string DiskFullReason =
        "The disk is full. What is in the log can be read; appends succeed again when there is room, "
        + "which trims (DELETE /topics/{topic}/records?before=) and deletions of topics make.";

    /// <summary>
    /// Completes a group that has only repeats and refusals, and so writes nothing. It is completed after the groups
    /// before it, because the original of a repeat must be durable first.
    /// </summary>
    void RefuseAll(long nowMs)
    {
        var group = _group!;
        group.RefuseAll(nowMs);
        _group = null;
        _written = _written with { LastStampMs = group.LastStampMs };
        End(Finish(group));
    }

    /// <summary>Rejects the group if the partition stopped while the turn waited.</summary>
    bool RefuseStopped()
    {
        AppendResult refusal;
        lock (_appender.Gate)
        {
            if (_appender.Queue.Refusal is not { } stopped)
                return false;
            refusal = stopped;
        }
        End(Finish(DropGroup(), refusal));
        return true;
    }

    /// <summary>
    /// Rolls back to the last whole batch after a failed write. The group is rejected, and later ones may succeed. The
    /// index may keep surplus entries. Later entries overwrite them, or they are cut when the segment is sealed.
    /// </summary>
    RequestCompletions? RollBack(IOException exception)
    {
        var group = DropGroup();
        try
        {
            if (group.Start.Position == 0)
                Roller.NoteEmpty();
            // If the files could not even be opened, there is nothing to truncate.
            if (_lease?.Files.Data is { } data && data.LengthBytes > group.Start.Position)
                Truncate(data, group.Start);
        }
        catch (IOException second)
        {
            _appender.Publication.Stop($"A failed write could not be taken back ({second.Message})", second);
        }
        // Logged once, not for each of the thousands of appends that a full disk rejects.
        if (!_writesFail)
            StorageLog.WriteFailed(Context.Environment.Logger, exception, Context.Directory, group.Requests.Count);
        _writesFail = true;
        return Finish(group, Failure(exception));
    }

    /// <summary>Continues from the state before the group. Returns the group.</summary>
    AppendGroup DropGroup()
    {
        var group = _group!;
        _group = null;
        _written = _written with
        {
            Cursor = group.Start,
            LastStampMs = group.StartStampMs,
            Producers = group.StartProducers,
        };
        return group;
    }

    /// <summary>
    /// Truncates bytes that no reader saw. Without a journal the truncation is synced. Otherwise a page of the failed
    /// write could reappear after a power cut among the bytes that are written there next. With a journal, a start
    /// knows the end. It cuts the bytes beyond the end and writes the ones before it again. The segment is synced
    /// before it is sealed, and before the journal stops recording the end.
    /// </summary>
    void Truncate(IFile data, in SegmentCursor start)
    {
        data.Truncate(start.Position);
        if (_written.IsJournaled)
            _hasUnsyncedCut = true;
        else
            data.Sync();
        lock (_appender.Gate)
        {
            // A slice of a large group that is rolled back may have been synced.
            if (!_written.IsJournaled || Watermarks.IsAtOrBefore(start, _appender.Watermarks.Synced))
                _appender.Watermarks.SetSynced(start, isBatchEnd: true, isSubmitted: true);
            _appender.Syncs.EndUnsyncedIfSynced();
        }
    }

    /// <summary>
    /// Ends a group that wrote nothing or was rolled back, after the groups before it. Returns the requests to complete
    /// now, or null.
    /// </summary>
    RequestCompletions? Finish(AppendGroup group, AppendResult? refusal = null)
    {
        Reservation.Cancel();
        return _appender.Publication.SubmitRefused(
            new GroupUnit(_appender, group, _written, entries: []) { EnteredBytes = 0, Refusal = refusal }
        );
    }

    static AppendResult Failure(IOException exception) =>
        exception is DiskFullException
            ? new(AppendStatus.DiskFull, Reason: DiskFullReason)
            : new(AppendStatus.WriteFailed, Reason: $"The disk refused a write: {exception.Message}");
}
