using LogHttp.Storage.Appending;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Simulation;

/// <summary>
/// The producers that a partition must know: a list of the batches in the log, and the producers that may be forgotten
/// by now. After a crash the model cannot tell which are, because it depends on the age of the checkpoint.
/// </summary>
sealed class ProducersModel(int maxProducers, TimeSpan expiry)
{
    /// <summary>The number of a producer's batches that are recognized when repeated (api/PROTOCOL.md §11).</summary>
    const int Remembered = 5;

    readonly long _expiryMs = (long)expiry.TotalMilliseconds;
    readonly bool _canForget = maxProducers < 100;
    readonly SortedDictionary<string, Producer> _producers = new(StringComparer.Ordinal);

    // All batches in the log, in order.
    readonly List<(ProducerStamp Stamp, ProducedBatch Batch)> _batches = [];

    /// <summary>Whether the log was closed cleanly. Then its next start knows the same producers.</summary>
    public bool WasClosed { get; set; }

    /// <summary>
    /// The batches in the log of a producer's latest epoch, or since it was forgotten. Null if there are none.
    /// </summary>
    public (long Epoch, IReadOnlyList<ProducedBatch> Batches)? Find(string id) =>
        _producers.TryGetValue(id, out var producer) ? (producer.Epoch, producer.Run) : null;

    /// <summary>The allowed responses to a batch, by a clock somewhere between two times.</summary>
    public IReadOnlyList<ExpectedAnswer> Answers(SimulatedAppend append, long earliestMs, long latestMs)
    {
        var stamp = append.Producer!;
        var producer = _producers.GetValueOrDefault(stamp.Id);
        var answers = new List<ExpectedAnswer>();
        if (producer is { Presence: not Presence.Gone } && earliestMs - producer.SeenLatestMs < _expiryMs)
            answers.Add(AnswerOf(producer, append));
        if (producer is null or { Presence: not Presence.Sure } || latestMs - producer.SeenEarliestMs >= _expiryMs)
            answers.Add(AnswerOf(null, append));
        return answers;
    }

    static ExpectedAnswer AnswerOf(Producer? known, SimulatedAppend append)
    {
        var stamp = append.Producer!;
        if (stamp.Epoch < known?.Epoch)
            return new(AppendStatus.EpochEnded, Epoch: known.Epoch);
        var next = stamp.Epoch == known?.Epoch ? known.Run[^1].NextSequence : 0;
        if (stamp.Sequence == next)
            return ExpectedAnswer.Appended;
        if (stamp.Sequence > next)
            return new(AppendStatus.SequenceGap, ExpectedSequence: next);
        var remembered = known!.Run.TakeLast(Remembered).ToArray();
        if (
            remembered.FirstOrDefault(batch => batch.Sequence == stamp.Sequence && batch.Count == append.Count) is
            { } same
        )
            return same.ContentIs(append, 0)
                ? new(AppendStatus.Repeated, First: same)
                : new(AppendStatus.BatchDiffers, ExpectedSequence: next);
        var end = stamp.Sequence + append.Count;
        if (end <= remembered[0].Sequence)
            return new(AppendStatus.SequenceForgotten, ExpectedSequence: next);
        if (
            !append.MayOverlap
            || !remembered.All(batch =>
                batch.Sequence < stamp.Sequence
                || batch.NextSequence > end
                || batch.ContentIs(append, (int)(batch.Sequence - stamp.Sequence))
            )
        )
            return new(AppendStatus.BatchDiffers, ExpectedSequence: next);
        if (end > next)
            return new(AppendStatus.Appended, Dropped: (int)(next - stamp.Sequence));
        // All records are in the log. Their offset is known as long as the log remembers the first of its batches, and
        // that has no gaps.
        var first = remembered.LastOrDefault(batch => batch.Sequence <= stamp.Sequence);
        var last = remembered.First(batch => batch.NextSequence >= end);
        if (first is null || first.HasGaps || last.HasGaps)
            return new(AppendStatus.SequenceForgotten, ExpectedSequence: next);
        return new(
            AppendStatus.Repeated,
            First: first with
            {
                FirstOffset = first.FirstOffset + stamp.Sequence - first.Sequence,
                NextOffset = last.FirstOffset + end - last.Sequence,
            }
        );
    }

    /// <summary>A response showed that the log still knows the producer.</summary>
    public void IsKnown(string id) => _producers[id].Presence = Presence.Sure;

    /// <summary>
    /// A batch was appended. One producer beyond the maximum displaces those that were silent longest.
    /// </summary>
    public void Appended(ProducerStamp stamp, ProducedBatch batch)
    {
        var before = _producers.GetValueOrDefault(stamp.Id);
        var continues = before is { Presence: not Presence.Gone } && stamp.Sequence > 0;
        if (before is not { Presence: Presence.Sure } && !continues)
            MakeRoom(stamp.Id, isNew: before is null or { Presence: Presence.Gone }, batch.StampMs!.Value);
        var producer = Add(stamp, batch);
        (producer.Presence, producer.SeenEarliestMs, producer.SeenLatestMs) = (
            Presence.Sure,
            batch.StampMs!.Value,
            batch.StampMs.Value
        );
    }

    /// <summary>A start found a batch without a known response.</summary>
    public void Found(ProducerStamp stamp, ProducedBatch batch, long nowMs, long latestMs)
    {
        batch.WasRead = true;
        var producer = Add(stamp, batch);
        producer.Presence = _canForget ? Presence.Maybe : Presence.Sure;
        (producer.SeenEarliestMs, producer.SeenLatestMs) = (Math.Min(nowMs, batch.StampMs ?? 0), latestMs);
    }

    /// <summary>The log was restarted and continues at an offset.</summary>
    public void Restart(long nextOffset, long nowMs, long latestMs)
    {
        var wasLost = _batches.RemoveAll(pair => pair.Batch.FirstOffset >= nextOffset) > 0;
        if (wasLost)
        {
            var batches = _batches.ToArray();
            _batches.Clear();
            foreach (var producer in _producers.Values)
                producer.Run.Clear();
            foreach (var (stamp, batch) in batches)
                Add(stamp, batch);
            foreach (var id in _producers.Where(pair => pair.Value.Run.Count == 0).Select(pair => pair.Key).ToArray())
                _producers.Remove(id);
        }
        foreach (var producer in _producers.Values)
        {
            if (WasClosed)
                continue;
            // Producers that the start has read in the log count as heard of then.
            foreach (var batch in producer.Run)
                batch.WasRead = true;
            (producer.SeenEarliestMs, producer.SeenLatestMs) = (
                Math.Min(nowMs, producer.Run.Min(batch => batch.StampMs ?? 0)),
                latestMs
            );
            producer.Presence = _canForget ? Presence.Maybe : Presence.Sure;
        }
        WasClosed = false;
    }

    Producer Add(ProducerStamp stamp, ProducedBatch batch)
    {
        _batches.Add((stamp, batch));
        if (!_producers.TryGetValue(stamp.Id, out var producer))
            _producers.Add(stamp.Id, producer = new Producer());
        if (
            producer.Run.Count > 0
            && (producer.Epoch != stamp.Epoch || producer.Run[^1].NextSequence != stamp.Sequence)
        )
            producer.Run.Clear();
        producer.Epoch = stamp.Epoch;
        producer.Run.Add(batch);
        return producer;
    }

    void MakeRoom(string id, bool isNew, long nowMs)
    {
        var others = _producers
            .Where(pair => pair.Key != id && pair.Value.Presence != Presence.Gone)
            .Select(pair => (pair.Key, pair.Value, WasSure: pair.Value.Presence == Presence.Sure))
            .ToArray();
        if (others.Length < maxProducers)
            return;
        var isSure = isNew && others.Count(other => other.WasSure) >= maxProducers;
        var most = maxProducers - Math.Max(1, maxProducers / 8);
        foreach (var (_, producer, _) in others)
        {
            var mayBeBefore = others.Count(other => IsBefore(other.Value, producer));
            var isBefore = others.Count(other =>
                other.WasSure && nowMs - other.Value.SeenEarliestMs < _expiryMs && IsBefore(other.Value, producer)
            );
            if (isSure && (isBefore >= most || nowMs - producer.SeenLatestMs >= _expiryMs))
                producer.Presence = Presence.Gone;
            else if (mayBeBefore >= most || nowMs - producer.SeenEarliestMs >= _expiryMs)
                producer.Presence = Presence.Maybe;
        }

        static bool IsBefore(Producer producer, Producer other) =>
            producer.Run[^1].NextOffset > other.Run[^1].NextOffset;
    }

    enum Presence
    {
        Sure,
        Maybe,
        Gone,
    }

    sealed class Producer
    {
        public long Epoch { get; set; }

        /// <summary>Its batches in the log, without a gap, of one epoch.</summary>
        public List<ProducedBatch> Run { get; } = [];

        public Presence Presence { get; set; }

        public long SeenEarliestMs { get; set; }

        public long SeenLatestMs { get; set; }
    }
}

/// <summary>A producer's batch in the log.</summary>
/// <param name="Sequence">Its first record's number.</param>
/// <param name="Content">Its records' lines, without the fields that only the log knows.</param>
/// <param name="FirstOffset">Its first record's offset.</param>
/// <param name="NextOffset">The offset after its last record's.</param>
/// <param name="StampMs">The stamp in the response, sent or not. Null if it can't be known.</param>
/// <param name="FirstTimestampMs">The timestamp in its first line.</param>
sealed record ProducedBatch(
    long Sequence,
    IReadOnlyList<SimulatedRecord> Content,
    long FirstOffset,
    long NextOffset,
    long? StampMs,
    long FirstTimestampMs
)
{
    /// <summary>Whether a start may have read the batch, and taken its first line's timestamp for its stamp.</summary>
    public bool WasRead { get; set; }

    public int Count => Content.Count;

    public long NextSequence => Sequence + Count;

    /// <summary>Whether the producer gave the offsets and they are not consecutive.</summary>
    public bool HasGaps => NextOffset - FirstOffset != Count;

    /// <summary>Whether an append has the same records, beginning with one of its own.</summary>
    public bool ContentIs(SimulatedAppend append, int firstRecord) =>
        append
            .Records.Skip(firstRecord)
            .Take(Count)
            .Zip(Content)
            .All(static pair => pair.First.Tail.AsSpan().SequenceEqual(pair.Second.Tail));
}

/// <summary>The required response to a batch.</summary>
sealed record ExpectedAnswer(
    AppendStatus Status,
    long ExpectedSequence = 0,
    long Epoch = 0,
    ProducedBatch? First = null,
    int Dropped = 0
)
{
    public static readonly ExpectedAnswer Appended = new(AppendStatus.Appended);

    public bool Is(in AppendResult result) =>
        result.Status == Status
        && result.RepeatedCount == Dropped
        && result.ExpectedSequence == ExpectedSequence
        && result.Epoch == Epoch
        && (
            First is null
            || (
                result.FirstOffset == First.FirstOffset
                && result.NextOffset == First.NextOffset
                && IsStamp(First, result.TimestampMs)
            )
        );

    static bool IsStamp(ProducedBatch first, long stampMs) =>
        first.StampMs is null || stampMs == first.StampMs || (first.WasRead && stampMs == first.FirstTimestampMs);
}
