namespace LogHttp.Storage.Journal;

// Who may write for another unit now, and who waits.
internal sealed partial class JournalWriter
{
    /// <summary>
    /// Whether a log may write for another unit now. It has a place for it then, which it submits or leaves. Where it
    /// may not, because units wait for the disk, too many segments are not synced, or no file has room, the log is
    /// resumed once it may.
    /// </summary>
    /// <param name="log">The log. It says how large the unit can be.</param>
    /// <param name="failure">Why the journal can't be used at all. The log is not resumed then.</param>
    public bool TryEnter(IUnsyncedLog log, out IOException? failure)
    {
        if (_damage is not null)
        {
            failure = new IOException($"The journal can't be used: {_damage}.");
            return false;
        }
        failure = null;
        lock (_gate)
        {
            if (!IsBusy(log))
            {
                _enteredBytes += PlaceBytes(log.NextUnitBytes);
                return true;
            }
            _parked.Add(log);
        }
        RequestFile();
        RequestCheckpoint();
        return false;
    }

    /// <summary>Gives a place back for which no unit is submitted.</summary>
    /// <param name="unitBytes">How large the unit could have been.</param>
    public void Leave(int unitBytes)
    {
        lock (_gate)
            _enteredBytes -= PlaceBytes(unitBytes);
    }

    /// <summary>Under <c>_gate</c>.</summary>
    bool IsBusy(IUnsyncedLog log) =>
        _waitingBytes >= _options.MaxWaitingBytes
        || !HasPlaceFor(log)
        || (!log.IsUnsynced && Volatile.Read(ref _unsyncedCount) >= _options.MaxUnsyncedLogs);

    /// <summary>
    /// Under <c>_gate</c>: whether a log's next unit is sure to be written, unless the disk fails. Where the live file
    /// is the only one, and the disk may have no room for another, each unit has its place in it.
    /// </summary>
    bool HasPlaceFor(IUnsyncedLog log) =>
        HasUsableSpare
        || (_isLiveUsable && (IsFileAwaited || _enteredBytes + PlaceBytes(log.NextUnitBytes) <= _liveRoomBytes));

    /// <summary>Under <c>_gate</c>: a checkpoint makes a sealed file free.</summary>
    bool IsFileAwaited => _sealedFiles > 0 && _kept.Count == 0;

    /// <summary>What a unit takes at the most, in a round of its own.</summary>
    static long PlaceBytes(int unitBytes) => JournalFormat.Align(JournalFormat.HeadBytes + unitBytes);

    /// <summary>Under <c>_gate</c>: the logs that <see cref="TryEnter"/> parked and that may go on.</summary>
    IUnsyncedLog[] TakeResumed()
    {
        if (_parked.Count == 0)
            return [];
        var resumed = _parked.FindAll(log => !IsBusy(log));
        _parked.RemoveAll(resumed.Contains);
        return [.. resumed];
    }
}
