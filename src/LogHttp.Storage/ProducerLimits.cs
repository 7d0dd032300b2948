namespace LogHttp.Storage;

/// <summary>How many producers a partition remembers, and how long. Kafka's are counted by themselves.</summary>
/// <param name="MaxProducers">More: those that were not heard of for the longest time are forgotten.</param>
/// <param name="ExpiryMs">One that was not heard of for so long is forgotten.</param>
internal readonly record struct ProducerLimits(int MaxProducers, long ExpiryMs)
{
    /// <summary>For readers that look at everything and forget nobody.</summary>
    public static ProducerLimits None => new(int.MaxValue, long.MaxValue);

    /// <summary>As <see cref="MaxProducers"/>, for Kafka's.</summary>
    public int MaxKafkaProducers { get; init; } = MaxProducers;

    /// <summary>As <see cref="ExpiryMs"/>, for Kafka's.</summary>
    public long KafkaExpiryMs { get; init; } = ExpiryMs;
}
