namespace LogHttp.Storage.Appending;

// Syncs of the segment that the turn waits for: large groups, rolls, trims, the closing.
internal sealed partial class AppendTurn
{
    // Allocated lazily: most partitions are idle.
    TurnSync? _sync;

    // Whether bytes were truncated, by this process or an earlier one, and a power cut could bring them back.
    bool _hasUnsyncedCut;

    // Whether the group of a laxer policy was synced first, because the policy has become `always`. The next step
    // publishes it, because other syncs wait for the sync's thread.
    bool _isGroupSynced;

    /// <summary>
    /// Syncs everything that the turn wrote. Returns false if it is synced already. Otherwise the turn continues after
    /// the sync.
    /// </summary>
    bool WaitsForSync()
    {
        lock (_appender.Gate)
        {
            if (_appender.Watermarks.Synced == _written.Cursor)
                return false;
        }
        SubmitSync();
        return true;
    }

    /// <summary>
    /// Syncs the whole segment, including truncations: from now on no end in the journal excludes the truncated bytes.
    /// Returns false if it is synced already. Otherwise the turn continues after the sync.
    /// </summary>
    bool WaitsForWholeSync()
    {
        if (!_hasUnsyncedCut)
            return WaitsForSync();
        SubmitSync();
        return true;
    }

    void SubmitSync()
    {
        _sync ??= new TurnSync(_appender);
        _sync.Begin(_written, _group);
        Context.Syncer.Submit(_sync);
    }

    /// <summary>Continues the turn after the sync that it waited for. Runs on the syncer's thread.</summary>
    public void Synced(IOException? error)
    {
        lock (_appender.Gate)
        {
            // A background sync failed. That this one succeeds proves nothing about the bytes that both covered.
            error ??= _appender.Queue.Repair?.Cause;
        }
        if (error is not null)
        {
            FailSync(error);
        }
        else
        {
            _hasUnsyncedCut = false;
            _appender.Syncs.NoteSynced(_sync!);
        }
        var isGroupSynced = _group is { IsWritten: true } && _group.Cursor != _group.Start && error is null;
        if (!isGroupSynced || _appender.StoppedReason is not null)
            _appender.ScheduleTurn();
        else if (_isAlways)
            SubmitSyncedGroup();
        else
        {
            _isGroupSynced = true;
            _appender.ScheduleTurn();
        }
    }

    /// <summary>
    /// Handles a failed sync of the turn. A group that was not in the journal is rolled back. Bytes that the journal
    /// has are written again. Bytes that exist nowhere else are lost, and the partition stops.
    /// </summary>
    void FailSync(IOException error)
    {
        if (!_written.IsJournaled)
        {
            _appender.Publication.Stop($"A sync failed ({error.Message})", error);
            return;
        }
        if (_group is { } group && group.Cursor != group.Start)
            _completions = RollBack(error);
        SegmentRepair.Require(_appender, error);
    }
}
