using LogHttp.Storage.Files;

namespace LogHttp.Storage;

/// <summary>
/// Makes files durable, one round after the other for a whole data directory; whatever is submitted while a round runs
/// shares the next. Submit from any thread. What else syncs a segment or its index (going back after a failed write, sealing)
/// stops the partition on an error just as a failed commit does: the kernel reports one only once.
/// </summary>
internal sealed class Committer(StorageEnvironment environment, System.IO.Pipelines.PipeScheduler scheduler, int syncAllThreshold)
{
    readonly Lock _gate = new();
    List<Commit> _waiting = [];
    List<Commit> _round = [];
    bool _running;

    // The rounds' own.
    bool _hasSyncAllFailed;

    public void Submit(Commit commit)
    {
        lock (_gate)
        {
            _waiting.Add(commit);
            if (_running)
                return;
            _running = true;
        }
        Schedule();
    }

    void Schedule() => scheduler.Schedule(static state => ((Committer)state!).RunRound(), this);

    void RunRound()
    {
        lock (_gate)
            (_round, _waiting) = (_waiting, _round);
        if (!TrySyncAll())
        {
            foreach (var commit in _round)
                commit.Completed(TrySync(commit.File));
        }
        _round.Clear();
        lock (_gate)
        {
            if (_waiting.Count == 0)
            {
                _running = false;
                return;
            }
        }
        Schedule();
    }

    bool TrySyncAll()
    {
        if (_hasSyncAllFailed || syncAllThreshold == 0 || _round.Count < syncAllThreshold || !environment.FileSystem.CanSyncAll)
            return false;
        try
        {
            environment.FileSystem.SyncAll();
        }
        catch (IOException exception)
        {
            // Somebody's bytes were lost, and syncfs does not say whose. The kernel tells once more, to the handles: those
            // of this round now, those of files that nobody wanted durable yet later. So no sync of all from here on,
            // which would succeed without them.
            _hasSyncAllFailed = true;
            StorageLog.SyncAllFailed(environment.Logger, exception);
            return false;
        }
        foreach (var commit in _round)
            commit.Completed(null);
        return true;
    }

    static IOException? TrySync(IFile file)
    {
        try
        {
            file.Sync();
            return null;
        }
        catch (IOException exception)
        {
            return exception;
        }
    }
}

/// <summary>A file that is to be made durable as it was when this was submitted.</summary>
internal abstract class Commit
{
    public abstract IFile File { get; }

    /// <summary>Called once, by the committer: the file is durable, or it is not and never will be.</summary>
    public abstract void Completed(IOException? error);
}
