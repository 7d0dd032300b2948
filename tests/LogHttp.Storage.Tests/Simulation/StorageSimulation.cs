using System.Globalization;
using LogHttp.Storage.Records;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Simulation;

/// <summary>
/// One run of the real log on a disk that forgets what was not synced: a seed decides what is asked of it, in which
/// order its work runs, and what the disk does to it. After every start, and in between, all that was promised is looked
/// for.
/// </summary>
/// <remarks>
/// The run is a row of <i>lives</i>: a process opens the data directory, works for some steps, and ends by closing, by
/// being killed, or with the power. One thread runs everything.
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
    readonly TopicModel[] _topics;
    readonly List<HeldPage> _heldPages = [];
    readonly int _maxRecordSize;

    PowerCutFileSystem _fileSystem;
    SimulatedTime _time = new(Start);
    SimulatedLane _lane;
    TopicCatalog _catalog = null!;
    int _step;
    int _appendCount;
    long _idCount;
    long _latestClockMs;

    // Since the last start that was looked at: whether the power went, and what had struck before this life.
    bool _wasPowerCut;
    int _errorsBeforeLife;
    bool _wasOpenedLimited;

    StorageSimulation(int seed, SimulationTrace trace)
    {
        _random = new Random(seed);
        _trace = trace;
        _scheduler = new SimulatedScheduler(new Random(_random.Next()));
        _lane = _scheduler.CreateLane();
        _faults = new FaultSchedule(new Random(_random.Next()), trace);
        _fileSystem = new PowerCutFileSystem(new Random(_random.Next()), canSyncAll: _random.Next(2) == 0) { Faults = _faults.Decide };
        _maxRecordSize = _random.Next(3) switch { 0 => 200, 1 => 4_000, _ => 30_000 };
        _options = new StorageOptions
        {
            Directory = DataDirectory,
            Records = new RecordLimits { MaxRecordBytes = 128 << 10, MaxBatchBytes = 256 << 10 },
            MaxQueuedBytes = _random.Next(4) == 0 ? 256 << 10 : 8 << 20,
            MaxGroupBytes = 64 << 10,
            CheckpointBytes = _random.Next(3) == 0 ? 256 << 10 : 64 << 10,
            SyncAllThreshold = _random.Next(4),
            MaxOpenSegments = _random.Next(2) == 0 ? 4 : 16,
        };
        _topics = [.. Enumerable.Range(0, 1 + _random.Next(3)).Select(DrawTopic)];
        trace.Logged += OnLogged;
    }

    /// <summary>Runs one seed.</summary>
    /// <exception cref="SimulationException">The log broke a promise; the message says which, and how to see it again.</exception>
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
            throw new SimulationException(string.Create(CultureInfo.InvariantCulture,
                $"Seed {seed}, step {simulation._step}: {exception.Message}\nReplay: LOGHTTP_SIMULATION_SEED={seed} dotnet test tests/LogHttp.Storage.Tests --filter Simulation\nWhat happened last:\n{trace}"), exception);
        }
    }

    void Run()
    {
        var lives = 2 + _random.Next(6);
        for (var life = 0; life < lives; life++)
            Live(isLast: false);
        Live(isLast: true);
    }

    /// <summary>One process, from a start that succeeds to its end.</summary>
    void Live(bool isLast)
    {
        if (!Open(isLast))
            return;
        try
        {
            LookAtAll(afterStart: true);
            if (isLast)
                _faults.Calm();
            var steps = 5 + _random.Next(60);
            for (var step = 0; step < steps; step++)
            {
                _step++;
                Step();
                if (_random.Next(3) == 0)
                    Pump(_random.Next(6));
                Listen();
            }
            if (isLast)
                Finish();
            else
                End();
        }
        catch (PowerCutException)
        {
            CutPower();
        }
    }

    /// <summary>Starts until it works; false when it never did, for which something must have struck each time.</summary>
    bool Open(bool isLast)
    {
        for (var attempt = 0; attempt < MaxFailedStarts; attempt++)
        {
            if (isLast || attempt == MaxFailedStarts - 1)
                BeKind();
            else if (_random.Next(2) == 0)
                _faults.Draw(_fileSystem.CallCount);
            _lane = _scheduler.CreateLane();
            (_errorsBeforeLife, _wasOpenedLimited) = (_faults.ErrorCount, IsLimited);
            _trace.Add("open");
            try
            {
                _catalog = TopicCatalog.Open(Environment(), _options);
                if (_catalog.DamagedTopics.Count == 0)
                    return true;
                // Other topics are served without it; the next start must find it whole, so here it is begun anew.
                Require(_faults.ErrorCount > _errorsBeforeLife, $"A topic did not open, and no error had struck: {string.Join(", ", _catalog.DamagedTopics)}");
                Kill();
            }
            catch (PowerCutException)
            {
                CutPower();
            }
            catch (IOException exception)
            {
                Require(_faults.ErrorCount > _errorsBeforeLife, $"The start failed, and no error had struck: {exception}");
                _trace.Add($"the start failed: {exception.Message}");
                if (_random.Next(2) == 0)
                    Kill();
            }
        }
        throw new SimulationException("The log never started, although nothing struck in the end.");
    }

    StorageEnvironment Environment() => new()
    {
        FileSystem = _fileSystem,
        Time = _time,
        AppendScheduler = _lane,
        CommitScheduler = _lane,
        NewId = () => ++_idCount,
        Logger = _trace,
    };

    bool IsLimited => _fileSystem.CapacityBytes < long.MaxValue;

    /// <summary>No more faults, and room.</summary>
    void BeKind()
    {
        _faults.Calm();
        _fileSystem.CapacityBytes = long.MaxValue;
    }

    /// <summary>How a life ends that no fault ended.</summary>
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
                if (_random.Next(4) == 0)
                    throw new PowerCutException();
                break;
        }
    }

    /// <summary>In the end the disk is well, and then everything works: appends, a clean stop that outlives the power.</summary>
    void Finish()
    {
        BeKind();
        if (_topics.Any(topic => Partitions(topic).Any(pair => pair.Log.StoppedReason is not null)))
        {
            Close();
            Require(Open(isLast: true), "no start");
            LookAtAll(afterStart: true);
        }
        foreach (var topic in _topics)
            CreateTopic(topic);
        foreach (var topic in _topics)
        {
            foreach (var (log, model) in Partitions(topic))
                Append(log, model);
        }
        PumpAll();
        Listen();
        LookAtAll(afterStart: false);
        Close();
        CutPower();
        Require(Open(isLast: true), "no start");
        LookAtAll(afterStart: true);
        Close();
    }

    /// <summary>Closes the log in good order, with work and pages still under way.</summary>
    void Close()
    {
        _trace.Add("close");
        var errors = _faults.ErrorCount;
        var closing = _catalog.DisposeAsync().AsTask();
        if (_random.Next(3) == 0)
            AppendSomewhere();
        PumpAll();
        // Its last few lines continue on the thread pool, and touch nothing but the lock.
        Require(closing.Wait(TimeSpan.FromSeconds(20)), "The catalog did not close, though nothing is left to run.");
        Listen();
        foreach (var topic in _topics)
        {
            foreach (var (log, model) in Partitions(topic))
            {
                Require(model.Pending.Count == 0, $"{model.Name}: {model.Pending.Count} appends were not answered by the close");
                if (log.StoppedReason is null)
                    model.DurableCount = model.Lines.Count;
                CheckStop(log, model);
                // Stamps go on from the checkpoint, which may not have been written.
                if (log.StoppedReason is not null || _faults.ErrorCount > errors || IsLimited)
                    model.LastStampMs = 0;
            }
        }
        while (_heldPages.Count > 0)
            ReleasePage();
        Require(_fileSystem.OpenHandleCount == 0, $"{_fileSystem.OpenHandleCount} file handles are open after the close");
    }

    void Kill()
    {
        _trace.Add("kill");
        Die();
        _fileSystem = _fileSystem.Kill();
    }

    void CutPower()
    {
        _trace.Add("power cut");
        Die();
        _wasPowerCut = true;
        _fileSystem = _fileSystem.PowerCut();
    }

    /// <summary>Nothing of the process goes on: its work, its timers, the pages it was sending.</summary>
    void Die()
    {
        _lane.Clear();
        _heldPages.Clear();
        _time = new SimulatedTime(_time.GetUtcNow());
        foreach (var model in _topics.SelectMany(topic => topic.Partitions))
        {
            Listen(model);
            model.Unknown.AddRange(model.Pending);
            model.Pending.Clear();
            model.LastStampMs = 0;
        }
    }

    void Pump(int count)
    {
        for (var i = 0; i < count && _scheduler.RunOne(); i++)
            Listen();
    }

    void PumpAll()
    {
        for (var count = 0; _scheduler.RunOne(); count++)
            Require(count < 20_000, "There is always work left: something feeds itself.");
        Listen();
    }

    /// <summary>The partitions of a topic that is there, each with what is known of it.</summary>
    IEnumerable<(PartitionLog Log, PartitionModel Model)> Partitions(TopicModel topic) =>
        topic.Existence == TopicExistence.Present
            ? _catalog.Find(topic.Name)!.Partitions.Zip(topic.Partitions)
            : [];

    TopicModel DrawTopic(int number)
    {
        var flush = _random.Next(5) switch
        {
            < 3 => FlushPolicy.Always,
            3 => FlushPolicy.Os,
            _ => FlushPolicy.Every(TimeSpan.FromMilliseconds(1 + _random.Next(2_000))),
        };
        var configuration = new TopicConfiguration { Partitions = 1 + _random.Next(3), SegmentBytes = (64 << 10) * (1 + _random.Next(2)), Flush = flush };
        var name = $"t{number}";
        return new(name, configuration, [.. Enumerable.Range(0, configuration.Partitions)
            .Select(partition => new PartitionModel($"{name}/{partition}", flush, takesOffsets: _random.Next(4) == 0))]);
    }

    static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new SimulationException(otherwise);
    }
}
