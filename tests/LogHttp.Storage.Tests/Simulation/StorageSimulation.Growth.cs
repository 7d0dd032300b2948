using LogHttp.Storage.Files;

namespace LogHttp.Storage.Tests.Simulation;

// Topics get more partitions.
sealed partial class StorageSimulation
{
    const int MaxPartitions = 8;

    /// <summary>Null in twelve of thirteen runs. These draw the same numbers as without this feature.</summary>
    readonly Random? _growthRandom;

    void StepGrowth()
    {
        if (_growthRandom is null || _growthRandom.Next(5) > 0)
            return;
        var name = _names[_growthRandom.Next(_names.Length)];
        if (name.Topic is { } topic)
            GrowTopic(name, topic.Partitions.Length + 1 + _growthRandom.Next(3));
    }

    /// <summary>
    /// Raises the number of a topic's partitions. All new ones take appends, or none is there. A start after an
    /// interrupted growth may find either number.
    /// </summary>
    void GrowTopic(NameModel name, int partitions)
    {
        FinishDeletion();
        if (name.Topic is not { } topic || partitions > MaxPartitions)
            return;
        var (errors, before) = (_faults.ErrorCount, topic.Configuration);
        var after = before with { Partitions = partitions };
        _trace.Add($"grow topic {name.Name}: {partitions} partitions");
        topic.PossibleConfigurations.Add(after);
        topic.PowerCutsBeforeChange = _powerCuts;
        if (!_isFinishing && _growthRandom?.Next(2) == 0)
            _faults.Strike(_fileSystem.CallCount, 12 * (partitions - before.Partitions) + 6);
        var growth = _catalog.ConfigureAsync(name.Name, _ => after);
        Require(growth.IsCompleted, "The growth of a topic did not complete at once.");
        try
        {
            growth.GetAwaiter().GetResult();
        }
        catch (IOException exception)
        {
            _trace.Add($"not grown: {exception.Message}");
            Require(
                _faults.ErrorCount > errors || (IsLimited && exception is DiskFullException),
                $"{topic} could not grow, and no error had struck: {exception}"
            );
            var found = _catalog.Find(name.Name)!;
            Require(
                found.Configuration == before && found.Partitions.Length == before.Partitions,
                $"{topic} could not grow, but has {found.Partitions.Length} partitions and {found.Configuration}"
            );
            return;
        }
        Require(
            _catalog.Find(name.Name)!.Partitions.Length == partitions,
            $"{topic} has {_catalog.Find(name.Name)!.Partitions.Length} partitions after the growth to {partitions}"
        );
        topic.PossibleConfigurations.RemoveAll(configuration => configuration != after);
        topic.Configure(after);
        foreach (var (log, model) in Partitions(name).Skip(before.Partitions))
        {
            Require(log.StoppedReason is null, $"{model.Name} is new, and takes no appends: {log.StoppedReason}");
            if (_growthRandom?.Next(2) == 0)
                Append(log, model);
        }
    }
}
