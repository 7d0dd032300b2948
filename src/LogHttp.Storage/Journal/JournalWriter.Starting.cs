using System.Collections.Concurrent;
using System.IO.Pipelines;
using LogHttp.Storage.Files;
using LogHttp.Storage.Layout;

namespace LogHttp.Storage.Journal;

// Takes over the journal at the start, and reads back rounds of this process.
internal sealed partial class JournalWriter
{
    // Guarded by _gate: uses of this process that are not retired, in order, for reading back.
    readonly List<JournalFileUse> _readable = [];

    // Partitions by topic id and number. Added at the start and at creation, removed with their topic.
    readonly ConcurrentDictionary<(ulong TopicId, int Number), JournalPartition> _partitions = [];

    // Groups by name. Added at the start and with their first unit.
    readonly ConcurrentDictionary<GroupKey, JournalGroup> _groups = [];

    string? _damage;

    JournalWriter(
        StorageEnvironment environment,
        JournalOptions options,
        PipeScheduler commitScheduler,
        PipeScheduler keeperScheduler,
        DiskReserve reserve
    )
    {
        (_environment, _options, _reserve) = (environment, options, reserve);
        (_commitScheduler, _keeperScheduler) = (commitScheduler, keeperScheduler);
        _targetFileBytes = options.MinFileBytes;
    }

    /// <summary>Continues a journal in files without needed rounds.</summary>
    /// <param name="environment">The outside world.</param>
    /// <param name="options">The bounds.</param>
    /// <param name="commitScheduler">Runs rounds, one work item at a time.</param>
    /// <param name="keeperScheduler">Runs the keeper, one work item at a time.</param>
    /// <param name="reserve">Room for the mark on a full disk.</param>
    /// <param name="found">The findings of the start.</param>
    /// <exception cref="IOException">A file can't be opened.</exception>
    public static JournalWriter Open(
        StorageEnvironment environment,
        JournalOptions options,
        PipeScheduler commitScheduler,
        PipeScheduler keeperScheduler,
        DiskReserve reserve,
        JournalStart found
    )
    {
        var journal = new JournalWriter(environment, options, commitScheduler, keeperScheduler, reserve)
        {
            _lastRound = found.LastRound,
            _lastHeadChecksum = found.LastHeadChecksum,
            _nextFileNumber = found.NextFileNumber,
            _damage = found.Damage,
        };
        if (found.Damage is not null)
            return journal;
        try
        {
            // A process that was killed may have renamed a file without syncing the directory.
            environment.FileSystem.SyncDirectory(options.Directory);
            foreach (var number in found.FreeFiles)
                journal.Adopt(JournalFile.Open(environment.FileSystem, options.Directory, number));
        }
        catch
        {
            journal.Abandon();
            throw;
        }
        return journal;
    }

    /// <summary>Returns the partition as the journal knows it, the same one as long as its topic exists.</summary>
    public JournalPartition PartitionFor(ulong topicId, int number) =>
        _partitions.GetOrAdd((topicId, number), static key => new JournalPartition(key.TopicId, key.Number));

    /// <summary>Returns the group as the journal knows it, the same one each time.</summary>
    public JournalGroup GroupFor(GroupKey key) => _groups.GetOrAdd(key, static key => new JournalGroup(key));

    /// <summary>Every partition and group that the journal has a state of. Used by the start.</summary>
    public IEnumerable<JournalSubject> KnownSubjects =>
        [
            .. _partitions
                .Values.Where(static partition => partition.State is not null)
                .OrderBy(static partition => (partition.TopicId, partition.Number)),
            .. _groups.Values.OrderBy(static group => (group.Key.TopicId, group.Key.Partition, group.Key.Name)),
        ];

    /// <summary>Removes the partitions of a deleted topic.</summary>
    public void Forget(ulong topicId, int partitions)
    {
        for (var number = 0; number < partitions; number++)
            _partitions.TryRemove((topicId, number), out _);
    }

    /// <summary>
    /// Records the ends that a start found under a new epoch. Call before anything is published. Bytes that the start
    /// has read may be only in the page cache. After a power cut the next start would find another end.
    /// </summary>
    /// <param name="ranges">The rounds that the start read, in order. Their files are free afterwards.</param>
    /// <param name="firstRound">The first round that the start needed.</param>
    /// <param name="subjects">All partitions and groups with a state in the journal.</param>
    /// <returns>
    /// False if the disk is full. Then the ends are recorded once there is room, before anything is appended.
    /// </returns>
    /// <exception cref="IOException">The disk can't be written. The files are unchanged.</exception>
    public bool RecordEnds(IReadOnlyList<JournalRange> ranges, ulong firstRound, IEnumerable<JournalSubject> subjects)
    {
        var last = ranges[^1];
        var files = new List<JournalFile>();
        var start = new JournalFileUse(files, last.Epoch, firstRound) { HasRounds = true };
        _sealed.Enqueue(start);
        foreach (var range in ranges)
            files.Add(JournalFile.Open(_environment.FileSystem, _options.Directory, range.FileNumber));
        // An earlier start may have failed to sync the last round. Then it is only in the page cache. That round, and a
        // mark with its epoch, must be on the disk before another file is overwritten.
        MakeDurable(start.File, last);
        WriteMark(last.Epoch);
        lock (_gate)
            (_files, _sealedFiles) = (_files + start.Files.Count, 1);
        foreach (var subject in subjects)
            subject.NameIn(start);
        _syncedBefore = _lastRound + 1;
        try
        {
            MakeFirst(start.StateBytes);
        }
        catch (DiskFullException exception)
        {
            StorageLog.NoJournalFile(_environment.Logger, exception, _options.Directory);
            return false;
        }
        lock (_gate)
            (_isRunning, _isCheckpointing) = (true, true);
        TrySwitch();
        while (_sealed.Count > 0)
        {
            BeginRetirement();
            if (TryWriteRound([]) is { } failure)
                throw failure;
        }
        lock (_gate)
            (_isRunning, _isCheckpointing) = (false, false);
        return true;
    }

    /// <summary>
    /// Writes a file's last round again, unchanged, and syncs it. The same bytes at the same position can't tear.
    /// </summary>
    static void MakeDurable(JournalFile file, in JournalRange range)
    {
        var bytes = new byte[JournalFormat.HeadBytes];
        var (position, lengthBytes) = (range.FirstPosition, 0L);
        while (position + lengthBytes < range.EndPosition)
        {
            position += lengthBytes;
            file.File.ReadExactly(bytes.AsSpan(0, JournalFormat.HeadBytes), position);
            if (!RoundHead.TryRead(bytes, out var head, out _))
                throw new CorruptionException(file.Path, position, "a round that was read before is missing now");
            lengthBytes = JournalFormat.Align(head.LengthBytes);
        }
        bytes = new byte[lengthBytes];
        file.File.ReadExactly(bytes, position);
        file.Write(bytes, position);
        file.Sync();
    }

    /// <summary>
    /// Writes the mark of a directory that needs no journal, before any file is overwritten. The mark that a start has
    /// read may be only in the page cache, because an earlier process may have failed to sync it.
    /// </summary>
    /// <exception cref="IOException">The disk can't be written, and may hold an older mark.</exception>
    public void MarkEmpty(bool isNew)
    {
        try
        {
            new JournalMark(Epoch: 0, IsEmpty: true, _lastRound, _lastHeadChecksum).Write(
                _environment.FileSystem,
                _options.MarkDirectory
            );
        }
        catch (DiskFullException exception) when (isNew)
        {
            // The first append writes it, with the reserve.
            StorageLog.JournalNotEmptied(_environment.Logger, exception, _options.Directory);
        }
    }

    /// <summary>Closes the files of a start that failed.</summary>
    public void Abandon()
    {
        lock (_gate)
            _isClosed = true;
        foreach (var file in OpenFiles())
            file.Dispose();
    }

    /// <summary>
    /// Streams one partition's entries that are durable in the journal, from a round of this process on.
    /// </summary>
    /// <exception cref="IOException">A file can't be read, or differs from the written rounds.</exception>
    public void ReadBack(JournalPartition partition, ulong firstRound, JournalEntryHandler handler)
    {
        var lastRound = LastRound;
        JournalFileUse[] uses;
        lock (_gate)
            uses = [.. _readable];
        for (var number = 0; number < uses.Length; number++)
        {
            var use = uses[number];
            // An earlier file may just now be reused. A file with rounds that a segment still needs is not.
            if (number + 1 < uses.Length && uses[number + 1].FirstRound <= firstRound)
                continue;
            var range = new JournalRange(use.File.Number, use.Epoch, 0, use.FirstRound, use.Position);
            JournalReader.Read(use.File.File, use.File.Path, range, firstRound, lastRound, HandOverIfOwned);
        }

        void HandOverIfOwned(in JournalEntry entry, ReadOnlySpan<byte> payload, ulong round)
        {
            if (entry.TopicId == partition.TopicId && entry.Partition == partition.Number)
                handler(entry, payload, round);
        }
    }

    void Adopt(JournalFile file)
    {
        _files++;
        _targetFileBytes = Math.Clamp(file.SizeBytes, _targetFileBytes, _options.MaxFileBytes);
        if (file.SizeBytes >= _options.MinFileBytes)
        {
            _spares.Enqueue(file);
            return;
        }
        // A file that a start created on a full disk, or that another program has truncated, is too small for some
        // units. It is removed once files may be overwritten.
        _freed.Enqueue((new JournalFileUse([file], epoch: 0, firstRound: 0) { HasRounds = true }, LiveEpoch: null));
    }

    /// <summary>
    /// Creates the file that a start needs at once to record ends. It is a small one if the disk has no room for a
    /// larger one.
    /// </summary>
    void MakeFirst(long stateBytes)
    {
        // Removing the small files frees their room.
        while (_freed.TryDequeue(out var freed))
        {
            freed.Use.File.Remove(_environment.FileSystem);
            _files--;
        }
        if (_spares.Count > 0)
            return;
        try
        {
            AddSpare(MakeFile());
        }
        catch (DiskFullException)
        {
            _targetFileBytes = JournalFormat.Align(JournalFormat.HeadBytes + stateBytes);
            try
            {
                if (!_reserve.TryUse(() => AddSpare(MakeFile())))
                    throw;
            }
            finally
            {
                _targetFileBytes = _options.MinFileBytes;
            }
        }
    }
}

/// <summary>The journal's state that a start found.</summary>
/// <param name="LastRound">The last round's number. 0 for none.</param>
/// <param name="LastHeadChecksum">The last round's head checksum.</param>
/// <param name="NextFileNumber">A number that no file has.</param>
/// <param name="FreeFiles">Files without needed rounds.</param>
/// <param name="Damage">Why the journal can't be used, or null.</param>
internal sealed record JournalStart(
    ulong LastRound,
    uint LastHeadChecksum,
    long NextFileNumber,
    IReadOnlyList<long> FreeFiles,
    string? Damage
);
