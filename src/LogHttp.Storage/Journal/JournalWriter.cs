using System.IO.Pipelines;
using System.Numerics;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Layout;

namespace LogHttp.Storage.Journal;

/// <summary>
/// Makes units durable, round after round, for a whole data directory. One round is one write and one fdatasync of a
/// file whose blocks are already written. So its cost does not depend on the number of partitions.
/// </summary>
/// <remarks>
/// Threads: <see cref="Submit"/> and <see cref="TryEnter"/> may be called from any thread. Rounds run on the commit
/// scheduler, one at a time. A round only takes, encodes, writes and syncs units and hands them over. The keeper
/// creates and frees files and has segments synced (JournalWriter.Keeping.cs), on a scheduler of its own. <c>_gate</c>
/// is never held across I/O.
/// </remarks>
internal sealed partial class JournalWriter
{
    /// <summary>From this number of units on, two work items share the completions of a round.</summary>
    const int UnitsPerHandOver = 16;

    readonly StorageEnvironment _environment;
    readonly JournalOptions _options;
    readonly PipeScheduler _commitScheduler;
    readonly PipeScheduler _keeperScheduler;
    readonly DiskReserve _reserve;
    readonly Lock _gate = new();

    // Guarded by _gate.
    readonly Queue<JournalUnit> _waiting = [];
    readonly Queue<JournalFile> _spares = [];
    readonly List<IUnsyncedLog> _parked = [];
    long _waitingBytes;

    // Guarded by _gate: the room in the live file, the most bytes that entered units take of it, and the number of
    // sealed files.
    long _liveRoomBytes;
    long _enteredBytes;
    int _sealedFiles;

    // Guarded by _gate: a round is scheduled or runs, or a round waits for a file.
    bool _isRunning;
    bool _isStalled;

    // Guarded by _gate: why the attempt failed that the stalled round waited for.
    IOException? _stallFailure;

    // Used by the commit thread, and by the start before the first round.
    readonly Queue<JournalFileUse> _sealed = [];
    readonly List<JournalUnit> _round = [];
    bool _hasRoundFailed;
    readonly List<JournalSubject> _carried = [];
    JournalFileUse? _live;
    byte[] _buffer = [];
    ulong _lastRound;
    uint _lastHeadChecksum;

    // Used by the commit thread: a sealed file whose segments are synced, and its first subject that is still to be
    // checked.
    JournalFileUse? _retiring;
    int _nextRetiring;

    /// <summary>The number of the last durable round. Any thread.</summary>
    public ulong LastRound => Volatile.Read(ref _lastRound);

    /// <summary>Counters of the journal's work since the start.</summary>
    public JournalCounters Counters { get; } = new();

    /// <summary>
    /// Queues a unit that has entered for one of the next rounds. Units become durable, and are completed, in this
    /// order.
    /// </summary>
    public void Submit(JournalUnit unit)
    {
        bool isStalled;
        lock (_gate)
        {
            _waiting.Enqueue(unit);
            _waitingBytes += unit.EncodedBytes;
            if (_isRunning)
                return;
            isStalled = _isStalled;
            _isRunning = !isStalled;
        }
        if (isStalled)
            RequestFile();
        else
            ScheduleRound();
    }

    /// <summary>
    /// Under <c>_gate</c>: whether a spare may become the live file. A failed file that begins with a round of the next
    /// number must be removed first, because that round may be durable.
    /// </summary>
    bool HasUsableSpare => _spares.Count > 0 && _unremoved == 0;

    void ScheduleRound() => _commitScheduler.Schedule(static state => ((JournalWriter)state!).RunRounds(), this);

    /// <summary>
    /// Runs one round for each work item, so that a seeded scheduler can run other work between two of them.
    /// </summary>
    void RunRounds()
    {
        BeginRetirement();
        TakeUnits();
        if ((_round.Count > 0 || _retiring is not null) && !RunRound())
        {
            CloseIfDue();
            return;
        }
        BeginRetirement();
        IUnsyncedLog[] resumed;
        bool isFileMissing;
        lock (_gate)
        {
            resumed = TakeResumed();
            _isRunning = _waiting.Count > 0 || _retiring is not null;
            if (_isRunning)
                ScheduleRound();
            isFileMissing = !_isRunning && _parked.Exists(log => !HasSpaceFor(log));
        }
        foreach (var log in resumed)
            log.Resume(failure: null);
        if (isFileMissing)
            RequestFile();
        CloseIfDue();
    }

    /// <summary>
    /// Moves as many waiting units into the round as fit. A round that waits for a file keeps its units.
    /// </summary>
    void TakeUnits()
    {
        if (_round.Count > 0)
            return;
        var roundBytes = 0L;
        List<JournalUnit>? abandoned = null;
        lock (_gate)
        {
            while (
                _waiting.TryPeek(out var unit)
                && (roundBytes == 0 || roundBytes + unit.EncodedBytes <= _options.RoundBytes)
            )
            {
                _waiting.Dequeue();
                _waitingBytes -= unit.EncodedBytes;
                if (unit.IsAbandoned)
                {
                    _enteredBytes -= OwnRoundBytes(unit.EnteredBytes);
                    (abandoned ??= []).Add(unit);
                    continue;
                }
                _round.Add(unit);
                roundBytes += unit.EncodedBytes;
            }
        }
        if (abandoned is not null)
            Schedule(
                new RoundCompletion(
                    [.. abandoned],
                    new IOException("An earlier append to the partition could not be made durable.")
                )
            );
    }

    /// <summary>Writes one round and hands its units over. Returns false if it has to wait for a file.</summary>
    bool RunRound()
    {
        var unitBytes = 0;
        foreach (var unit in _round)
            unitBytes += unit.EncodedBytes;
        if (!HasRoomFor(unitBytes))
        {
            // A full file keeps room for the oldest file's last entries, or neither could ever be reused. If several
            // are retired at once, the others may have to wait for the file that the first one frees.
            if (_retiring is not null && _live is { HasFailed: false, RoomBytes: >= JournalFormat.BlockBytes } live)
            {
                if (TryWriteRound([]) is { } retirementFailure)
                    Fail(live, retirementFailure);
                return true;
            }
            if (!TrySwitch())
                return Stall();
        }
        while (TryWriteRound(_round) is { } failure)
        {
            // The kernel reports a failed sync once, and may have dropped the pages. So the whole round is written to
            // another file, once. It may wait for a file to be created in between.
            Fail(_live!, failure);
            if (_hasRoundFailed)
            {
                HandOver(failure);
                return true;
            }
            _hasRoundFailed = true;
            if (!TrySwitch())
                return Stall();
        }
        HandOver(TryMark());
        return true;
    }

    /// <summary>
    /// Stops writing to the live file. A file that begins with the failed round is removed before the next file is
    /// used. That round may be durable, and would rival the one that takes its number.
    /// </summary>
    void Fail(JournalFileUse live, IOException exception)
    {
        live.HasFailed = true;
        lock (_gate)
            _isLiveUsable = false;
        StorageLog.JournalFileFailed(_environment.Logger, exception, live.File.Path);
        if (live.HasRounds)
            return;
        Seal();
        _live = null;
    }

    bool HasRoomFor(int unitBytes)
    {
        if (_live is not { HasFailed: false } live)
            return false;
        // One block more: a carried entry and a unit may each end in a block of their own.
        var reservedBytes = _sealed.TryPeek(out var oldest) ? oldest.StateBytes + JournalFormat.BlockBytes : 0;
        return JournalFormat.Align(JournalFormat.HeadBytes + unitBytes + reservedBytes) <= live.RoomBytes;
    }

    /// <summary>
    /// Encodes, writes and syncs a round of these units and of the carried entries. Returns null if it is durable.
    /// </summary>
    IOException? TryWriteRound(List<JournalUnit> units)
    {
        var live = _live!;
        var unitBytes = 0;
        foreach (var unit in units)
            unitBytes += unit.EncodedBytes;
        var (carriedBytes, nextRetiring) = ChooseCarried(live.RoomBytes - JournalFormat.HeadBytes - unitBytes);
        var lengthBytes = JournalFormat.HeadBytes + carriedBytes + unitBytes;
        var writtenBytes = (int)JournalFormat.Align(lengthBytes);
        if (_buffer.Length < writtenBytes)
            _buffer = GC.AllocateUninitializedArray<byte>((int)BitOperations.RoundUpToPowerOf2((uint)writtenBytes));
        var round = _buffer.AsSpan(0, writtenBytes);
        var entries = _carried.Count;
        var position = JournalFormat.HeadBytes;
        // Carried entries come first: a later entry of the same partition decides its end.
        foreach (var subject in _carried)
            position += subject.WriteState(round[position..]);
        foreach (var unit in units)
        {
            position += unit.Encode(round[position..]);
            entries += unit.EntryCount;
        }
        // Whole blocks are written. For a partial block the kernel would first have to read the block if it is not
        // cached.
        round[position..].Clear();
        var retires = _retiring is not null && nextRetiring == _retiring.Subjects.Count;
        var head = new RoundHead(
            (uint)entries,
            live.Epoch,
            _lastRound + 1,
            OldestNeeded(retires),
            lengthBytes,
            _lastHeadChecksum,
            Crc32C.Of(round[JournalFormat.HeadBytes..lengthBytes])
        );
        var headChecksum = head.Write(round);
        try
        {
            live.File.Write(round, live.Position);
            live.File.Sync();
        }
        catch (IOException exception)
        {
            return exception;
        }
        _lastHeadChecksum = headChecksum;
        live.Position += writtenBytes;
        lock (_gate)
            _liveRoomBytes = live.RoomBytes;
        Volatile.Write(ref _lastRound, head.Number);
        live.HasRounds = true;
        foreach (var subject in _carried)
            subject.NameIn(live);
        foreach (var unit in units)
            unit.Journaled(live);
        Counters.Add(units, writtenBytes);
        _nextRetiring = nextRetiring;
        if (retires)
            Retire(live.Epoch);
        if (live.IsHalfFull && CanFreeOldest())
            RequestCheckpoint();
        return null;
    }

    /// <summary>
    /// Chooses the subjects whose last entry this round carries over from the retiring file. A subject whose own files
    /// have the same state needs none. So no acknowledged end is lost with the file.
    /// </summary>
    (int SizeBytes, int NextRetiring) ChooseCarried(long roomBytes)
    {
        _carried.Clear();
        var sizeBytes = 0;
        var next = _nextRetiring;
        for (; _retiring is not null && next < _retiring.Subjects.Count; next++)
        {
            var subject = _retiring.Subjects[next];
            if (subject.LastFile != _retiring || subject.IsCovered)
                continue;
            if (sizeBytes + subject.StateBytes > Math.Min(roomBytes, _options.RoundBytes))
                break;
            _carried.Add(subject);
            sizeBytes += subject.StateBytes;
        }
        return (sizeBytes, next);
    }

    /// <summary>
    /// Returns the first round that a start must read. The round that retires a file holds all entries carried over
    /// from it.
    /// </summary>
    ulong OldestNeeded(bool retires)
    {
        foreach (var use in _sealed)
        {
            if (!retires || use != _retiring)
                return use.FirstRound;
        }
        return _live!.FirstRound;
    }

    /// <summary>
    /// Removes the retiring file from the sealed ones, once a durable round records that nothing in it is needed.
    /// </summary>
    void Retire(ulong liveEpoch)
    {
        _retiring = null;
        var retired = _sealed.Dequeue();
        lock (_gate)
        {
            _sealedFiles--;
            _readable.Remove(retired);
        }
        Free(retired, liveEpoch);
    }

    /// <summary>Begins to retire the oldest sealed file if its segments are synced.</summary>
    void BeginRetirement()
    {
        if (_retiring is not null || !_sealed.TryPeek(out var oldest) || _live is null)
            return;
        var endRound = OldestEndRound;
        lock (_gate)
        {
            if (_syncedBefore < endRound)
                return;
        }
        (_retiring, _nextRetiring) = (oldest, 0);
    }

    /// <summary>The round after the oldest sealed file.</summary>
    ulong OldestEndRound => _sealed.Count > 1 ? _sealed.ElementAt(1).FirstRound : _live!.FirstRound;

    /// <summary>Returns whether a checkpoint allows the oldest sealed file to be reused.</summary>
    bool CanFreeOldest()
    {
        if (_sealed.Count == 0)
            return false;
        var endRound = OldestEndRound;
        lock (_gate)
            return KeptFromRound >= endRound;
    }

    /// <summary>Continues in a spare. Returns false if none is ready.</summary>
    bool TrySwitch()
    {
        JournalFile spare;
        lock (_gate)
        {
            if (!HasUsableSpare)
                return false;
            spare = _spares.Dequeue();
            (_isLiveUsable, _liveRoomBytes) = (true, spare.SizeBytes);
        }
        Seal();
        _live = new JournalFileUse([spare], (ulong)_environment.NewId(), _lastRound + 1);
        lock (_gate)
            _readable.Add(_live);
        Volatile.Write(ref _liveFirstRound, _live.FirstRound);
        KeepSpare();
        return true;
    }

    void Seal()
    {
        switch (_live)
        {
            case { HasRounds: true } live:
                // The previous file is not retired yet, so half of this file filled before that was done.
                if (_sealed.Count > 0)
                    GrowFiles();
                _sealed.Enqueue(live);
                lock (_gate)
                    _sealedFiles++;
                break;
            case { } live:
                lock (_gate)
                    _readable.Remove(live);
                Free(live, liveEpoch: null);
                break;
        }
    }

    /// <summary>
    /// Makes the round wait for a file. Returns true if no file can be provided. Then the units are completed with an
    /// unknown outcome. A round without units, which only retires a file, always waits: on a full disk nobody requests
    /// another attempt.
    /// </summary>
    bool Stall()
    {
        // A checkpoint allows a sealed file to be reused, as long as its round can be written to the live one.
        var isCheckpointEnough = _live is { HasFailed: false } && CanFreeOldest();
        if (isCheckpointEnough)
            RequestCheckpoint();
        IOException? failure;
        lock (_gate)
        {
            // The checkpoint waits for a repair, which may wait for this round.
            isCheckpointEnough &= _repairsDue <= 0;
            if (HasUsableSpare)
            {
                ScheduleRound();
                return false;
            }
            (failure, _stallFailure) = (_stallFailure, null);
            if (failure is null || isCheckpointEnough || _round.Count == 0)
                (_isRunning, _isStalled) = (false, true);
        }
        if (!isCheckpointEnough && failure is not null && _round.Count > 0)
        {
            HandOver(failure);
            return true;
        }
        // Not after an attempt that has just failed.
        if (failure is null)
            RequestFile();
        return false;
    }

    /// <summary>Continues a round that waits for a file, or a retirement.</summary>
    void Wake()
    {
        lock (_gate)
        {
            if (_isRunning || _isClosed)
                return;
            (_isRunning, _isStalled) = (true, false);
        }
        ScheduleRound();
    }

    /// <summary>
    /// Gives the round's units to one or two work items, which publish the records, wake readers and complete requests.
    /// </summary>
    void HandOver(IOException? failure)
    {
        _hasRoundFailed = false;
        if (_round.Count == 0)
            return;
        if (failure is not null)
        {
            StorageLog.JournalFailed(_environment.Logger, failure, _round.Count);
            foreach (var unit in _round)
                unit.Abandon();
        }
        var completion = new RoundCompletion([.. _round], failure);
        lock (_gate)
        {
            foreach (var unit in _round)
                _enteredBytes -= OwnRoundBytes(unit.EnteredBytes);
        }
        _round.Clear();
        Schedule(completion);
    }

    void Schedule(RoundCompletion completion)
    {
        for (var item = 0; item < (completion.Count < UnitsPerHandOver ? 1 : 2); item++)
            _environment.AppendScheduler.Schedule(static state => ((RoundCompletion)state!).Run(), completion);
    }

    /// <summary>
    /// The units of a round. The first work item that reaches a unit completes it, and then runs the code that waits
    /// for it.
    /// </summary>
    sealed class RoundCompletion(JournalUnit[] units, IOException? failure)
    {
        int _last = -1;

        public int Count => units.Length;

        public void Run()
        {
            var completed = new List<JournalUnit>();
            while (Interlocked.Increment(ref _last) is var next && next < units.Length)
            {
                units[next].Completed(failure);
                completed.Add(units[next]);
            }
            foreach (var unit in completed)
                unit.Continue();
        }
    }
}
