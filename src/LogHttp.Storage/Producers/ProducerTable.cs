using System.Collections.Immutable;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Producers;

/// <summary>
/// What a partition knows of the producers that number their records. Immutable, so that a table belongs to a position
/// in the log: going back after a failed write or a lost tail restores the table of that position.
/// </summary>
internal sealed class ProducerTable
{
    /// <summary>
    /// How many batches of a producer are remembered, so that a repeat of one is answered as the first time.
    /// </summary>
    public const int RememberedBatches = 5;

    // One for all: without a producer of their own, partitions share it.
    static readonly ImmutableDictionary<string, ProducerState> Nobody = ImmutableDictionary.Create<
        string,
        ProducerState
    >(StringComparer.Ordinal);

    readonly ProducerLimits _limits;

    // Kafka's are kept apart: every start of a Java producer takes a new id, and they must not displace those of HTTP.
    readonly ImmutableDictionary<string, ProducerState> _own;
    readonly ImmutableDictionary<string, ProducerState> _kafka;

    ProducerTable(
        ProducerLimits limits,
        ImmutableDictionary<string, ProducerState> own,
        ImmutableDictionary<string, ProducerState> kafka
    ) => (_limits, _own, _kafka) = (limits, own, kafka);

    public ProducerTable(ProducerLimits limits)
        : this(limits, Nobody, Nobody) { }

    public ProducerTable(ProducerLimits limits, IEnumerable<KeyValuePair<string, ProducerState>> producers)
    {
        var byKind = producers.ToLookup(static producer => IsKafkas(producer.Key));
        (_limits, _own, _kafka) = (limits, Nobody.AddRange(byKind[false]), Nobody.AddRange(byKind[true]));
    }

    public int Count => _own.Count + _kafka.Count;

    /// <summary>All that are not forgotten by then, in no particular order.</summary>
    public IEnumerable<KeyValuePair<string, ProducerState>> Alive(long nowMs) =>
        _own.Concat(_kafka).Where(producer => IsAlive(producer.Key, producer.Value, nowMs));

    /// <summary>Where a producer stands; null where it is not known, or no more.</summary>
    public ProducerState? Find(string id, long nowMs) =>
        Of(id).TryGetValue(id, out var state) && IsAlive(id, state, nowMs) ? state : null;

    /// <summary>
    /// The table with one batch more; the same one where it has that batch, or one of its producer's that lies behind
    /// it in the log.
    /// </summary>
    public ProducerTable With(ProducerStamp stamp, in ProducedBatch batch, long nowMs)
    {
        var all = Of(stamp.Id);
        all.TryGetValue(stamp.Id, out var state);
        if (state is not null && batch.FirstOffset < state.Batches[^1].NextOffset)
            return this;
        // One that was forgotten begins anew, in any epoch.
        var before = state?.Epoch == stamp.Epoch && state.NextSequence == batch.Sequence ? state.Batches : [];
        if (before.Length == RememberedBatches)
            before = before.RemoveAt(0);
        var producers = state is null && all.Count >= MaxOf(stamp.Id) ? MakeRoom(stamp.Id, nowMs) : all;
        producers = producers.SetItem(stamp.Id, new ProducerState(stamp.Epoch, nowMs, before.Add(batch)));
        return IsKafkas(stamp.Id) ? new(_limits, _own, producers) : new(_limits, producers, _kafka);
    }

    /// <summary>
    /// Without those that were not heard of for long, and an eighth less than there may be: to be looked for seldom.
    /// Who was heard of last the log says, and not the clock: all that a start reads have one time.
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

    static bool IsKafkas(string id) => id.StartsWith(ProducerStamp.KafkaPrefix, StringComparison.Ordinal);

    ImmutableDictionary<string, ProducerState> Of(string id) => IsKafkas(id) ? _kafka : _own;

    int MaxOf(string id) => IsKafkas(id) ? _limits.MaxKafkaProducers : _limits.MaxProducers;

    bool IsAlive(string id, ProducerState state, long nowMs) =>
        nowMs - state.LastSeenMs < (IsKafkas(id) ? _limits.KafkaExpiryMs : _limits.ExpiryMs);
}

/// <summary>What is known of a producer.</summary>
/// <param name="Epoch">Its latest.</param>
/// <param name="LastSeenMs">When its last batch came, by the server's clock, Unix milliseconds.</param>
/// <param name="Batches">Its last batches of that epoch, in order; at least one.</param>
internal sealed record ProducerState(long Epoch, long LastSeenMs, ImmutableArray<ProducedBatch> Batches)
{
    /// <summary>The sequence of the record that comes next.</summary>
    public long NextSequence => Batches[^1].NextSequence;
}

/// <summary>A batch that was appended.</summary>
/// <param name="Sequence">Its first record's number; before format 3 the batch's own.</param>
/// <param name="Count">How many records it has.</param>
/// <param name="Crc">CRC-32C of its content; null before format 3.</param>
/// <param name="FirstOffset">Its first record's offset.</param>
/// <param name="NextOffset">The offset after its last record's.</param>
/// <param name="TimestampMs">What its producer was told.</param>
internal readonly record struct ProducedBatch(
    long Sequence,
    int Count,
    uint? Crc,
    long FirstOffset,
    long NextOffset,
    long TimestampMs
)
{
    /// <summary>The sequence after its last record's.</summary>
    public long NextSequence => Sequence + (Crc is null ? 1 : Count);

    /// <summary>Whether its offsets were given from outside and are not consecutive.</summary>
    public bool HasGaps => NextOffset - FirstOffset != Count;
}
