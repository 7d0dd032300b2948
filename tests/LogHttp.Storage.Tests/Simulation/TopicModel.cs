namespace LogHttp.Storage.Tests.Simulation;

/// <summary>The state of one topic, from its creation to its deletion.</summary>
/// <param name="name">Its name.</param>
/// <param name="id">Its id.</param>
/// <param name="configuration">Its first configuration.</param>
/// <param name="partitions">Its first partitions.</param>
/// <param name="addPartition">Creates the model of a partition that a growth adds.</param>
sealed class TopicModel(
    string name,
    string id,
    TopicConfiguration configuration,
    PartitionModel[] partitions,
    Func<int, PartitionModel> addPartition
)
{
    public string Name { get; } = name;
    public string Id { get; } = id;
    public PartitionModel[] Partitions { get; private set; } = partitions;

    public TopicConfiguration Configuration { get; private set; } = configuration;

    /// <summary>
    /// The configurations that the next start may find in topic.json. There are several if a change was interrupted or
    /// failed.
    /// </summary>
    public List<TopicConfiguration> PossibleConfigurations { get; } = [configuration];

    /// <summary>The number of power cuts before the last request of a change. Another cut decides the change.</summary>
    public int PowerCutsBeforeChange { get; set; }

    public override string ToString() => $"{Name} ({Id})";

    public void Configure(TopicConfiguration configuration)
    {
        Configuration = configuration;
        // The start after an interrupted growth may find either number. Nothing was appended to the new partitions.
        Partitions =
        [
            .. Partitions.Take(configuration.Partitions),
            .. Enumerable
                .Range(Partitions.Length, Math.Max(0, configuration.Partitions - Partitions.Length))
                .Select(addPartition),
        ];
        foreach (var partition in Partitions)
            partition.Flush = configuration.Flush;
    }
}

/// <summary>The state of a name: its topic, and the topics that the next start may find there.</summary>
sealed class NameModel(string name)
{
    public string Name { get; } = name;

    /// <summary>The topic with the name. Null while none is available.</summary>
    public TopicModel? Topic { get; private set; }

    /// <summary>Whether a deletion failed, and so did the return to the topic. Lasts until the next start.</summary>
    public bool IsUnreadable { get; private set; }

    /// <summary>
    /// The topics that the next start may find, null for none. There is one entry unless a change was interrupted or
    /// failed.
    /// </summary>
    public List<TopicModel?> Possible { get; } = [null];

    /// <summary>All topics that still matter.</summary>
    public IEnumerable<TopicModel> Topics => Possible.OfType<TopicModel>();

    /// <summary>The name surely leads to this topic, or to none.</summary>
    public void Settle(TopicModel? topic)
    {
        Possible.Clear();
        Possible.Add(topic);
        GoOnWith(topic);
    }

    /// <summary>Continues with this topic until the next start, which may find another one.</summary>
    public void GoOnWith(TopicModel? topic) => (Topic, IsUnreadable) = (topic, false);

    public void BeUnreadable() => (Topic, IsUnreadable) = (null, true);

    /// <summary>The next start may find this topic too.</summary>
    public void Allow(TopicModel? topic)
    {
        if (!Possible.Contains(topic))
            Possible.Add(topic);
    }
}
