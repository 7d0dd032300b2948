using LogHttp.Storage.Journal;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

// After a failed sync of a segment whose bytes the journal has: they are written again.
internal sealed partial class Appender
{
    // Guarded by _gate.
    bool _isRepairDue;
    TaskCompletionSource? _repaired;
    IOException? _repairCause;

    /// <summary>
    /// A sync failed: of what it covered, the page cache may hold bytes that the disk never gets. Readers wait until
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

    /// <summary>A turn's step, where a repair is due: false where none is.</summary>
    bool TryRunRepair()
    {
        lock (_gate)
        {
            if (!_isRepairDue)
                return false;
        }
        // What is not in the journal yet can't be written again from it.
        if (WaitsForDrain())
            return true;
        // Behind it there may be groups that the journal has failed to take.
        SegmentCursor end;
        lock (_gate)
            end = _published.Cursor;
        var failure = TryRepair(end);
        // Due still: a sync that succeeds beside it proves nothing.
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
    /// The disk failed twice: readers get what was synced before, and the next start redoes what the journal has.
    /// </summary>
    void StopUnrepaired(IOException failure)
    {
        Stop($"A sync failed ({_repairCause!.Message}), and so did the repair ({failure.Message})", failure);
        lock (_gate)
        {
            if (_view.End.Position > _syncedBatchEnd.Position)
                ShowOnly(_syncedBatchEnd);
        }
        Waiters.Shrunk();
        _context.Journal.KeepEntries(JournalPartition, _unsyncedSinceRound, _context.Directory);
    }
}
