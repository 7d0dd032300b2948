using System.Diagnostics;
using LogHttp.Storage.Files;

namespace LogHttp.Storage.Journal;

// The keeper: creates and frees files, and has segments synced before a file is reused. It may wait for the disk for
// any time, because rounds continue meanwhile.
internal sealed partial class JournalWriter
{
    readonly Lock _unsyncedGate = new();

    // Guarded by _unsyncedGate: the logs, and whether each keeps its files open. The count of those that do is read
    // without the lock.
    readonly Dictionary<IUnsyncedLog, bool> _unsynced = [];
    int _openUnsyncedCount;

    // Guarded by _gate: the number of files, and whether rounds can be written to the live one.
    int _files;
    bool _isLiveUsable;
    long _targetFileBytes;
    bool _isMakingFile;

    // Guarded by _gate: the last attempt to create or free a file failed. Keep repeats it.
    bool _isAttemptDue;

    // Guarded by _gate: the number of failed uses without a round that counts, whose files are not removed yet.
    int _unremoved;

    // Guarded by _gate: the rounds before this one are durable in segments.
    ulong _syncedBefore;
    bool _isCheckpointing;

    // Guarded by _gate: the number of open logs, and whether the journal closes with the last of them.
    int _openLogs;
    bool _isClosing;
    bool _isCloseDue;
    bool _isClosed;

    // Written by the commit thread. The rounds before it are in sealed files.
    ulong _liveFirstRound;

    // Used by the keeper, and by the start before that.
    readonly Queue<(JournalFileUse Use, ulong? LiveEpoch)> _freed = [];
    long _nextFileNumber;

    // Used by the keeper: the first file of the use at the head of _freed that is not free yet.
    int _nextFreed;

    // Written by the commit thread with the first round, then by the keeper.
    ulong? _markedEpoch;

    readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Notes that a log was opened. The journal closes after it.</summary>
    public void Opened()
    {
        lock (_gate)
            _openLogs++;
    }

    /// <summary>Notes that a log was closed. If the journal is closing, it closes with the last log.</summary>
    public void Closed()
    {
        lock (_gate)
        {
            if (--_openLogs > 0 || !_isClosing)
                return;
        }
        ScheduleKeeper(static journal => journal.Close());
    }

    /// <summary>Closes the journal once all logs are closed.</summary>
    public Task CloseAsync()
    {
        lock (_gate)
        {
            _isClosing = true;
            if (_openLogs > 0)
                return _closed.Task;
        }
        ScheduleKeeper(static journal => journal.Close());
        return _closed.Task;
    }

    /// <summary>
    /// Adds a log that is about to hold bytes that are durable only in the journal. Any thread, under the lock that
    /// guards <see cref="IUnsyncedLog.IsUnsynced"/>.
    /// </summary>
    /// <returns>
    /// Whether the log must keep its files open until it is synced. From half of the bound on it need not, if it can
    /// close them.
    /// </returns>
    public bool AddUnsynced(IUnsyncedLog log)
    {
        var half = (_options.MaxUnsyncedLogs + 1) / 2;
        var canClose = log.CanCloseFiles;
        int count;
        lock (_unsyncedGate)
        {
            var keepsOpen = !canClose || _openUnsyncedCount < half;
            _unsynced.Add(log, keepsOpen);
            if (!keepsOpen)
                return false;
            Volatile.Write(ref _openUnsyncedCount, count = _openUnsyncedCount + 1);
        }
        // At half of the bound, so that no log has to wait for it.
        if (count >= half && !canClose)
            RequestCheckpoint();
        return true;
    }

    /// <summary>
    /// Removes a log that no longer holds such bytes. Any thread, under the lock that guards
    /// <see cref="IUnsyncedLog.IsUnsynced"/>. Without that lock, a log that holds such bytes again at once could be
    /// lost.
    /// </summary>
    public void RemoveUnsynced(IUnsyncedLog log)
    {
        lock (_unsyncedGate)
        {
            if (!_unsynced.Remove(log, out var keepsOpen) || !keepsOpen)
                return;
            Volatile.Write(ref _openUnsyncedCount, _openUnsyncedCount - 1);
        }
        IUnsyncedLog[] resumed;
        lock (_gate)
            resumed = TakeResumed();
        foreach (var parked in resumed)
            parked.Resume(failure: null);
    }

    /// <summary>Retries work of the keeper that a full or failing disk prevented. Called periodically.</summary>
    public void Keep()
    {
        bool isAttemptDue;
        bool hasKept;
        lock (_gate)
        {
            (isAttemptDue, _isAttemptDue) = (_isAttemptDue, false);
            hasKept = _kept.Count > 0;
        }
        if (hasKept)
            ScheduleKeeper(static journal => journal.MoveKept());
        if (!isAttemptDue)
            return;
        ScheduleKeeper(static journal => journal.FreeAll());
        KeepSpare();
    }

    /// <summary>
    /// Starts an attempt to provide a file, for a log or a round that waits for one. Each attempt has such a reason, so
    /// that the keeper does not retry endlessly on a full disk.
    /// </summary>
    void RequestFile()
    {
        bool isFreeing;
        lock (_gate)
            isFreeing = _freed.Count > 0;
        if (isFreeing)
            ScheduleKeeper(static journal => journal.FreeAll());
        KeepSpare();
    }

    /// <summary>
    /// Notes that an attempt to create or free a file failed. Only the logs that waited for it are refused. The disk
    /// may have room again when the next one comes.
    /// </summary>
    void AttemptFailed(IOException exception)
    {
        IUnsyncedLog[] refused;
        lock (_gate)
        {
            _isAttemptDue = true;
            if (_isStalled)
                _stallFailure = exception;
            refused = [.. _parked.Where(log => !HasSpaceFor(log))];
            _parked.RemoveAll(refused.Contains);
        }
        foreach (var log in refused)
            log.Resume(exception);
        Wake();
    }

    void ScheduleKeeper(Action<JournalWriter> work)
    {
        lock (_gate)
        {
            if (_isClosed)
                return;
        }
        _keeperScheduler.Schedule(
            static state =>
            {
                var (journal, act) = ((JournalWriter, Action<JournalWriter>))state!;
                journal.RunKeeper(act);
            },
            (this, work)
        );
    }

    void RunKeeper(Action<JournalWriter> work)
    {
        lock (_gate)
        {
            if (_isClosed)
                return;
        }
        work(this);
    }

    /// <summary>Syncs all segments with bytes that are durable only in the journal.</summary>
    void RequestCheckpoint()
    {
        lock (_gate)
        {
            if (_isCheckpointing || _isClosed)
                return;
            _isCheckpointing = true;
        }
        ScheduleKeeper(static journal => journal.BeginCheckpoint());
    }

    void BeginCheckpoint()
    {
        // Read first: logs write to their segments, and register as unsynced, before the sealed files hold the same
        // bytes.
        var endRound = Volatile.Read(ref _liveFirstRound);
        IUnsyncedLog[] logs;
        lock (_unsyncedGate)
            logs = [.. _unsynced.Keys];
        var checkpoint = new JournalCheckpoint(endRound, logs.Length, EndCheckpoint);
        foreach (var log in logs)
            log.SyncFor(checkpoint);
        checkpoint.CountDown();
    }

    void EndCheckpoint(JournalCheckpoint checkpoint)
    {
        bool isAnotherDue;
        lock (_gate)
        {
            _isCheckpointing = false;
            _syncedBefore = Math.Max(_syncedBefore, Math.Min(checkpoint.EndRound, KeptFromRound));
            // Those that came meanwhile asked for a checkpoint in vain.
            isAnotherDue = _parked.Count > 0 && Volatile.Read(ref _openUnsyncedCount) >= _options.MaxUnsyncedLogs;
        }
        if (isAnotherDue)
            RequestCheckpoint();
        Wake();
    }

    void GrowFiles()
    {
        lock (_gate)
            _targetFileBytes = Math.Min(_targetFileBytes * 2, _options.MaxFileBytes);
    }

    /// <summary>Creates a file if none is ready to follow the live one.</summary>
    void KeepSpare()
    {
        lock (_gate)
        {
            if (_isMakingFile || _isClosed || _damage is not null || _spares.Count > 0)
                return;
            // Goes beyond the bound if every file has failed or waits. Otherwise no round could ever free one of them.
            // More of them help a round that waits while no checkpoint can end.
            var maxFiles = JournalOptions.MaxFiles + (_isStalled && IsCheckpointBlocked ? ExtraFiles : 0);
            var isBounded = _files >= maxFiles && (_isLiveUsable || HasUsableSpare);
            // Then a checkpoint frees a file, unless it is kept.
            if (isBounded && _kept.Count == 0 && !(_isStalled && IsCheckpointBlocked))
                return;
            _isMakingFile = !isBounded;
            if (_isMakingFile)
            {
                ScheduleKeeper(static journal => journal.MakeSpare());
                return;
            }
        }
        AttemptFailed(
            new IOException(
                "The journal needs all of its files for partitions whose disk has failed, and has no room left."
            )
        );
    }

    void MakeSpare()
    {
        lock (_gate)
        {
            // A file was created in place of a small one meanwhile.
            if (!_isMakingFile)
                return;
        }
        try
        {
            AddSpare(MakeFile());
        }
        catch (IOException exception)
        {
            lock (_gate)
                _isMakingFile = false;
            StorageLog.NoJournalFile(_environment.Logger, exception, _options.Directory);
            AttemptFailed(exception);
            return;
        }
        Wake();
    }

    JournalFile MakeFile()
    {
        long sizeBytes;
        lock (_gate)
            sizeBytes = _targetFileBytes;
        var (fileSystem, directory) = (_environment.FileSystem, _options.Directory);
        var file = JournalFile.Make(fileSystem, directory, _nextFileNumber, sizeBytes, _environment.NewId);
        _nextFileNumber++;
        return file;
    }

    void AddSpare(JournalFile file)
    {
        lock (_gate)
        {
            _isMakingFile = false;
            _files++;
            _spares.Enqueue(file);
        }
        ResumeAll();
    }

    /// <summary>Resumes all waiting logs, because a file is ready.</summary>
    void ResumeAll()
    {
        IUnsyncedLog[] parked;
        lock (_gate)
        {
            parked = [.. _parked];
            _parked.Clear();
        }
        foreach (var log in parked)
            log.Resume(failure: null);
    }

    /// <summary>Passes a use that is no longer needed to the keeper.</summary>
    void Free(JournalFileUse use, ulong? liveEpoch)
    {
        lock (_gate)
        {
            _freed.Enqueue((use, liveEpoch));
            _unremoved += use.HasRounds ? 0 : 1;
        }
        ScheduleKeeper(static journal => journal.FreeAll());
    }

    void FreeAll()
    {
        while (true)
        {
            (JournalFileUse Use, ulong? LiveEpoch) next;
            lock (_gate)
            {
                if (!_freed.TryPeek(out next))
                    return;
            }
            try
            {
                // The mark's epoch must be found in the journal. So the mark gets another epoch before these rounds are
                // overwritten.
                if (next.LiveEpoch is { } liveEpoch && _markedEpoch == next.Use.Epoch)
                    WriteMark(liveEpoch);
                for (; _nextFreed < next.Use.Files.Count; _nextFreed++)
                    Reuse(next.Use.Files[_nextFreed], next.Use.HasFailed);
                _nextFreed = 0;
            }
            catch (IOException exception)
            {
                StorageLog.JournalFileNotFreed(_environment.Logger, exception, next.Use.File.Path);
                AttemptFailed(exception);
                return;
            }
            lock (_gate)
            {
                _freed.Dequeue();
                _unremoved -= next.Use.HasRounds ? 0 : 1;
            }
            ResumeAll();
            Wake();
        }
    }

    /// <summary>
    /// Makes a file a spare. It is removed instead if it has failed, is too small or is surplus, and another is created
    /// if one is missing. On a full disk a small file is better than none.
    /// </summary>
    void Reuse(JournalFile file, bool hasFailed)
    {
        bool isOnlySpare;
        lock (_gate)
        {
            var isWanted = !hasFailed && _files <= JournalOptions.MaxFiles;
            if (isWanted && file.SizeBytes >= _targetFileBytes)
            {
                _spares.Enqueue(file);
                return;
            }
            // A file that a start created on a full disk is too small for some units.
            isOnlySpare = isWanted && _spares.Count == 0 && file.SizeBytes >= _options.MinFileBytes;
        }
        if (isOnlySpare && !TryMakeLargerSpare())
        {
            lock (_gate)
                _spares.Enqueue(file);
            return;
        }
        file.Remove(_environment.FileSystem);
        lock (_gate)
            _files--;
        KeepSpare();
    }

    bool TryMakeLargerSpare()
    {
        try
        {
            AddSpare(MakeFile());
            return true;
        }
        catch (DiskFullException exception)
        {
            StorageLog.NoJournalFile(_environment.Logger, exception, _options.Directory);
            return false;
        }
    }

    /// <summary>
    /// Writes the mark with the first round after a start. From then on the directory needs its journal. Returns null
    /// if the mark is durable.
    /// </summary>
    IOException? TryMark()
    {
        if (_markedEpoch is not null)
            return null;
        var epoch = _live!.Epoch;
        try
        {
            _reserve.Run(() => WriteMark(epoch));
            return null;
        }
        catch (IOException exception)
        {
            return exception;
        }
    }

    void WriteMark(ulong epoch)
    {
        new JournalMark(epoch, IsEmpty: false, LastRound: 0, LastHeadChecksum: 0).Write(
            _environment.FileSystem,
            _options.MarkDirectory
        );
        _markedEpoch = epoch;
    }

    /// <summary>Closes the journal if closing waited for the last round.</summary>
    void CloseIfDue()
    {
        lock (_gate)
        {
            if (!_isCloseDue || _isRunning)
                return;
            _isCloseDue = false;
        }
        ScheduleKeeper(static journal => journal.Close());
    }

    /// <summary>
    /// Closes the journal after all logs are closed. If each is complete in its own files, the mark records that no
    /// journal is needed.
    /// </summary>
    void Close()
    {
        lock (_gate)
        {
            // A round that retires a file may still run. It uses the files that are closed here.
            _isCloseDue = _isRunning;
            if (_isClosed || _isCloseDue)
                return;
            _isClosed = true;
            Debug.Assert(_enteredBytes == 0, "a log holds reserved room while the journal closes");
        }
        try
        {
            if (IsEmpty())
            {
                new JournalMark(_markedEpoch ?? 0, IsEmpty: true, _lastRound, _lastHeadChecksum).Write(
                    _environment.FileSystem,
                    _options.MarkDirectory
                );
            }
        }
        catch (IOException exception)
        {
            // The journal stays needed, and exists.
            StorageLog.JournalNotEmptied(_environment.Logger, exception, _options.Directory);
        }
        foreach (var file in OpenFiles())
            file.Dispose();
        if (Counters.Rounds > 0)
        {
            StorageLog.JournalClosed(
                _environment.Logger,
                Counters.Rounds,
                Counters.Units,
                Counters.Records,
                Counters.Bytes
            );
        }
        _closed.TrySetResult();
    }

    /// <summary>Returns whether the own files of every log have the state of its last entry.</summary>
    bool IsEmpty()
    {
        foreach (var use in _sealed.Append(_live).OfType<JournalFileUse>())
        {
            foreach (var subject in use.Subjects)
            {
                if (subject.LastFile == use && !subject.IsCovered)
                    return false;
            }
        }
        // Without any round the mark needs no change.
        return _markedEpoch is not null;
    }

    IEnumerable<JournalFile> OpenFiles()
    {
        lock (_gate)
        {
            return
            [
                .. _spares,
                .. _freed.SelectMany(static freed => freed.Use.Files),
                .. _sealed.SelectMany(static use => use.Files),
                .. _live?.Files ?? [],
            ];
        }
    }
}
