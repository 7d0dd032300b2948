using LogHttp.Storage.Journal;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

// Repairs a journaled segment after a failed sync: writes the bytes again from the journal.
internal sealed partial class Appender
{
    // Guarded by _gate.
    bool _isRepairDue;
    TaskCompletionSource? _repaired;
    IOException? _repairCause;

    /// <summary>
    /// Starts a repair after a failed sync. The page cache may hold bytes that the disk never gets. Readers wait until
    /// the turn has written them again from the journal. Any thread.
    /// </summary>
    void RequireRepair(IOException cause)
    {
        bool schedule;
        lock (_gate)
        {
            if (_isRepairDue)
                return;
            (_isRepairDue, _repairCause) = (true, cause);
            _repaired = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _view = _view with { Repaired = _repaired.Task };
            schedule = !_turnTaken;
            _turnTaken = true;
        }
        StorageLog.SegmentRepairBegins(_context.Environment.Logger, cause, _context.Directory);
        if (schedule)
            ScheduleTurn();
    }

    /// <summary>A step of the turn: repairs the segment. Returns false if no repair is due.</summary>
    bool TryRunRepair()
    {
        lock (_gate)
        {
            if (!_isRepairDue)
                return false;
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
            (_isRepairDue, _repairCause) = (false, null);
            _view = _view with { Repaired = null };
            if (failure is null)
                SetSynced(end, isBatchEnd: true);
        }
        if (failure is null)
            StorageLog.SegmentRepaired(_context.Environment.Logger, _context.Directory);
        LeaveJournal();
        _repaired!.SetResult();
        ScheduleTurn();
        return true;
    }

    IOException? TryRepair(SegmentCursor end)
    {
        try
        {
            var data = TurnFiles().Data;
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
