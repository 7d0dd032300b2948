using System.Collections.Immutable;
using System.Globalization;
using LogHttp.Storage.Partitions;
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
    /// Null where a batch, or the rest of it, is to be appended; else its outcome, and nothing of it is appended.
    /// </summary>
    /// <param name="batch">A batch that has a producer.</param>
    /// <param name="mayOverlap">Whether records that are in the log already are dropped from the batch.</param>
    /// <param name="nowMs">Unix milliseconds; who was silent for too long by then is not known.</param>
    /// <param name="repeatedCount">How many of the batch's first records are in the log, and so are dropped.</param>
    public AppendResult? Check(RecordBatch batch, bool mayOverlap, long nowMs, out int repeatedCount)
    {
        repeatedCount = 0;
        var stamp = batch.Producer!;
        var known = Find(stamp.Id, nowMs);
        if (known is not null && stamp.Epoch < known.Epoch)
            return new(
                AppendStatus.EpochEnded,
                Reason: string.Create(
                    CultureInfo.InvariantCulture,
                    $"Producer \"{stamp.Id}\" continues with epoch {known.Epoch}; epoch {stamp.Epoch} can no "
                        + $"longer append."
                )
            )
            {
                Epoch = known.Epoch,
            };
        var expected = known is not null && stamp.Epoch == known.Epoch ? known.NextSequence : 0;
        if (stamp.Sequence == expected)
            return null;
        if (stamp.Sequence > expected)
            return new(AppendStatus.SequenceGap, Reason: Gap(stamp, known, expected)) { ExpectedSequence = expected };
        // Only a known producer of this epoch has a sequence above 0.
        var batches = known!.Batches;
        foreach (var remembered in batches)
        {
            if (remembered.Sequence == stamp.Sequence && remembered.Count == batch.Count)
                return remembered.Crc is null || remembered.Crc == batch.Crc
                    ? Repeated(remembered)
                    : Differs(batch, remembered, expected);
        }
        if (FirstWithin(batches, stamp.Sequence, batch.Count) is not { } overlapped)
            return Forgotten(batch, expected);
        // Before format 3 a sequence counted batches: how much of one is repeated can't be known.
        if (!mayOverlap || overlapped.Crc is null)
            return Differs(batch, overlapped, expected);
        foreach (var remembered in batches)
        {
            var first = remembered.Sequence - stamp.Sequence;
            if (
                first >= 0
                && first + remembered.Count <= batch.Count
                && remembered.Crc != batch.CrcOf((int)first, remembered.Count)
            )
                return Differs(batch, remembered, expected);
        }
        if (stamp.Sequence + batch.Count <= expected)
            return RepeatedWithin(stamp.Sequence, batch.Count, batches) ?? Forgotten(batch, expected);
        repeatedCount = (int)(expected - stamp.Sequence);
        return null;
    }

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

    /// <summary>The first remembered batch that has any of some sequences.</summary>
    static ProducedBatch? FirstWithin(ImmutableArray<ProducedBatch> batches, long sequence, int count)
    {
        foreach (var batch in batches)
        {
            if (batch.Sequence < sequence + count && sequence < batch.NextSequence)
                return batch;
        }
        return null;
    }

    static AppendResult Repeated(in ProducedBatch batch) =>
        new(AppendStatus.Repeated, batch.FirstOffset, batch.NextOffset, batch.TimestampMs);

    /// <summary>
    /// Where records are that lie within remembered batches; null where the first of them is not remembered.
    /// </summary>
    static AppendResult? RepeatedWithin(long sequence, int count, ImmutableArray<ProducedBatch> batches)
    {
        var lastSequence = sequence + count - 1;
        // Offsets given from outside may have gaps within a batch.
        if (
            FirstWithin(batches, sequence, count: 1) is not { HasGaps: false } first
            || FirstWithin(batches, lastSequence, count: 1) is not { HasGaps: false } last
        )
            return null;
        return new(
            AppendStatus.Repeated,
            first.FirstOffset + sequence - first.Sequence,
            last.FirstOffset + lastSequence - last.Sequence + 1,
            first.TimestampMs
        );
    }

    static AppendResult Differs(RecordBatch batch, in ProducedBatch remembered, long expected)
    {
        var (id, _, sequence) = batch.Producer!;
        var sent = string.Create(
            CultureInfo.InvariantCulture,
            $"Producer \"{id}\" sent {batch.Count} records from sequence {sequence}."
        );
        var isSameStretch = remembered.Sequence == sequence && remembered.Count == batch.Count;
        var inLog = remembered.Crc is null
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"Batch {remembered.Sequence} with {remembered.Count} records was appended before format 3, when "
                    + $"sequences counted batches. It can only be repeated as it was sent."
            )
            : string.Create(
                CultureInfo.InvariantCulture,
                $"The log has {remembered.Count} records from sequence {remembered.Sequence}, "
                    + $"{(isSameStretch ? "with other content" : "in a batch that overlaps")}."
            );
        return new(
            AppendStatus.BatchDiffers,
            Reason: string.Create(
                CultureInfo.InvariantCulture,
                $"{sent} {inLog} Nothing was appended; the next sequence is {expected}."
            )
        )
        {
            ExpectedSequence = expected,
        };
    }

    static AppendResult Forgotten(RecordBatch batch, long expected)
    {
        var (id, _, sequence) = batch.Producer!;
        var reason = string.Create(
            CultureInfo.InvariantCulture,
            $"Sequence {sequence} of producer \"{id}\" was appended too long ago to say where; the next one is "
                + $"{expected}. A producer that starts again takes a higher epoch."
        );
        return new(AppendStatus.SequenceForgotten, Reason: reason) { ExpectedSequence = expected };
    }

    static string Gap(ProducerStamp stamp, ProducerState? known, long expected) =>
        known is null
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"Producer \"{stamp.Id}\" is not known here, or no more; it begins with sequence 0, not "
                    + $"{stamp.Sequence}. One that was forgotten takes a higher epoch."
            )
        : known.Epoch < stamp.Epoch
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"Epoch {stamp.Epoch} of producer \"{stamp.Id}\" is new; it begins with sequence 0, not "
                    + $"{stamp.Sequence}."
            )
        : string.Create(
            CultureInfo.InvariantCulture,
            $"Producer \"{stamp.Id}\" sent sequence {stamp.Sequence}; the next one is {expected}. Records in "
                + $"between were not appended."
        );
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
