using System.Collections.Immutable;

namespace LogHttp.Storage.Logs;

/// <summary>A named log of one or more partitions. Any thread.</summary>
public sealed class Topic
{
    volatile TopicConfiguration _configuration;
    volatile PartitionSet _set;
    int _roundRobin = -1;

    internal Topic(
        string name,
        string id,
        TopicConfiguration configuration,
        ImmutableArray<PartitionLog> partitions,
        ImmutableArray<int> formerCounts
    )
    {
        (Name, Id, _configuration) = (name, id, configuration);
        _set = new(partitions, formerCounts, Task.CompletedTask);
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Distinguishes this topic from earlier and later ones of the same name.</summary>
    public string Id { get; }

    /// <summary>The present configuration. <see cref="Partitions"/> has at least as many as it says.</summary>
    public TopicConfiguration Configuration => _configuration;

    /// <summary>Its partitions, by number. A growth adds some behind them.</summary>
    public ImmutableArray<PartitionLog> Partitions => _set.Partitions;

    /// <summary>The numbers of partitions that it had before, ascending. Empty if it has never grown.</summary>
    public ImmutableArray<int> FormerCounts => _set.FormerCounts;

    /// <summary>Chooses the partitions in turn, for batches whose records have no key and no partition.</summary>
    public int ChoosePartition() => (int)((uint)Interlocked.Increment(ref _roundRobin) % (uint)Partitions.Length);

    /// <summary>The appends that have an idempotency key.</summary>
    public KeyedAppends KeyedAppends =>
        field ?? Interlocked.CompareExchange(ref field, new KeyedAppends(this), null) ?? field;

    /// <summary>
    /// Begins an append that chooses its partition by a hash. The caller awaits <see cref="PartitionSet.Settled"/>,
    /// chooses, appends, and calls <see cref="PartitionSet.Leave"/> when it has the outcome.
    /// </summary>
    public PartitionSet EnterPartitions()
    {
        while (true)
        {
            var set = _set;
            if (set.TryEnter())
                return set;
        }
    }

    internal void Configure(TopicConfiguration configuration)
    {
        _configuration = configuration;
        foreach (var partition in Partitions)
            partition.Configure(configuration);
    }

    /// <summary>Adds partitions, and wakes the readers that follow all of them. One call at a time.</summary>
    internal void Grow(TopicConfiguration configuration, IEnumerable<PartitionLog> added)
    {
        var before = _set;
        var drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        // Before the configuration: a request that reads the new number finds as many partitions.
        _set = new(
            before.Partitions.AddRange(added),
            before.FormerCounts.Add(before.Partitions.Length),
            before.Settled.IsCompleted ? drained.Task : Task.WhenAll(before.Settled, drained.Task)
        );
        before.Close(drained);
        Configure(configuration);
        foreach (var partition in before.Partitions)
            partition.Waiters.TopicGrown();
    }

    internal Task CloseAsync(bool isDeletion = false) =>
        Task.WhenAll(Partitions.Select(partition => partition.CloseAsync(isDeletion)));
}
