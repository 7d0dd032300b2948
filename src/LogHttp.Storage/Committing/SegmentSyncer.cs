using System.IO.Pipelines;
using LogHttp.Storage.Files;
using Microsoft.Extensions.Logging;

namespace LogHttp.Storage.Committing;

/// <summary>
/// Makes files of one volume durable, in rounds that follow each other. Commits submitted while a round runs share the
/// next one. <see cref="Submit"/> may be called from any thread.
/// </summary>
/// <remarks>
/// Some turns sync files themselves: an index and its directory before a roll, or a segment in a repair or after a
/// failed write. An error there stops the partition, because the kernel reports each error only once. A failed commit
/// stops the partition only if the journal does not describe it. Otherwise the turn repairs the segment.
/// </remarks>
internal sealed class SegmentSyncer(IVolume volume, PipeScheduler scheduler, int syncAllThreshold, ILogger logger)
{
    readonly Lock _gate = new();

    // Guarded by _gate.
    List<Commit> _waiting = [];
    bool _isRunning;

    // Used only by the running round.
    List<Commit> _round = [];

    // Written by the running round, read by any thread.
    IOException? _syncAllFailure;

    /// <summary>
    /// Whether the volume's syncs also cover files that were closed since they were written. Once false, it stays
    /// false.
    /// </summary>
    public bool CanSyncAll => syncAllThreshold > 0 && volume.CanSyncAll && Volatile.Read(ref _syncAllFailure) is null;

    public void Submit(Commit commit)
    {
        lock (_gate)
        {
            _waiting.Add(commit);
            if (_isRunning)
                return;
            _isRunning = true;
        }
        Schedule();
    }

    void Schedule() => scheduler.Schedule(static state => ((SegmentSyncer)state!).RunRound(), this);

    void RunRound()
    {
        lock (_gate)
            (_round, _waiting) = (_waiting, _round);
        if (!TrySyncAll())
        {
            foreach (var commit in _round)
                commit.Completed(commit.NeedsSyncAll ? LostWriteError() : TrySync(commit.File));
        }
        _round.Clear();
        lock (_gate)
        {
            if (_waiting.Count == 0)
            {
                _isRunning = false;
                return;
            }
        }
        Schedule();
    }

    bool TrySyncAll()
    {
        if (!CanSyncAll || (_round.Count < syncAllThreshold && !_round.Exists(static commit => commit.NeedsSyncAll)))
            return false;
        try
        {
            volume.SyncAll();
        }
        catch (IOException exception)
        {
            // Some file lost data, and syncfs does not say which. The kernel reports the error once more, to the handle
            // of that file. It may be a file that a later round asks for, so a later syncfs would hide the loss.
            Volatile.Write(ref _syncAllFailure, exception);
            StorageLog.SyncAllFailed(logger, exception, volume.Name);
            return false;
        }
        foreach (var commit in _round)
            commit.Completed(null);
        return true;
    }

    /// <summary>
    /// Returns the error of a commit that needs a sync of the whole volume. The kernel would have reported a loss to
    /// the closed handle. A new handle proves nothing.
    /// </summary>
    IOException LostWriteError() =>
        new($"The volume {volume.Name} could not be synced as a whole ({_syncAllFailure?.Message})", _syncAllFailure);

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

/// <summary>A request to make a file durable, with everything written to it before it was submitted.</summary>
internal abstract class Commit
{
    /// <summary>
    /// The file to sync, on the volume of the <see cref="SegmentSyncer"/>. Not read if <see cref="NeedsSyncAll"/>.
    /// </summary>
    public abstract IFile File { get; }

    /// <summary>
    /// Whether the file may have been closed since it was written. Then only a sync of the whole volume reports a loss.
    /// </summary>
    public abstract bool NeedsSyncAll { get; }

    /// <summary>Called once, by the syncer's thread.</summary>
    /// <param name="error">
    /// Null if the file is durable. Otherwise its data may be lost, whatever a later sync reports.
    /// </param>
    public abstract void Completed(IOException? error);
}
