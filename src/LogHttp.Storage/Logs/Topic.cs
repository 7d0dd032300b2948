using System.Collections.Immutable;

namespace LogHttp.Storage.Logs;

/// <summary>A named log of one or more partitions.</summary>
public sealed class Topic
{
    volatile TopicConfiguration _configuration;
    int _roundRobin = -1;

    internal Topic(string name, string id, TopicConfiguration configuration, ImmutableArray<PartitionLog> partitions) =>
        (Name, Id, _configuration, Partitions) = (name, id, configuration, partitions);

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Distinguishes this topic from earlier and later ones of the same name.</summary>
    public string Id { get; }

    /// <summary>The present configuration.</summary>
    public TopicConfiguration Configuration => _configuration;

    /// <summary>Its partitions, by number.</summary>
    public ImmutableArray<PartitionLog> Partitions { get; }

    /// <summary>Chooses the partitions in turn, for batches whose records have no key and no partition.</summary>
    public int ChoosePartition() => (int)((uint)Interlocked.Increment(ref _roundRobin) % (uint)Partitions.Length);

    /// <summary>The appends that have an idempotency key.</summary>
    public KeyedAppends KeyedAppends =>
        field ?? Interlocked.CompareExchange(ref field, new KeyedAppends(this), null) ?? field;

    internal void Configure(TopicConfiguration configuration)
    {
        _configuration = configuration;
        foreach (var partition in Partitions)
            partition.Configure(configuration);
    }

    internal Task CloseAsync(bool isDeletion = false) =>
        Task.WhenAll(Partitions.Select(partition => partition.CloseAsync(isDeletion)));
}
