using LogHttp.Storage.Files;

namespace LogHttp.Storage.Committing;

/// <summary>
/// The syncers of a data directory, one for each volume. Each has a thread of its own, so that a disk that hangs delays
/// only the partitions on it. With <see cref="StorageEnvironment.CommitScheduler"/>, all share that scheduler instead.
/// </summary>
/// <remarks>Any thread. A data directory spans few volumes, and their number bounds the threads.</remarks>
internal sealed class SegmentSyncers(StorageEnvironment environment, int syncAllThreshold) : IDisposable
{
    readonly Lock _gate = new();

    // Guarded by _gate.
    readonly Dictionary<IVolume, SegmentSyncer> _syncers = [];
    readonly List<WorkThread> _threads = [];
    bool _isDisposed;

    /// <summary>Returns the syncer of a volume, the same one each time.</summary>
    public SegmentSyncer For(IVolume volume)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (!_syncers.TryGetValue(volume, out var syncer))
            {
                var scheduler = environment.CommitScheduler ?? StartThread(volume);
                syncer = new SegmentSyncer(volume, scheduler, syncAllThreshold, environment.Logger);
                _syncers.Add(volume, syncer);
            }
            return syncer;
        }
    }

    /// <summary>Completes the submitted commits and ends the threads.</summary>
    public void Dispose()
    {
        lock (_gate)
            _isDisposed = true;
        foreach (var thread in _threads)
            thread.Dispose();
    }

    WorkThread StartThread(IVolume volume)
    {
        var thread = new WorkThread($"loghttp sync {volume.Name}");
        _threads.Add(thread);
        return thread;
    }
}
