using System.Collections.Immutable;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Producers;

/// <summary>
/// The state of the producers that number their records, in one partition. Immutable, so that a table belongs to a
/// position in the log. After a failed write or a lost tail, a rollback restores the table of that position.
/// </summary>
/// <remarks>
/// Also has the idempotency keys, which name the senders of single requests, and are counted apart.
/// </remarks>
internal sealed class ProducerTable
{
    /// <summary>
    /// The number of batches remembered for each producer. A retry of one of them gets the original result.
    /// </summary>
    public const int RememberedBatches = 5;

    // Shared by all partitions without producers.
    static readonly ImmutableDictionary<string, ProducerState> NoProducers = ImmutableDictionary.Create<
        string,
        ProducerState
    >(StringComparer.Ordinal);

    readonly ProducerLimits _limits;

    // Kafka's producers are kept apart. A Java producer takes a new id at every start, and must not displace those of
    // HTTP.
    readonly ImmutableDictionary<string, ProducerState> _http;
    readonly ImmutableDictionary<string, ProducerState> _kafka;

    ProducerTable(
        ProducerLimits limits,
        ImmutableDictionary<string, ProducerState> http,
        ImmutableDictionary<string, ProducerState> kafka,
        IdempotencyTable? keys
    ) => (_limits, _http, _kafka, Keys) = (limits, http, kafka, keys);

    public ProducerTable(ProducerLimits limits)
        : this(limits, NoProducers, NoProducers, keys: null) { }

    public ProducerTable(
        ProducerLimits limits,
        IEnumerable<KeyValuePair<string, ProducerState>> producers,
        IEnumerable<RememberedKey> keys
    )
    {
        var byKind = producers.ToLookup(static producer => IsKafkaId(producer.Key));
        (_limits, _http, _kafka) = (limits, NoProducers.AddRange(byKind[false]), NoProducers.AddRange(byKind[true]));
        Keys = IdempotencyTable.Of(limits, keys);
    }

    /// <summary>The idempotency keys. Null as long as no request has one, as in most partitions.</summary>
    public IdempotencyTable? Keys { get; }

    public int Count => _http.Count + _kafka.Count;

    /// <summary>Returns the producers that have not expired at the given time, in no particular order.</summary>
    public IEnumerable<KeyValuePair<string, ProducerState>> Alive(long nowMs) =>
        _http.Concat(_kafka).Where(producer => IsAlive(producer.Key, producer.Value, nowMs));

    /// <summary>Returns a producer's state, or null if the producer is unknown or has expired.</summary>
    public ProducerState? Find(string id, long nowMs) =>
        Of(id).TryGetValue(id, out var state) && IsAlive(id, state, nowMs) ? state : null;

    /// <summary>
    /// Returns the table with one more batch. Returns the same table if it has that batch already, or a later one of
    /// the producer.
    /// </summary>
    public ProducerTable With(ProducerStamp stamp, in ProducedBatch batch, long nowMs)
    {
        var all = Of(stamp.Id);
        all.TryGetValue(stamp.Id, out var state);
        if (state is not null && batch.FirstOffset < state.Batches[^1].NextOffset)
            return this;
        // A producer that has expired starts again, in any epoch.
        var before = state?.Epoch == stamp.Epoch && state.NextSequence == batch.Sequence ? state.Batches : [];
        if (before.Length == RememberedBatches)
            before = before.RemoveAt(0);
        var producers = state is null && all.Count >= MaxOf(stamp.Id) ? MakeRoom(stamp.Id, nowMs) : all;
        producers = producers.SetItem(stamp.Id, new ProducerState(stamp.Epoch, nowMs, before.Add(batch)));
        return IsKafkaId(stamp.Id) ? new(_limits, _http, producers, Keys) : new(_limits, producers, _kafka, Keys);
    }

    /// <summary>Returns the table with one more batch that has an idempotency key.</summary>
    public ProducerTable With(RememberedKey key, long nowMs) =>
        new(_limits, _http, _kafka, (Keys ?? new IdempotencyTable(_limits)).With(key, nowMs));

    /// <summary>Returns the table without idempotency keys if all of them have expired.</summary>
    public ProducerTable WithoutExpiredKeys(long nowMs) =>
        Keys is not null && Keys.AreExpired(nowMs) ? new(_limits, _http, _kafka, keys: null) : this;

    /// <summary>
    /// Returns the table without expired producers, and at most seven eighths of the limit, so that making room is
    /// rare. The producers with the latest records stay. The log decides that, not the clock, because all records that
    /// a start reads have the same time.
    /// </summary>
    ImmutableDictionary<string, ProducerState> MakeRoom(string newId, long nowMs)
    {
        var most = MaxOf(newId) - Math.Max(1, MaxOf(newId) / 8);
        var alive = Of(newId).Where(producer => IsAlive(producer.Key, producer.Value, nowMs));
        return ImmutableDictionary.CreateRange(
            StringComparer.Ordinal,
            alive.OrderByDescending(static producer => producer.Value.Batches[^1].NextOffset).Take(most)
        );
    }

    static bool IsKafkaId(string id) => id.StartsWith(ProducerStamp.KafkaPrefix, StringComparison.Ordinal);

    ImmutableDictionary<string, ProducerState> Of(string id) => IsKafkaId(id) ? _kafka : _http;

    int MaxOf(string id) => IsKafkaId(id) ? _limits.MaxKafkaProducers : _limits.MaxProducers;

    bool IsAlive(string id, ProducerState state, long nowMs) =>
        nowMs - state.LastSeenMs < (IsKafkaId(id) ? _limits.KafkaExpiryMs : _limits.ExpiryMs);
}

/// <summary>The state of a producer.</summary>
/// <param name="Epoch">The producer's latest epoch.</param>
/// <param name="LastSeenMs">The time of the producer's last batch, by the server's clock, Unix milliseconds.</param>
/// <param name="Batches">The producer's last batches of that epoch, in order. At least one.</param>
internal sealed record ProducerState(long Epoch, long LastSeenMs, ImmutableArray<ProducedBatch> Batches)
{
    /// <summary>The sequence of the producer's next record.</summary>
    public long NextSequence => Batches[^1].NextSequence;
}

/// <summary>A batch that was appended.</summary>
/// <param name="Sequence">The first record's number. Before format 3 the batch's own number.</param>
/// <param name="Count">The number of records in the batch.</param>
/// <param name="Crc">CRC-32C of the batch's content. Null before format 3.</param>
/// <param name="FirstOffset">The first record's offset.</param>
/// <param name="NextOffset">The offset after the last record's.</param>
/// <param name="TimestampMs">The server's timestamp of the batch, as in the response.</param>
internal readonly record struct ProducedBatch(
    long Sequence,
    int Count,
    uint? Crc,
    long FirstOffset,
    long NextOffset,
    long TimestampMs
)
{
    /// <summary>The sequence after the last record's.</summary>
    public long NextSequence => Sequence + (Crc is null ? 1 : Count);

    /// <summary>Whether the client gave offsets that are not consecutive.</summary>
    public bool HasGaps => NextOffset - FirstOffset != Count;
}
