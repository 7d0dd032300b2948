using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

// Repairs a journaled segment after a failed sync: writes the bytes again from the journal.
internal sealed partial class Appender
{
    // Written under _gate.
    bool _isRepairDue;
    TaskCompletionSource? _repaired;
    IOException? _repairCause;

    /// <summary>
    /// Starts a repair after a failed sync. The page cache may hold bytes that the disk never gets. Readers wait until
    /// the turn has written them again from the journal. Any thread.
    /// </summary>
    void RequireRepair(IOException cause)
    {
        bool isNew;
        lock (_gate)
            isNew = SetRepairDue(cause);
        if (isNew)
            BeginRepair(cause);
    }

    /// <summary>Under <c>_gate</c>: returns whether a repair is due that was not due before.</summary>
    bool SetRepairDue(IOException cause)
    {
        // A partition that has stopped and left the journal has nothing to repair.
        if (_isRepairDue || (_refusal is not null && !_isUnsynced))
            return false;
        _repairCause = cause;
        Volatile.Write(ref _isRepairDue, true);
        _repaired = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _view = _view with { Repaired = _repaired.Task };
        return true;
    }

    void BeginRepair(IOException cause)
    {
        StorageLog.SegmentRepairBegins(_context.Environment.Logger, cause, _context.Directory);
        // The turn may wait for room in the journal, and the journal for this repair.
        if (_context.Journal.BeginRepair(this))
            return;
        lock (_gate)
        {
            if (_turnTaken)
                return;
            _turnTaken = true;
        }
        ScheduleTurn();
    }

    /// <summary>A step of the turn: repairs the segment. Returns false if no repair is due.</summary>
    bool TryRunRepair()
    {
        lock (_gate)
        {
            if (!_isRepairDue)
                return false;
            // A sync beside the repair could take the error that the repair must get.
            _turnWaitsForBackgroundSync = _backgroundSyncRuns;
            if (_turnWaitsForBackgroundSync)
                return true;
        }
        // Bytes that are not in the journal yet can't be written again from it.
        if (WaitsForDrain())
            return true;
        // Beyond the published end there may be groups that the journal failed to write.
        SegmentCursor end;
        lock (_gate)
            end = _published.Cursor;
        var failure = TryRepair(end);
        // The repair is still due: a concurrent sync that succeeds proves nothing.
        if (failure is not null)
            StopUnrepaired(failure);
        lock (_gate)
        {
            _repairCause = null;
            Volatile.Write(ref _isRepairDue, false);
            _view = _view with { Repaired = null };
            if (failure is null)
                SetSynced(end, isBatchEnd: true);
        }
        if (failure is null)
            StorageLog.SegmentRepaired(_context.Environment.Logger, _context.Directory);
        LeaveJournal();
        _context.Journal.EndRepair();
        _repaired!.SetResult();
        ScheduleTurn();
        return true;
    }

    /// <summary>Whether a repair waits for the turn. Any thread.</summary>
    public bool IsRepairDue => Volatile.Read(ref _isRepairDue);

    /// <summary>
    /// The kernel tells a new handle of a loss that nobody was told of. The repair writes those bytes again, so the
    /// error must not fail its own sync.
    /// </summary>
    static void TakeReportedError(IFile data)
    {
        try
        {
            data.Sync();
        }
        catch (IOException)
        {
            // The next sync reports the errors that come after this one.
        }
    }

    IOException? TryRepair(SegmentCursor end)
    {
        try
        {
            var data = TurnFiles().Data;
            if (!_keepsFilesOpen)
                TakeReportedError(data);
            var position = _synced.Position;
            JournalEntryHandler write = (in JournalEntry entry, ReadOnlySpan<byte> payload, ulong _) =>
            {
                if (entry.SegmentBaseOffset != end.BaseOffset || entry.Position + payload.Length <= position)
                    return;
                if (entry.Position > position)
                {
                    throw new IOException(
                        $"The journal has no bytes of {Active.DataPath} from position {position} to {entry.Position}."
                    );
                }
                data.Write(payload[(int)(position - entry.Position)..], position);
                position = entry.Position + payload.Length;
            };
            _context.Journal.ReadBack(JournalPartition, _unsyncedSinceRound, write);
            if (position < end.Position)
                throw new IOException($"The journal has no bytes of {Active.DataPath} from position {position} on.");
            data.Sync();
            return null;
        }
        catch (IOException exception)
        {
            return exception;
        }
    }

    /// <summary>
    /// Stops the partition after the disk has failed twice. Readers get the records that were synced before, and the
    /// next start writes the rest again from the journal.
    /// </summary>
    void StopUnrepaired(IOException failure)
    {
        var cause = $"A sync failed ({_repairCause!.Message}), and so did the repair ({failure.Message})";
        Stop(cause, failure);
        lock (_gate)
        {
            // The partition may have stopped before, for a lesser reason.
            _refusal = Stopped(cause);
            if (_view.End.Position > _syncedBatchEnd.Position)
                ShowOnly(_syncedBatchEnd);
        }
        Waiters.Shrunk();
        _context.Journal.KeepEntries(JournalPartition, _unsyncedSinceRound, _context.Directory);
    }
}
