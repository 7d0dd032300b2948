using System.Globalization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Topics;
using LogHttp.Storage.Waiting;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Simulation;

/// <summary>
/// One run of the real log on a disk that loses unsynced data. A seed decides the requests, the order in which the
/// log's work runs, and the faults of the disk. All promises are checked after every start, and in between.
/// </summary>
/// <remarks>
/// The run is a row of <i>lives</i>. A process opens the data directory, works for some steps, and ends by closing, by
/// being killed, or with the power. One thread runs everything, except for the end of a deletion, for which that thread
/// waits.
/// </remarks>
sealed partial class StorageSimulation
{
    const string DataDirectory = "/data";
    const int MaxFailedStarts = 6;

    static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    readonly Random _random;
    readonly SimulationTrace _trace;
    readonly SimulatedScheduler _scheduler;
    readonly FaultSchedule _faults;
    readonly StorageOptions _options;
    readonly NameModel[] _names;
    readonly List<HeldPage> _heldPages = [];

    // The logs of topics that were deleted in this life.
    readonly List<(PartitionLog Log, PartitionModel Model)> _deletedLogs = [];
    readonly int _maxRecordSize;

    PowerCutFileSystem _fileSystem;
    SimulatedTime _time = new(Start);
    SimulatedLane _lane;
    TopicCatalog _catalog = null!;
    Deletion? _deletion;
    Turnstile _turnstile = new();
    int _step;
    int _appendCount;
    long _idCount;
    long _latestClockMs;
    bool _isFinishing;

    // Since the last start that was checked: whether the power was cut, and the errors before this life.
    bool _wasPowerCut;
    int _errorsBeforeLife;
    bool _wasOpenedLimited;

    // The life in which the power is surely cut, and whether it is cut again while the next start applies the journal.
    readonly int _lives;
    readonly int _cutLife;
    readonly bool _cutsRedo;
    bool _isRedoCutDue;
    int _redoCutAttempts;
    int _powerCuts;

    StorageSimulation(int seed, SimulationTrace trace, int? nameCount = null)
    {
        _random = new Random(seed);
        _trace = trace;
        _scheduler = new SimulatedScheduler(new Random(_random.Next()));
        _lane = _scheduler.CreateLane();
        _faults = new FaultSchedule(new Random(_random.Next()), trace);
        _fileSystem = new PowerCutFileSystem(new Random(_random.Next()), canSyncAll: _random.Next(2) == 0)
        {
            Faults = _faults.Decide,
            TearsPages = seed % 7 < 3,
        };
        _producerRandom = seed % 5 == 3 ? new Random(seed ^ 0x5bd1e995) : null;
        _producerCount = _producerRandom is null ? 0 : 1 + _producerRandom.Next(ProducerIds.Length);
        // In a third of these runs the log knows few producers, for a short time. Otherwise as in a server.
        var fewProducers = _producerRandom?.Next(3) == 0 ? 1 + _producerRandom.Next(4) : (int?)null;
        _keyRandom = seed % 17 is 0 or 11 or 12 ? new Random(seed ^ 0x1b873593) : null;
        // In a third of these runs keys expire, and in another few of them fill the table.
        var (maxKeys, keyExpiry) = _keyRandom?.Next(3) switch
        {
            0 => (100_000, TimeSpan.FromSeconds(5 + _keyRandom.Next(60))),
            1 => (1 + _keyRandom.Next(12), TimeSpan.FromDays(7)),
            _ => (100_000, TimeSpan.FromDays(7)),
        };
        _maxRecordSize = _random.Next(3) switch
        {
            0 => 200,
            1 => 4_000,
            _ => 30_000,
        };
        _options = new StorageOptions
        {
            Directory = DataDirectory,
            Records = new RecordLimits { MaxRecordBytes = 128 << 10, MaxBatchBytes = 256 << 10 },
            MaxQueuedBytes = _random.Next(4) == 0 ? 256 << 10 : 8 << 20,
            MaxGroupBytes = 64 << 10,
            CheckpointBytes = _random.Next(3) == 0 ? 256 << 10 : 64 << 10,
            SyncAllThreshold = _random.Next(4),
            MinJournalFileBytes = 64 << 10,
            MaxJournalFileBytes = 256 << 10,
            MaxOpenSegments = _random.Next(2) == 0 ? 4 : 16,
            MaxProducers = fewProducers ?? 10_000,
            ProducerExpiry = fewProducers is null
                ? TimeSpan.FromDays(7)
                : TimeSpan.FromSeconds(60 + _producerRandom!.Next(60)),
            MaxIdempotencyKeys = maxKeys,
            IdempotencyExpiry = keyExpiry,
        };
        _names =
        [
            .. Enumerable.Range(0, nameCount ?? 1 + _random.Next(3)).Select(number => new NameModel($"t{number}")),
        ];
        _readerRandom = seed % 3 == 1 ? new Random(~seed) : null;
        _trimRandom = seed % 4 == 2 ? new Random(-seed) : null;
        _unitRandom = seed % 2 == 0 ? new Random(seed ^ 0x2545f491) : null;
        _volumeRandom = seed % 6 == 5 ? new Random(seed ^ 0x3ade68b1) : null;
        // No seed that a mutation names.
        _growthRandom = seed % 13 == 11 ? new Random(seed ^ 0x1b873593) : null;
        _lossRandom = seed % 11 == 7 ? new Random(seed ^ 0x6c078965) : null;
        _topicVolumeCount = _volumeRandom?.Next(3) switch
        {
            null or 0 => 0,
            1 => 1,
            _ => _names.Length,
        };
        _lives = 2 + _random.Next(6);
        (_cutLife, _cutsRedo) = (_random.Next(_lives), seed % 3 == 0);
        trace.Logged += OnLogged;
    }

    /// <summary>Runs one seed.</summary>
    /// <exception cref="SimulationException">
    /// The log broke a promise. The message says which one, and how to reproduce it.
    /// </exception>
    public static void Run(int seed, SimulationTrace? trace = null)
    {
        trace ??= new SimulationTrace();
        var simulation = new StorageSimulation(seed, trace);
        try
        {
            simulation.Run();
        }
        catch (Exception exception)
        {
            throw new SimulationException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Seed {seed}, step {simulation._step}: {exception.Message}\nReplay: "
                        + $"LOGHTTP_SIMULATION_SEED={seed} dotnet test tests/LogHttp.Storage.Tests --filter "
                        + $"Simulation\nWhat happened last:\n{trace}"
                ),
                exception
            );
        }
    }

    void Run()
    {
        MountJournal();
        for (var life = 0; life < _lives || _isRedoCutDue; life++)
        {
            if (life == _cutLife)
                _faults.CutAt(_fileSystem.CallCount + 1 + _random.Next(600));
            Live(isLast: false);
            if (_faults.IsCutDue && life >= _cutLife)
                CutPower();
            // A start with nothing to apply has no redo, and is cut all the same.
            if (life == _cutLife)
                _isRedoCutDue = _cutsRedo;
            ChangeVolumes(isLast: life >= _lives - 1 && !_isRedoCutDue);
        }
        Live(isLast: true);
        // One cut at a drawn call, and in a third of the runs one in a start that follows.
        Require(_powerCuts >= (_cutsRedo ? 2 : 1), $"The power was cut {_powerCuts} times only");
    }

    /// <summary>Runs one process, from a successful start to its end.</summary>
    void Live(bool isLast)
    {
        if (!Open(isLast))
            return;
        try
        {
            LookAtAll(afterStart: true);
            if (isLast)
                _faults.Calm();
            foreach (var name in _names)
            {
                if (name.Topic is null && _random.Next(2) == 0)
                    CreateTopic(name);
            }
            var steps = 5 + _random.Next(80);
            for (var step = 0; step < steps; step++)
            {
                _step++;
                Step();
                StepReaders();
                StepTrims();
                StepUnits();
                StepGrowth();
                if (_random.Next(3) == 0)
                    Pump(_random.Next(6));
                Listen();
            }
            if (isLast)
                Finish();
            else if (_faults.IsCutDue)
                throw new PowerCutException();
            else
                End();
        }
        catch (PowerCutException)
        {
            CutPower();
        }
        catch (KilledException)
        {
            Kill();
        }
    }

    /// <summary>
    /// Starts until a start succeeds. False if none did, for which each attempt must have met a fault.
    /// </summary>
    bool Open(bool isLast)
    {
        for (var attempt = 0; attempt < MaxFailedStarts; attempt++)
        {
            var isKind = isLast || attempt == MaxFailedStarts - 1;
            if (isKind)
                BeKind();
            else if (_random.Next(3) == 0)
                _faults.Draw(_fileSystem.CallCount);
            else if (_random.Next(4) == 0)
                _faults.Strike(_fileSystem.CallCount, 10);
            if (_isRedoCutDue && !isLast)
                _faults.CutDuringRedo(_fileSystem.CallCount, withinCalls: ++_redoCutAttempts < 3 ? 120 : 8);
            _lane = _scheduler.CreateLane();
            (_errorsBeforeLife, _wasOpenedLimited) = (_faults.ErrorCount, IsLimited);
            _trace.Add("open");
            try
            {
                _catalog = TopicCatalog.Open(Environment(), _options);
                (_deadlines, _isStopping, _isWaitingStopped) = (new Deadlines(_time), false, false);
                // A successful start postpones work that a full disk prevents.
                _wasOpenedLimited |= _faults.ErrorCount > _errorsBeforeLife;
                if (_isRedoCutDue)
                    _faults.CancelCut();
                if (AreOthersOpen())
                    return true;
                // The server would serve the other topics. The next start must find this one whole, so it happens here.
                Require(
                    _faults.ErrorCount > _errorsBeforeLife,
                    $"A topic did not open, and no error had struck: {string.Join(", ", _catalog.DamagedTopics)}"
                );
                Kill();
            }
            catch (PowerCutException)
            {
                CutPower();
                // A kind start meets no other fault, and a cut that was due happens once.
                if (isKind)
                    attempt--;
            }
            catch (KilledException)
            {
                Kill();
            }
            catch (IOException exception)
            {
                // The journal's records may need more room than the disk has. Then they stay in the journal.
                Require(
                    _faults.ErrorCount > _errorsBeforeLife || (IsLimited && exception is DiskFullException),
                    $"The start failed, and no error had struck: {exception}"
                );
                _trace.Add($"the start failed: {exception.Message}");
                if (_random.Next(2) == 0)
                    Kill();
            }
        }
        throw new SimulationException("The log never started, although nothing struck in the end.");
    }

    StorageEnvironment Environment()
    {
        var turnstile = _turnstile;
        return new()
        {
            FileSystem = _fileSystem,
            Time = _time,
            AppendScheduler = _lane,
            CommitScheduler = _lane,
            NewId = () =>
            {
                // Once its topic is closed, a deletion continues on the thread pool, and first requests an id.
                turnstile.Pass();
                return ++_idCount;
            },
            Logger = _trace,
        };
    }

    bool IsLimited => _fileSystem.CapacityBytes < long.MaxValue;

    /// <summary>Before the disk gets room: a later refusal may be due to the earlier limit.</summary>
    void NoteLimit()
    {
        foreach (var append in Models.SelectMany(static model => model.Pending))
            append.MetLimit |= IsLimited;
    }

    /// <summary>Ends all faults, and gives the disk room.</summary>
    void BeKind()
    {
        NoteLimit();
        _faults.Calm();
        _fileSystem.CapacityBytes = long.MaxValue;
    }

    /// <summary>Ends a life that no fault has ended.</summary>
    void End()
    {
        switch (_random.Next(4))
        {
            case 0:
                Kill();
                break;
            case 1:
                throw new PowerCutException();
            default:
                Close();
                HarmFiles();
                if (_random.Next(4) == 0)
                    throw new PowerCutException();
                break;
        }
    }

    /// <summary>
    /// At the end the disk works, and so does everything else: appends, and a clean stop that survives a power cut.
    /// </summary>
    void Finish()
    {
        _isFinishing = true;
        BeKind();
        FinishDeletion();
        if (_names.Any(name => name.IsUnreadable || Partitions(name).Any(pair => pair.Log.StoppedReason is not null)))
        {
            Close();
            Require(Open(isLast: true), "no start");
            LookAtAll(afterStart: true);
        }
        foreach (var name in _names)
            CreateTopic(name);
        foreach (var name in _names)
        {
            foreach (var (log, model) in Partitions(name))
                Append(log, model);
        }
        PumpAll();
        Listen();
        CatchUp();
        LookAtAll(afterStart: false);
        TrimAll();
        Close();
        CutPower();
        Require(Open(isLast: true), "no start");
        LookAtAll(afterStart: true);
        Close();
    }

    /// <summary>Closes the log cleanly, with work and pages still under way.</summary>
    void Close()
    {
        StopWaiting();
        FinishDeletion();
        // Also of a topic that exists again because its deletion failed.
        OpenReader();
        StepReaders();
        _trace.Add("close");
        _isStopping = true;
        var errors = _faults.ErrorCount;
        var closing = _catalog.DisposeAsync().AsTask();
        if (_random.Next(3) == 0)
            AppendSomewhere();
        PumpAll();
        // Its last few lines run on the thread pool, and use nothing but the lock.
        Require(closing.Wait(TimeSpan.FromSeconds(60)), "The catalog did not close, though nothing is left to run.");
        Listen();
        Require(_pendingUnits == 0, $"{_pendingUnits} units were not answered by the close");
        foreach (var name in _names)
        {
            foreach (var (log, model) in Partitions(name))
                Closed(log, model, errors);
        }
        while (_heldPages.Count > 0)
            ReleasePage();
        _deletedLogs.Clear();
        _deadlines!.Dispose();
        Require(_readers.Count == 0, $"{string.Join(", ", _readers)} still read after the close");
        Require(_time.UntilNextTimer is null, "a timer is set after the close");
        Require(
            _fileSystem.OpenHandleCount == 0,
            $"{_fileSystem.OpenHandleCount} file handles are open after the close: "
                + $"{string.Join(", ", _fileSystem.OpenPaths)}"
        );
    }

    /// <summary>
    /// A partition was closed, alone with its topic or with everything: all appends are answered and durable.
    /// </summary>
    void Closed(PartitionLog log, PartitionModel model, int errorsBefore)
    {
        Require(
            model.Pending.Count == 0,
            $"{model.Name}: {model.Pending.Count} appends were not answered by the close"
        );
        Require(model.Trims.Count == 0, $"{model.Name}: {model.Trims.Count} trims were not answered by the close");
        if (log.StoppedReason is null)
            model.DurableCount = model.Lines.Count;
        CheckStop(log, model);
        model.Producers.WasClosed = log.StoppedReason is null && _faults.ErrorCount == errorsBefore && !IsLimited;
        // Stamps continue from the checkpoint, which may not have been written.
        if (log.StoppedReason is not null || _faults.ErrorCount > errorsBefore || IsLimited)
            model.LastStampMs = 0;
        EndReadersOf(log);
    }

    void Kill()
    {
        _trace.Add("kill");
        Die();
        _faults.Revive();
        _fileSystem = _fileSystem.Kill();
    }

    void CutPower()
    {
        _trace.Add("power cut");
        Die();
        _faults.Revive();
        _wasPowerCut = true;
        _powerCuts++;
        if (_isRedoCutDue && !_faults.IsCutDue)
            _isRedoCutDue = false;
        _faults.CancelCut();
        _fileSystem = _fileSystem.PowerCut();
    }

    /// <summary>Ends all activity of the process: its work, its timers, the pages that it sends.</summary>
    void Die()
    {
        _lane.Clear();
        _turnstile.Close();
        _turnstile = new Turnstile();
        _deletion = null;
        _deletedLogs.Clear();
        _heldPages.Clear();
        _readers.Clear();
        _rested.Clear();
        _time = new SimulatedTime(_time.GetUtcNow());
        foreach (var model in Models)
        {
            Listen(model);
            ForgetTrims(model);
            foreach (var append in model.Pending)
                append.MetError = _faults.ErrorCount > _errorsBeforeLife;
            model.Unknown.AddRange(model.Pending);
            model.Pending.Clear();
            (model.LastStampMs, model.DueCount) = (0, 0);
        }
    }

    void Pump(int count)
    {
        while (count > 0 && RunOne())
            count--;
    }

    void PumpAll()
    {
        for (var count = 0; RunOne(); count++)
            Require(count < 20_000, "There is always work left: something feeds itself.");
        foreach (var (log, model) in _names.SelectMany(Partitions))
        {
            if (log.StoppedReason is null)
                model.DurableCount = Math.Max(model.DurableCount, model.DueCount);
        }
        CheckWaiting();
    }

    /// <summary>
    /// Runs one piece of the log's work. If that closed the topic of a deletion, the deletion continues at once.
    /// </summary>
    bool RunOne()
    {
        if (!_scheduler.RunOne())
            return false;
        if (_deletion is { IsTopicClosed: true })
            EndDeletion();
        Listen();
        return true;
    }

    /// <summary>Runs work until a repair has ended. Readers wait for that.</summary>
    void AwaitRepair(PartitionLog log)
    {
        for (var count = 0; log.View.Repaired is { IsCompleted: false }; count++)
            Require(RunOne() && count < 20_000, "A repair does not end.");
    }

    /// <summary>The models of all partitions that may exist.</summary>
    IEnumerable<PartitionModel> Models => _names.SelectMany(name => name.Topics).SelectMany(topic => topic.Partitions);

    /// <summary>The partitions of the topic with a name, each with its model.</summary>
    IEnumerable<(PartitionLog Log, PartitionModel Model)> Partitions(NameModel name) =>
        name.Topic is { } topic ? _catalog.Find(name.Name)!.Partitions.Zip(topic.Partitions) : [];

    static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new SimulationException(otherwise);
    }
}
