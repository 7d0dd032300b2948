namespace LogHttp.Storage.Tests.Simulation;

/// <summary>What is known of one topic, from its creation to its deletion.</summary>
sealed class TopicModel(string name, string id, TopicConfiguration configuration, PartitionModel[] partitions)
{
    public string Name { get; } = name;
    public string Id { get; } = id;
    public PartitionModel[] Partitions { get; } = partitions;

    public TopicConfiguration Configuration { get; private set; } = configuration;

    /// <summary>
    /// What the next start may find in topic.json: more than one where a change was interrupted or failed.
    /// </summary>
    public List<TopicConfiguration> PossibleConfigurations { get; } = [configuration];

    /// <summary>How often the power had been cut when it was last asked for a change. Another cut settles it.</summary>
    public int PowerCutsBeforeChange { get; set; }

    public override string ToString() => $"{Name} ({Id})";

    public void Configure(TopicConfiguration configuration)
    {
        Configuration = configuration;
        foreach (var partition in Partitions)
            partition.Flush = configuration.Flush;
    }
}

/// <summary>What is known of a name: which topic has it now, and which ones the next start may find there.</summary>
sealed class NameModel(string name)
{
    public string Name { get; } = name;

    /// <summary>The topic that has the name; null while there is none that could be had.</summary>
    public TopicModel? Topic { get; private set; }

    /// <summary>A deletion failed, and so did the attempt to go on with the topic; until the next start.</summary>
    public bool IsUnreadable { get; private set; }

    /// <summary>
    /// What the next start may find, null for nothing: one thing alone unless something was interrupted or failed.
    /// </summary>
    public List<TopicModel?> Possible { get; } = [null];

    /// <summary>All topics that are of interest still.</summary>
    public IEnumerable<TopicModel> Topics => Possible.OfType<TopicModel>();

    /// <summary>The name leads to this topic, or to none, for sure.</summary>
    public void Settle(TopicModel? topic)
    {
        Possible.Clear();
        Possible.Add(topic);
        GoOnWith(topic);
    }

    /// <summary>From here on until the next start; what that may find is another matter.</summary>
    public void GoOnWith(TopicModel? topic) => (Topic, IsUnreadable) = (topic, false);

    public void BeUnreadable() => (Topic, IsUnreadable) = (null, true);

    /// <summary>The next start may find this too.</summary>
    public void Allow(TopicModel? topic)
    {
        if (!Possible.Contains(topic))
            Possible.Add(topic);
    }
}
