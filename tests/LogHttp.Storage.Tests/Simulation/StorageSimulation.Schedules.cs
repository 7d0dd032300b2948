using System.Globalization;
using LogHttp.Storage.Logs;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Simulation;

// Short runs that differ only in the call at which the power is cut.
sealed partial class StorageSimulation
{
    /// <summary>
    /// Runs a schedule with a power cut at one of its calls, and in every third run again during the redo.
    /// </summary>
    /// <returns>Whether the schedule has so many calls.</returns>
    /// <exception cref="SimulationException">The log broke a promise.</exception>
    public static bool RunSchedule(SimulatedSchedule schedule, long cutAtCall)
    {
        var trace = new SimulationTrace();
        var (seed, names) = schedule switch
        {
            SimulatedSchedule.OneTopic => (1, 1),
            SimulatedSchedule.ThreeTopics => (2, 3),
            SimulatedSchedule.Growth => (11, 1),
            _ => (8, 1),
        };
        var simulation = new StorageSimulation(seed, trace, names) { _isFinishing = true };
        try
        {
            return simulation.Play(schedule, cutAtCall);
        }
        catch (Exception exception)
        {
            throw new SimulationException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{schedule}, power cut at call {cutAtCall}: {exception.Message}\nWhat happened last:\n{trace}"
                ),
                exception
            );
        }
    }

    bool Play(SimulatedSchedule schedule, long cutAtCall)
    {
        _latestClockMs = NowMs;
        _faults.CutAt(cutAtCall);
        try
        {
            StartKindly();
            switch (schedule)
            {
                case SimulatedSchedule.OneTopic:
                    PlayOneTopic();
                    break;
                case SimulatedSchedule.ThreeTopics:
                    PlayThreeTopics();
                    break;
                case SimulatedSchedule.Growth:
                    PlayGrowth();
                    break;
                default:
                    PlayRotation();
                    break;
            }
            Close();
        }
        catch (PowerCutException)
        {
            CutPower();
        }
        if (_powerCuts == 0)
            return false;
        if (cutAtCall % 3 == 0)
            _faults.CutDuringRedo(_fileSystem.CallCount, withinCalls: 60);
        else if (!_fileSystem.IsOver)
            _fileSystem = _fileSystem.Kill();
        StartKindly();
        _faults.CancelCut();
        foreach (var (log, model) in _names.SelectMany(Partitions))
            Append(log, model);
        PumpAll();
        LookAtAll(afterStart: false);
        Close();
        CutPower();
        StartKindly();
        Close();
        return true;
    }

    void StartKindly()
    {
        Require(Open(isLast: true), "no start");
        LookAtAll(afterStart: true);
    }

    void PlayOneTopic()
    {
        CreateTopic(_names[0], FixedConfiguration(FlushPolicy.Always));
        for (var count = 0; count < 3; count++)
        {
            AppendOf(_names[0], records: 2, recordBytes: 300);
            AppendOf(_names[0], records: 1, recordBytes: 100);
            PumpAll();
        }
        // Past the journal: synced in the segment, followed by an entry that says so.
        AppendOf(_names[0], records: 5, recordBytes: 4_000);
        AppendOf(_names[0], records: 1, recordBytes: 100);
        PumpAll();
        Close();
        StartKindly();
        AppendOf(_names[0], records: 3, recordBytes: 500);
        PumpAll();
    }

    void PlayThreeTopics()
    {
        CreateTopic(_names[0], FixedConfiguration(FlushPolicy.Always));
        CreateTopic(_names[1], FixedConfiguration(FlushPolicy.Os));
        CreateTopic(_names[2], FixedConfiguration(FlushPolicy.Always));
        for (var count = 0; count < 3; count++)
        {
            foreach (var name in _names)
                AppendOf(name, records: 10, recordBytes: 4_000);
            AppendOf(_names[0], records: 1, recordBytes: 50);
            PumpAll();
        }
        foreach (var (log, model) in _names.SelectMany(Partitions))
            Trim(log, model, offset: 15);
        PumpAll();
        // Each takes the other's policy.
        ConfigureTopic(_names[0], FixedConfiguration(FlushPolicy.Os));
        ConfigureTopic(_names[1], FixedConfiguration(FlushPolicy.Always));
        foreach (var name in _names)
            AppendOf(name, records: 2, recordBytes: 200);
        PumpAll();
        ConfigureTopic(_names[0], FixedConfiguration(FlushPolicy.Always));
        foreach (var name in _names)
            AppendOf(name, records: 2, recordBytes: 200);
        PumpAll();
        DeleteTopic(_names[2]);
        FinishDeletion();
        CreateTopic(_names[2], FixedConfiguration(FlushPolicy.Always));
        AppendOf(_names[2], records: 2, recordBytes: 200);
        PumpAll();
    }

    void PlayGrowth()
    {
        CreateTopic(_names[0], FixedConfiguration(FlushPolicy.Always));
        AppendToAll();
        GrowTopic(_names[0], partitions: 3);
        AppendToAll();
        Close();
        StartKindly();
        GrowTopic(_names[0], partitions: 4);
        AppendToAll();
    }

    void AppendToAll()
    {
        foreach (var (log, model) in Partitions(_names[0]))
            AppendTo(log, model, records: 2, recordBytes: 300);
        PumpAll();
    }

    void PlayRotation()
    {
        CreateTopic(_names[0], FixedConfiguration(FlushPolicy.Always));
        for (var count = 0; count < 24; count++)
        {
            AppendOf(_names[0], records: 1, recordBytes: 5_000);
            if (count % 6 == 0)
                new UnitWriter(this).Resume(failure: null);
            if (count == 12)
                AppendOf(_names[0], records: 5, recordBytes: 4_000);
            PumpAll();
        }
    }

    static TopicConfiguration FixedConfiguration(FlushPolicy flush) =>
        new()
        {
            Partitions = 1,
            SegmentBytes = 64 << 10,
            Flush = flush,
        };

    void AppendOf(NameModel name, int records, int recordBytes)
    {
        var (log, model) = Partitions(name).Single();
        AppendTo(log, model, records, recordBytes);
    }

    void AppendTo(PartitionLog log, PartitionModel model, int records, int recordBytes)
    {
        var append = SimulatedAppend.Draw(
            _random,
            ++_appendCount,
            records,
            () => recordBytes,
            static () => null,
            producer: null,
            key: null,
            NowMs,
            _options.Records
        );
        Append(log, model, append);
    }
}

/// <summary>The schedule of a short run.</summary>
public enum SimulatedSchedule
{
    /// <summary>Small and large groups of one topic, and a restart.</summary>
    OneTopic,

    /// <summary>Rolls, trims, changes of the policy and a deletion.</summary>
    ThreeTopics,

    /// <summary>A topic that grows twice, and a restart.</summary>
    Growth,

    /// <summary>Journal files that are used again, with units of groups, and a large group.</summary>
    Rotation,
}
