using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>
/// One repair of a journaled segment after a failed sync. The page cache may hold bytes that the disk never gets.
/// Readers wait until the turn has written them again from the journal.
/// </summary>
internal sealed class SegmentRepair
{
    readonly Appender _appender;
    readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    SegmentRepair(Appender appender, IOException cause) => (_appender, Cause) = (appender, cause);

    /// <summary>The failure of the sync.</summary>
    public IOException Cause { get; }

    /// <summary>Makes a repair due, unless one is due already or none is needed. Any thread.</summary>
    public static void Require(Appender appender, IOException cause)
    {
        SegmentRepair? repair;
        lock (appender.Gate)
            repair = TryRequire(appender, cause);
        repair?.Begin();
    }

    /// <summary>
    /// Under the partition's lock: returns a repair that was not due before, or null. Then call <see cref="Begin"/>
    /// without the lock.
    /// </summary>
    public static SegmentRepair? TryRequire(Appender appender, IOException cause)
    {
        // A partition that has stopped and left the journal has nothing to repair.
        if (appender.Queue.Repair is not null || (appender.Queue.IsStopped && !appender.IsUnsynced))
            return null;
        var repair = new SegmentRepair(appender, cause);
        appender.Queue.Repair = repair;
        appender.Watermarks.HoldReaders(repair._ended.Task);
        return repair;
    }

    /// <summary>Begins the turn that repairs the segment, or resumes it if it waits for the journal.</summary>
    public void Begin()
    {
        var context = _appender.Context;
        StorageLog.SegmentRepairBegins(context.Environment.Logger, Cause, context.Directory);
        // The turn may wait for room in the journal, and the journal for this repair.
        if (context.Journal.BeginRepair(_appender))
            return;
        lock (_appender.Gate)
        {
            if (!_appender.Queue.TryTakeTurn())
                return;
        }
        _appender.ScheduleTurn();
    }

    /// <summary>
    /// Repairs the segment, or stops the partition. Used by the turn, while nothing is in flight and no sync runs.
    /// </summary>
    public void Run()
    {
        var context = _appender.Context;
        // Beyond the published end there may be groups that the journal failed to write.
        SegmentCursor end;
        lock (_appender.Gate)
            end = _appender.Watermarks.Published.Cursor;
        var failure = TryRewrite(end);
        // The repair is still due: a concurrent sync that succeeds proves nothing.
        if (failure is not null)
            Stop(failure);
        lock (_appender.Gate)
        {
            _appender.Queue.Repair = null;
            _appender.Watermarks.HoldReaders(null);
            if (failure is null)
                _appender.Watermarks.SetSynced(end, isBatchEnd: true, isSubmitted: true);
        }
        if (failure is null)
            StorageLog.SegmentRepaired(context.Environment.Logger, context.Directory);
        _appender.Syncs.ReleaseJournalFiles();
        context.Journal.EndRepair();
        _ended.SetResult();
    }

    /// <summary>Writes the unsynced bytes again and syncs them. Returns why it failed, or null.</summary>
    IOException? TryRewrite(SegmentCursor end)
    {
        var (context, dataPath) = (_appender.Context, _appender.View.Active.DataPath);
        try
        {
            var data = _appender.Turn.OpenFiles().Data;
            if (!_appender.Syncs.KeepsFilesOpen)
                DiscardReportedError(data);
            var position = _appender.Watermarks.Synced.Position;
            JournalEntryHandler write = (in JournalEntry entry, ReadOnlySpan<byte> payload, ulong _) =>
            {
                if (entry.SegmentBaseOffset != end.BaseOffset || entry.Position + payload.Length <= position)
                    return;
                if (entry.Position > position)
                {
                    throw new IOException(
                        $"The journal has no bytes of {dataPath} from position {position} to {entry.Position}."
                    );
                }
                data.Write(payload[(int)(position - entry.Position)..], position);
                position = entry.Position + payload.Length;
            };
            context.Journal.ReadBack(context.JournalPartition, _appender.Syncs.UnsyncedSinceRound, write);
            if (position < end.Position)
                throw new IOException($"The journal has no bytes of {dataPath} from position {position} on.");
            data.Sync();
            return null;
        }
        catch (IOException exception)
        {
            return exception;
        }
    }

    /// <summary>
    /// The kernel tells a new handle of a loss that nobody was told of. The repair writes those bytes again, so the
    /// error must not fail its own sync.
    /// </summary>
    static void DiscardReportedError(IFile data)
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

    /// <summary>
    /// Stops the partition after the disk has failed twice. Readers get the records that were synced before, and the
    /// next start writes the rest again from the journal.
    /// </summary>
    void Stop(IOException failure)
    {
        var context = _appender.Context;
        _appender.Publication.StopUnrepaired(
            $"A sync failed ({Cause.Message}), and so did the repair ({failure.Message})",
            failure
        );
        context.Journal.KeepEntries(context.JournalPartition, _appender.Syncs.UnsyncedSinceRound, context.Directory);
    }
}
