namespace LogHttp.Storage.Journal;

// Checkpoints wait for repairs, and a repair waits for the rounds with its partition's units. So rounds must not wait
// for a checkpoint while a repair is due.
internal sealed partial class JournalWriter
{
    /// <summary>
    /// Waiting units take <see cref="JournalOptions.MaxWaitingBytes"/> at most, which is a file. Some had entered
    /// before.
    /// </summary>
    const int ExtraFiles = 2;

    // Guarded by _gate. It can be below 0 for a moment, if a repair ends before its begin is noted.
    int _repairsDue;

    /// <summary>
    /// Notes that a log's repair is due. If its turn waited for room in the journal, the turn continues. Any thread.
    /// </summary>
    /// <returns>Whether the turn waited here.</returns>
    public bool BeginRepair(IUnsyncedLog log)
    {
        bool wasParked;
        bool isStalled;
        lock (_gate)
        {
            _repairsDue++;
            wasParked = _parked.Remove(log);
            isStalled = _isStalled;
        }
        if (wasParked)
            log.Resume(failure: null);
        if (isStalled)
            RequestFile();
        return wasParked;
    }

    /// <summary>Notes that a repair has ended. Any thread.</summary>
    public void EndRepair()
    {
        IUnsyncedLog[] resumed;
        lock (_gate)
        {
            _repairsDue--;
            resumed = TakeResumed();
        }
        foreach (var log in resumed)
            log.Resume(failure: null);
    }

    /// <summary>Under <c>_gate</c>: no checkpoint frees a file soon, because a repair or an entry needs it.</summary>
    bool IsCheckpointBlocked => _kept.Count > 0 || _repairsDue > 0;
}
