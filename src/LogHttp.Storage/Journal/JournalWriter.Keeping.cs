using System.Diagnostics;
using LogHttp.Storage.Files;

namespace LogHttp.Storage.Journal;

// The keeper: makes and frees files, and has segments synced before a file is used again. It may wait for the disk as
// long as it likes, for rounds go on meanwhile.
internal sealed partial class JournalWriter
{
    readonly Lock _unsyncedGate = new();

    // Guarded by _unsyncedGate. The count is read without it.
    readonly HashSet<IUnsyncedLog> _unsynced = [];
    int _unsyncedCount;

    // Guarded by _gate: how many files there are, and whether rounds can be written to the live one.
    int _files;
    bool _isLiveUsable;
    long _targetFileBytes;
    bool _isMakingFile;

    // Guarded by _gate: the last attempt to make or to free a file failed, and is repeated now and then.
    bool _isAttemptDue;

    // Guarded by _gate: files of failed uses without a round that counts, which are not removed yet.
    int _unremoved;

    // Guarded by _gate: the rounds before this one are in segments, durably.
    ulong _syncedBefore;
    bool _isCheckpointing;

    // Guarded by _gate: logs that are open, and whether the journal closes with the last of them.
    int _openLogs;
    bool _isClosing;
    bool _isCloseDue;
    bool _isClosed;

    // Written by the commit thread. The rounds before it are in sealed files.
    ulong _liveFirstRound;

    // The keeper's, and the start's before that.
    readonly Queue<(JournalFileUse Use, ulong? LiveEpoch)> _freed = [];
    long _nextFileNumber;

    // The keeper's: the first file of the use at the head of _freed that is not free yet.
    int _nextFreed;

    // Written by the commit thread with the first round, then by the keeper.
    ulong? _markedEpoch;

    readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>A log was opened. The journal closes after it.</summary>
    public void Opened()
    {
        lock (_gate)
            _openLogs++;
    }

    /// <summary>A log was closed. With the last one the journal closes too, where that was asked for.</summary>
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

    /// <summary>A log is about to hold bytes that only the journal has durably. Any thread.</summary>
    public void AddUnsynced(IUnsyncedLog log)
    {
        int count;
        lock (_unsyncedGate)
        {
            _unsynced.Add(log);
            Volatile.Write(ref _unsyncedCount, count = _unsynced.Count);
        }
        // At half of the bound, so that nobody has to wait for it.
        if (count == (_options.MaxUnsyncedLogs + 1) / 2)
            RequestCheckpoint();
    }

    /// <summary>A log holds no such bytes any more. Any thread.</summary>
    public void RemoveUnsynced(IUnsyncedLog log)
    {
        lock (_unsyncedGate)
        {
            _unsynced.Remove(log);
            Volatile.Write(ref _unsyncedCount, _unsynced.Count);
        }
        IUnsyncedLog[] resumed;
        lock (_gate)
            resumed = TakeResumed();
        foreach (var parked in resumed)
            parked.Resume(failure: null);
    }

    /// <summary>Tries again what a full or failing disk did not let the keeper do. Called now and then.</summary>
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
    /// Has an attempt made to provide a file, for a log or a round that waits for one. Each attempt has such a reason:
    /// on a full disk the keeper must not try on and on.
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
    /// An attempt to make or to free a file failed. Those who waited for it are told, and nobody else: when the next
    /// one comes, the disk may have room again.
    /// </summary>
    void AttemptFailed(IOException exception)
    {
        IUnsyncedLog[] refused;
        lock (_gate)
        {
            _isAttemptDue = true;
            if (_isStalled)
                _stallFailure = exception;
            refused = [.. _parked.Where(log => !HasPlaceFor(log))];
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

    /// <summary>Has all segments synced that hold bytes which only the journal has durably.</summary>
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
        // Read first: what the sealed files hold was written to segments, by logs that said so, before.
        var endRound = Volatile.Read(ref _liveFirstRound);
        IUnsyncedLog[] logs;
        lock (_unsyncedGate)
            logs = [.. _unsynced];
        var checkpoint = new JournalCheckpoint(endRound, logs.Length, EndCheckpoint);
        foreach (var log in logs)
            log.SyncFor(checkpoint);
        checkpoint.Done();
    }

    void EndCheckpoint(JournalCheckpoint checkpoint)
    {
        lock (_gate)
        {
            _isCheckpointing = false;
            _syncedBefore = Math.Max(_syncedBefore, Math.Min(checkpoint.EndRound, KeptFromRound));
        }
        Wake();
    }

    void GrowFiles()
    {
        lock (_gate)
            _targetFileBytes = Math.Min(_targetFileBytes * 2, _options.MaxFileBytes);
    }

    /// <summary>Has a file made where none is ready to follow the live one.</summary>
    void KeepSpare()
    {
        lock (_gate)
        {
            if (_isMakingFile || _isClosed || _damage is not null || _spares.Count > 0)
                return;
            // Beyond the bound where every file failed or waits, for else no round could ever free one of them.
            var isBounded = _files >= JournalOptions.MaxFiles && (_isLiveUsable || HasUsableSpare);
            // A checkpoint frees a file then, unless it is kept.
            if (isBounded && _kept.Count == 0)
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
                "The journal keeps all of its files for partitions whose disk has failed, and has no room left."
            )
        );
    }

    void MakeSpare()
    {
        lock (_gate)
        {
            // One was made in place of a small one meanwhile.
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

    /// <summary>Logs that wait look again: a file is ready.</summary>
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

    /// <summary>Hands a use that is needed no more to the keeper.</summary>
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
                // The mark names an epoch that must be found: before that is overwritten, it names another.
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
    /// Makes a file a spare. One that failed, is too small or too many is removed, and another made where one is
    /// missing. On a full disk a small one is better than none.
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
            // One that a start had to make without room for more can't take every unit.
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
    /// With the first round of a start: from then on the directory needs its journal. Null when the mark is durable.
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

    /// <summary>Closes the journal where that waited for the last round.</summary>
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
    /// All logs are closed. Where each is complete in its own files, the mark says that no journal is needed.
    /// </summary>
    void Close()
    {
        lock (_gate)
        {
            // A round that retires a file may run still. It uses the files that are closed here.
            _isCloseDue = _isRunning;
            if (_isClosed || _isCloseDue)
                return;
            _isClosed = true;
            Debug.Assert(_enteredBytes == 0, "a unit has a place and was neither submitted nor given up");
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
            // The journal stays needed, and is there.
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

    /// <summary>Whether every log's own files say what its last entry says.</summary>
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
        // Where no round was written, the mark is right as it is.
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
