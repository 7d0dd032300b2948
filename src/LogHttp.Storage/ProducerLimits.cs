namespace LogHttp.Storage;

/// <summary>
/// How many producers and idempotency keys a partition remembers, and for how long. Kafka's producers are counted
/// apart.
/// </summary>
/// <param name="MaxProducers">
/// The most producers. Beyond it, the partition forgets those silent for the longest.
/// </param>
/// <param name="ExpiryMs">A producer that is silent for this long is forgotten.</param>
internal readonly record struct ProducerLimits(int MaxProducers, long ExpiryMs)
{
    /// <summary>For code that reads all records and forgets no producer.</summary>
    public static ProducerLimits None => new(int.MaxValue, long.MaxValue);

    /// <summary><see cref="MaxProducers"/> for Kafka's producers.</summary>
    public int MaxKafkaProducers { get; init; } = MaxProducers;

    /// <summary><see cref="ExpiryMs"/> for Kafka's producers.</summary>
    public long KafkaExpiryMs { get; init; } = ExpiryMs;

    /// <summary>The most idempotency keys. Beyond it, appends with a new key are refused.</summary>
    public int MaxIdempotencyKeys { get; init; } = int.MaxValue;

    /// <summary>How long an idempotency key is remembered.</summary>
    public long IdempotencyExpiryMs { get; init; } = long.MaxValue;
}
