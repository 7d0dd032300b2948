using LogHttp.Storage.Journal;

namespace LogHttp.Storage.Appending;

// The end: all is made durable, and the journal is told of a deletion.
internal sealed partial class Appender
{
    /// <summary>The last turn: nothing waits and nothing can come any more.</summary>
    void RunClosingTurn()
    {
        lock (_gate)
        {
            // It may be writing the checkpoint just now.
            _closingTurnWaits = _backgroundSyncRuns;
            if (_closingTurnWaits)
                return;
            StopTimer();
        }
        if (WaitsForDrain())
            return;
        if (StoppedReason is null)
        {
            if (WaitsForSync())
                return;
            TryWriteCheckpoint(files: null, _written);
            NoteLastAppend();
        }
        if (!SubmitDeletion())
            EndClosing();
    }

    /// <summary>
    /// The journal says that the partition is gone, before its files are: else a start would look for them. False where
    /// that can't be, or need not be. The turn goes on then.
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
        ReleaseLease();
        foreach (var segment in _view.Segments)
            segment.Retire();
        // The files of a deleted partition are needed by nobody. What another could not sync is redone by the next
        // start.
        if (_isDeleted || !IsUnsynced)
            LeaveJournal();
        if (_isDeleted)
            _context.Journal.Forget(JournalPartition);
        _context.Journal.Closed();
        _closed!.TrySetResult();
    }
}
