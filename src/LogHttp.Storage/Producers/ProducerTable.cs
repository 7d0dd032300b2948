using System.Collections.Immutable;

namespace LogHttp.Storage.Producers;

/// <summary>
/// What a partition knows of the producers that number their batches. Immutable, so that a table belongs to a place in the
/// log: what a failed write or a lost tail takes back is not in the table that is gone back to.
/// </summary>
internal sealed class ProducerTable
{
    /// <summary>How many batches of a producer are answered as the first time when they are repeated.</summary>
    public const int RememberedBatches = 5;

    // One for all: without a producer of their own, partitions share it.
    static readonly ImmutableDictionary<string, ProducerState> Nobody = ImmutableDictionary.Create<string, ProducerState>(StringComparer.Ordinal);

    readonly ProducerLimits _limits;
    readonly ImmutableDictionary<string, ProducerState> _producers;

    ProducerTable(ProducerLimits limits, ImmutableDictionary<string, ProducerState> producers) => (_limits, _producers) = (limits, producers);

    public ProducerTable(ProducerLimits limits)
        : this(limits, Nobody)
    {
    }

    public ProducerTable(ProducerLimits limits, IEnumerable<KeyValuePair<string, ProducerState>> producers)
        : this(limits, Nobody.AddRange(producers))
    {
    }

    public int Count => _producers.Count;

    /// <summary>All that are not forgotten by then, in no particular order.</summary>
    public IEnumerable<KeyValuePair<string, ProducerState>> Alive(long nowMs) =>
        _producers.Where(producer => IsAlive(producer.Value, nowMs));

    /// <summary>Null where a batch is the producer's next; else what it is answered with, and it is not appended.</summary>
    public AppendResult? Check(ProducerStamp stamp, long nowMs)
    {
        var known = _producers.TryGetValue(stamp.Id, out var state) && IsAlive(state, nowMs) ? state : null;
        if (known is not null && stamp.Epoch < known.Epoch)
            return new(AppendStatus.EpochEnded, Reason: FormattableString.Invariant($"Producer \"{stamp.Id}\" has gone on with epoch {known.Epoch}; epoch {stamp.Epoch} may append no more.")) { Epoch = known.Epoch };
        var expected = known is not null && stamp.Epoch == known.Epoch ? known.LastSequence + 1 : 0;
        if (stamp.Sequence == expected)
            return null;
        if (stamp.Sequence > expected)
            return new(AppendStatus.SequenceGap, Reason: Gap(stamp, known, expected)) { ExpectedSequence = expected };
        foreach (var batch in known!.Batches)
        {
            if (batch.Sequence == stamp.Sequence)
                return new(AppendStatus.Repeated, batch.FirstOffset, batch.NextOffset, batch.TimestampMs);
        }
        return new(AppendStatus.SequenceForgotten, Reason: FormattableString.Invariant($"Sequence {stamp.Sequence} of producer \"{stamp.Id}\" was appended before, too long ago to say where: it has come to {known.LastSequence}. A producer that begins anew takes a higher epoch.")) { ExpectedSequence = expected };
    }

    /// <summary>The table with one batch more; the same one where it has that batch, or one of its producer's that lies behind it in the log.</summary>
    public ProducerTable With(ProducerStamp stamp, in ProducedBatch batch, long nowMs)
    {
        _producers.TryGetValue(stamp.Id, out var state);
        if (state is not null && batch.FirstOffset < state.Batches[^1].NextOffset)
            return this;
        // One that was forgotten begins anew, in any epoch.
        var before = state?.Epoch == stamp.Epoch && state.LastSequence + 1 == batch.Sequence ? state.Batches : [];
        if (before.Length == RememberedBatches)
            before = before.RemoveAt(0);
        var producers = state is null && _producers.Count >= _limits.MaxProducers ? MakeRoom(nowMs) : _producers;
        return new(_limits, producers.SetItem(stamp.Id, new ProducerState(stamp.Epoch, nowMs, before.Add(batch))));
    }

    /// <summary>
    /// Without those that were not heard of for long, and an eighth less than there may be: to be looked for seldom. Who was
    /// heard of last the log says, and not the clock: all that a start reads have one time.
    /// </summary>
    ImmutableDictionary<string, ProducerState> MakeRoom(long nowMs)
    {
        var most = _limits.MaxProducers - Math.Max(1, _limits.MaxProducers / 8);
        return ImmutableDictionary.CreateRange(StringComparer.Ordinal, Alive(nowMs).OrderByDescending(static producer => producer.Value.Batches[^1].NextOffset).Take(most));
    }

    bool IsAlive(ProducerState state, long nowMs) => nowMs - state.LastSeenMs < _limits.ExpiryMs;

    static string Gap(ProducerStamp stamp, ProducerState? known, long expected) =>
        known is null ? FormattableString.Invariant($"Producer \"{stamp.Id}\" is not known here, or no more; it begins with sequence 0, not {stamp.Sequence}. One that was forgotten takes a higher epoch.")
        : known.Epoch < stamp.Epoch ? FormattableString.Invariant($"Epoch {stamp.Epoch} of producer \"{stamp.Id}\" is new; it begins with sequence 0, not {stamp.Sequence}.")
        : FormattableString.Invariant($"Producer \"{stamp.Id}\" sent sequence {stamp.Sequence}; the next one is {expected}. A batch in between was not appended.");
}

/// <summary>How many producers a partition remembers, and how long.</summary>
/// <param name="MaxProducers">More: those that were not heard of for the longest time are forgotten.</param>
/// <param name="ExpiryMs">One that was not heard of for so long is forgotten.</param>
internal readonly record struct ProducerLimits(int MaxProducers, long ExpiryMs)
{
    /// <summary>For readers that look at everything and forget nobody.</summary>
    public static ProducerLimits None => new(int.MaxValue, long.MaxValue);
}

/// <summary>What is known of a producer.</summary>
/// <param name="Epoch">Its latest.</param>
/// <param name="LastSeenMs">When its last batch came, by the server's clock, Unix milliseconds.</param>
/// <param name="Batches">Its last batches of that epoch, in order; at least one.</param>
internal sealed record ProducerState(long Epoch, long LastSeenMs, ImmutableArray<ProducedBatch> Batches)
{
    public long LastSequence => Batches[^1].Sequence;
}

/// <summary>A batch that was appended.</summary>
/// <param name="Sequence">Its number.</param>
/// <param name="FirstOffset">Its first record's offset.</param>
/// <param name="NextOffset">The offset after its last record's.</param>
/// <param name="TimestampMs">What its producer was told.</param>
internal readonly record struct ProducedBatch(long Sequence, long FirstOffset, long NextOffset, long TimestampMs);
