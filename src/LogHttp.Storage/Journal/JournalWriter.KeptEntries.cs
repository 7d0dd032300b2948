namespace LogHttp.Storage.Journal;

// Moves entries out of the rotation if their segment can't take them. If the disk prevents that, the files that hold
// them stay, and the keeper tries again.
internal sealed partial class JournalWriter
{
    // Guarded by _gate: the first round that a partition needs, and its directory.
    readonly Dictionary<JournalPartition, (ulong FirstRound, string Directory)> _kept = [];

    /// <summary>
    /// Keeps a partition's entries and its end until a start writes them to segments. The partition has stopped, so no
    /// entries follow. Any thread.
    /// </summary>
    /// <param name="partition">The partition.</param>
    /// <param name="firstRound">The first round with entries that its segment may not have.</param>
    /// <param name="directory">The partition's directory, for messages.</param>
    public void KeepEntries(JournalPartition partition, ulong firstRound, string directory)
    {
        if (TryMoveToUnplaced(partition, firstRound, directory, isRetry: false))
            return;
        lock (_gate)
            _kept.TryAdd(partition, (firstRound, directory));
    }

    /// <summary>Releases the entries of a deleted partition. Any thread.</summary>
    public void Forget(JournalPartition partition)
    {
        lock (_gate)
        {
            if (!_kept.Remove(partition))
                return;
        }
        RequestCheckpoint();
    }

    /// <summary>Under <c>_gate</c>: the first round of the files that must stay.</summary>
    ulong KeptFromRound =>
        _kept.Count == 0 ? ulong.MaxValue : _kept.Values.Min(static partition => partition.FirstRound);

    void MoveKept()
    {
        KeyValuePair<JournalPartition, (ulong FirstRound, string Directory)>[] kept;
        lock (_gate)
            kept = [.. _kept];
        foreach (var (partition, (firstRound, directory)) in kept)
        {
            if (TryMoveToUnplaced(partition, firstRound, directory, isRetry: true))
                Forget(partition);
        }
    }

    bool TryMoveToUnplaced(JournalPartition partition, ulong firstRound, string directory, bool isRetry)
    {
        try
        {
            MoveToUnplaced(partition, firstRound, isRetry);
            return true;
        }
        catch (IOException exception)
        {
            StorageLog.NotMovedToUnplaced(_environment.Logger, exception, directory);
            return false;
        }
    }

    /// <summary>Moves a partition's entries and its end out of the rotation, durably.</summary>
    /// <exception cref="IOException">The disk failed, or the entries exceed a limit.</exception>
    void MoveToUnplaced(JournalPartition partition, ulong firstRound, bool isRetry)
    {
        var unplaced = new UnplacedEntries(_environment.FileSystem, _options.Directory, _environment.NewId);
        // The attempt before may have written a part.
        if (isRetry)
            unplaced.Remove(partition.TopicId, partition.Number);
        ReadBack(
            partition,
            firstRound,
            (in JournalEntry entry, ReadOnlySpan<byte> payload, ulong _) => unplaced.Add(entry, payload)
        );
        // The journal's entries may all be synced already. The end is needed in any case.
        if (partition.State is { } state)
            unplaced.Add(state, payload: []);
        unplaced.Flush();
        partition.MovedToUnplaced();
    }
}
