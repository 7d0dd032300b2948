namespace LogHttp.Storage.Journal;

// Decides which logs may write another unit now, and which wait.
internal sealed partial class JournalWriter
{
    /// <summary>
    /// Reserves room for a log's next unit, which the log then submits or leaves. A log waits if units wait for the
    /// disk, too many segments are not synced, or no file has room. It is resumed once it may write.
    /// </summary>
    /// <param name="log">The log. <see cref="IUnsyncedLog.NextUnitBytes"/> is the size.</param>
    /// <param name="failure">Why the journal can't be used at all. The log is not resumed then.</param>
    public bool TryEnter(IUnsyncedLog log, out IOException? failure)
    {
        if (_damage is not null)
        {
            failure = new IOException($"The journal can't be used: {_damage}.");
            return false;
        }
        failure = null;
        bool isParked;
        lock (_gate)
        {
            if (!IsBusy(log))
            {
                _enteredBytes += OwnRoundBytes(log.NextUnitBytes);
                return true;
            }
            isParked = !log.IsRepairDue;
            if (isParked)
                _parked.Add(log);
        }
        if (!isParked)
        {
            log.Resume(failure: null);
            return false;
        }
        RequestFile();
        RequestCheckpoint();
        return false;
    }

    /// <summary>Returns the reserved room if no unit is submitted.</summary>
    /// <param name="unitBytes">The largest size that the unit could have had.</param>
    public void Leave(int unitBytes)
    {
        lock (_gate)
            _enteredBytes -= OwnRoundBytes(unitBytes);
    }

    /// <summary>Under <c>_gate</c>.</summary>
    bool IsBusy(IUnsyncedLog log) =>
        _waitingBytes >= _options.MaxWaitingBytes
        || !HasSpaceFor(log)
        || (!log.IsUnsynced && !log.CanCloseFiles && Volatile.Read(ref _openUnsyncedCount) >= _options.MaxUnsyncedLogs);

    /// <summary>
    /// Under <c>_gate</c>: whether a log's next unit is sure to be written, unless the disk fails. If the live file is
    /// the only one, the disk may have no room for another. Then each unit needs room in the live file.
    /// </summary>
    bool HasSpaceFor(IUnsyncedLog log) =>
        HasUsableSpare
        || (_isLiveUsable && (IsFileAwaited || _enteredBytes + OwnRoundBytes(log.NextUnitBytes) <= _liveRoomBytes));

    /// <summary>Under <c>_gate</c>: whether a checkpoint will free a sealed file.</summary>
    bool IsFileAwaited => _sealedFiles > 0 && !IsCheckpointBlocked;

    /// <summary>The most bytes that a unit takes, in a round of its own.</summary>
    static long OwnRoundBytes(int unitBytes) => JournalFormat.Align(JournalFormat.HeadBytes + unitBytes);

    /// <summary>
    /// Under <c>_gate</c>: removes and returns the logs that <see cref="TryEnter"/> parked and that may continue.
    /// </summary>
    IUnsyncedLog[] TakeResumed()
    {
        if (_parked.Count == 0)
            return [];
        var resumed = _parked.FindAll(log => !IsBusy(log));
        _parked.RemoveAll(log => !IsBusy(log));
        return [.. resumed];
    }
}
