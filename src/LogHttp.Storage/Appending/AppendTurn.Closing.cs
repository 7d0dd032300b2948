using LogHttp.Storage.Journal;

namespace LogHttp.Storage.Appending;

// Closing: makes all data durable, and records a deletion in the journal.
internal sealed partial class AppendTurn
{
    bool _isDeletionSubmitted;

    /// <summary>The last turn: the queue is empty, and new requests are rejected.</summary>
    void RunClosing()
    {
        lock (_appender.Gate)
        {
            // The background sync may be writing the checkpoint.
            if (_appender.Syncs.TurnWaits())
                return;
            _appender.Syncs.StopTimer();
        }
        if (_appender.Publication.TurnWaits() || _appender.Publication.ClosingWaits())
            return;
        if (_appender.StoppedReason is null)
        {
            if (WaitsForSync())
                return;
            _appender.Checkpoints.TryWrite(_appender.View.Active, _written);
            _appender.ManifestKeeper.NoteLastAppend(_written.Cursor.Position);
        }
        if (!SubmitDeletion())
            EndClosing();
    }

    /// <summary>
    /// Records in the journal that the partition is deleted, before its files are deleted. Otherwise a start would look
    /// for them. Returns false if the entry is not needed or can't be written. Otherwise the turn continues later.
    /// </summary>
    bool SubmitDeletion()
    {
        if (!_appender.Queue.IsDeletion || _isDeletionSubmitted || !_appender.JournalPartition.IsKnown)
            return false;
        try
        {
            if (!Reservation.TryReserve(JournalFormat.EncodedBytes(0)))
                return true;
        }
        catch (IOException exception)
        {
            LogDeletionNotRecorded(exception);
            return false;
        }
        _isDeletionSubmitted = true;
        SubmitEntry(
            _appender.JournalPartition.Entry(JournalEntryKind.TopicDeleted, segmentBaseOffset: 0, position: 0),
            failure =>
            {
                if (failure is not null)
                    LogDeletionNotRecorded(failure);
                _appender.ScheduleTurn();
            }
        );
        return true;
    }

    void LogDeletionNotRecorded(IOException exception) =>
        StorageLog.DeletionNotRecorded(Context.Environment.Logger, exception, Context.Directory);

    void EndClosing()
    {
        var isDeletion = _appender.Queue.IsDeletion;
        _appender.Checkpoints.End();
        _appender.Waiters.Close();
        // Nobody needs the files of a deleted partition. For any other, the next start repeats a sync that failed.
        if (isDeletion || !_appender.IsUnsynced)
            _appender.Syncs.ReleaseJournalFiles();
        if (isDeletion)
            Context.Journal.Forget(_appender.JournalPartition);
        _appender.Syncs.End();
        CloseFiles();
        foreach (var segment in _appender.View.Segments)
            segment.Retire();
        Context.Journal.Closed();
        _appender.Queue.EndClosing();
    }
}
