using LogHttp.Storage.Journal;

namespace LogHttp.Storage.Appending;

// Closing: makes all data durable, and records a deletion in the journal.
internal sealed partial class Appender
{
    /// <summary>The last turn: the queue is empty, and new requests are rejected.</summary>
    void RunClosingTurn()
    {
        lock (_gate)
        {
            // The background sync may be writing the checkpoint.
            _turnWaitsForBackgroundSync = _backgroundSyncRuns;
            if (_turnWaitsForBackgroundSync)
                return;
            StopTimer();
        }
        if (WaitsForDrain())
            return;
        if (StoppedReason is null)
        {
            if (WaitsForSync())
                return;
            TryWriteCheckpoint(Active, _written);
            NoteLastAppend();
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
        if (!_isDeletionDue || !JournalPartition.IsKnown)
            return false;
        try
        {
            if (!TryEnterJournal(JournalFormat.EncodedBytes(0)))
                return true;
        }
        catch (IOException exception)
        {
            StorageLog.DeletionNotRecorded(_context.Environment.Logger, exception, _context.Directory);
            return false;
        }
        _isDeletionDue = false;
        var deleted = JournalPartition.Entry(JournalEntryKind.TopicDeleted, segmentBaseOffset: 0, position: 0);
        var unit = new PartitionUnit(
            JournalPartition,
            deleted,
            failure =>
            {
                if (failure is not null)
                    StorageLog.DeletionNotRecorded(_context.Environment.Logger, failure, _context.Directory);
                ScheduleTurn();
            }
        )
        {
            EnteredBytes = TakePlace(),
        };
        _context.Journal.Submit(unit);
        return true;
    }

    void EndClosing()
    {
        lock (_checkpointGate)
            _checkpointsEnded = true;
        Waiters.Close();
        // Nobody needs the files of a deleted partition. For any other, the next start repeats a sync that failed.
        if (_isDeleted || !IsUnsynced)
            LeaveJournal();
        if (_isDeleted)
            _context.Journal.Forget(JournalPartition);
        // The journal's keeper may ask for a sync just now.
        lock (_gate)
            _areFilesReleased = true;
        ReleaseLease();
        foreach (var segment in _view.Segments)
            segment.Retire();
        _context.Journal.Closed();
        _closed!.TrySetResult();
    }
}
