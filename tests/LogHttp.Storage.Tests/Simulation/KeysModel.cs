using LogHttp.Storage.Appending;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Simulation;

/// <summary>
/// The idempotency keys that a partition must know: a list of all batches in the log that have a key. Either keys
/// expire in a run, or few of them fill the table, so that the model need not know when the log removes a key.
/// </summary>
sealed class KeysModel(int maxKeys, TimeSpan expiry)
{
    readonly long _expiryMs = (long)expiry.TotalMilliseconds;

    // All batches in the log, in order.
    readonly List<(IdempotencyStamp Stamp, ProducedBatch Batch)> _batches = [];

    /// <summary>The batches in the log, in order.</summary>
    public IEnumerable<(IdempotencyStamp Stamp, ProducedBatch Batch)> Batches => _batches;

    /// <summary>The allowed responses to a batch.</summary>
    /// <param name="append">The batch.</param>
    /// <param name="latestClockMs">The latest time that the clock ever showed.</param>
    public IReadOnlyList<ExpectedAnswer> Answers(SimulatedAppend append, long latestClockMs)
    {
        var stamp = append.Key!;
        var answers = new List<ExpectedAnswer>();
        var index = _batches.FindLastIndex(batch => batch.Stamp.Key == stamp.Key);
        var ageMs = index < 0 ? long.MaxValue : append.EarliestClockMs - _batches[index].Batch.StampMs!.Value;
        var oldestMs = index < 0 ? long.MaxValue : latestClockMs - _batches[index].Batch.StampMs!.Value;
        if (ageMs < _expiryMs)
            answers.Add(AnswerOf(_batches[index], stamp));
        if (oldestMs >= _expiryMs)
            answers.Add(_batches.Count >= maxKeys ? new(AppendStatus.KeysFull) : ExpectedAnswer.Appended);
        return answers;
    }

    static ExpectedAnswer AnswerOf((IdempotencyStamp Stamp, ProducedBatch Batch) known, IdempotencyStamp stamp) =>
        known.Stamp.Partitions != stamp.Partitions ? new(AppendStatus.RoutedOtherwise)
        : known.Stamp.Hash != stamp.Hash ? new(AppendStatus.KeyReused)
        : new(AppendStatus.Repeated, First: known.Batch);

    /// <summary>A batch was appended, or a start found it.</summary>
    public void Add(IdempotencyStamp stamp, ProducedBatch batch) => _batches.Add((stamp, batch));

    /// <summary>The log was restarted and continues at an offset.</summary>
    public void Restart(long nextOffset) => _batches.RemoveAll(pair => pair.Batch.FirstOffset >= nextOffset);
}
