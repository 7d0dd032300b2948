using LogHttp.Storage.Appending;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Simulation;

// Producers that number their batches, repeat them and leave some out, and appends with an expected offset.
sealed partial class StorageSimulation
{
    static readonly (string Id, string Json)[] ProducerIds =
    [
        ("p", "\"p\""),
        ("a\"\\b", "\"a\\\"\\\\b\""),
        ("sensor-7", "\"sensor-7\""),
        ("~!", "\"~!\""),
        ("P", "\"P\""),
        ("q", "\"q\""),
        ("r", "\"r\""),
    ];

    /// <summary>
    /// Null in four of five runs. These have no producers and draw the same numbers as without this feature.
    /// </summary>
    readonly Random? _producerRandom;
    readonly int _producerCount;

    /// <summary>Draws the producer of an append, and its records that were sent before. Null for no producer.</summary>
    DrawnProducer? DrawProducer(PartitionModel model)
    {
        if (_producerRandom is null || _producerRandom.Next(3) == 0)
            return null;
        var (id, json) = ProducerIds[_producerRandom.Next(_producerCount)];
        var pending = model.Pending.Where(append => append.Producer?.Id == id).ToArray();
        var (epoch, batches) = model.Producers.Find(id) ?? (0, []);
        var sent = batches.Select(static batch => (batch.Sequence, Records: batch.Content)).ToList();
        if (pending.Length > 0)
        {
            epoch = pending[^1].Producer!.Epoch;
            sent =
            [
                .. pending
                    .Where(append => append.Producer!.Epoch == epoch)
                    .Select(static append => (append.Producer!.Sequence, Records: append.Records)),
            ];
        }
        var next = sent.Count == 0 ? 0 : sent[^1].Sequence + sent[^1].Records.Count;
        var drawn = new DrawnProducer(
            new(id, epoch, next),
            json,
            [],
            CountWanted: null,
            MayOverlap: !model.TakesOffsets && _producerRandom.Next(2) == 0
        );
        switch (_producerRandom.Next(18))
        {
            case < 4 when sent.Count > 0:
                // A repeat, or other records under an earlier number.
                var (sequence, records) = sent[Math.Max(0, sent.Count - 1 - _producerRandom.Next(7))];
                var isChanged = _producerRandom.Next(6) == 0;
                return drawn with
                {
                    Stamp = new(id, epoch, sequence),
                    Known = isChanged ? [] : records,
                    CountWanted = _producerRandom.Next(8) == 0 ? null : records.Count,
                };
            case 4 when sent.Count > 0:
                // A repeat that is divided differently, and may have grown.
                var all = sent.TakeLast(1 + _producerRandom.Next(4))
                    .SelectMany(static batch => batch.Records)
                    .ToArray();
                var from = _producerRandom.Next(all.Length);
                var first = sent[^1].Sequence + sent[^1].Records.Count - all.Length + from;
                return drawn with
                {
                    Stamp = new(id, epoch, Math.Max(0, first)),
                    Known = all[from..],
                    CountWanted = 1 + _producerRandom.Next(all.Length - from + 5),
                };
            case 5:
                return drawn with { Stamp = new(id, epoch, next + 1 + _producerRandom.Next(2)) };
            case 6:
                return drawn with { Stamp = new(id, epoch + 1 + _producerRandom.Next(2), _producerRandom.Next(4) / 3) };
            case 7:
                return drawn with { Stamp = new(id, Math.Max(0, epoch - 1), _producerRandom.Next(3)) };
            case 8:
                return drawn with { Stamp = new(id, epoch, 0) };
            default:
                return drawn;
        }
    }

    /// <param name="Stamp">The batch's producer, and its first record's number.</param>
    /// <param name="IdJson">The id as JSON.</param>
    /// <param name="Known">The content of its first records. Any records beyond them are new.</param>
    /// <param name="CountWanted">The number of its records, or null for any number.</param>
    /// <param name="MayOverlap">Whether to drop records that are in the log already.</param>
    internal sealed record DrawnProducer(
        ProducerStamp Stamp,
        string IdJson,
        IReadOnlyList<SimulatedRecord> Known,
        int? CountWanted,
        bool MayOverlap
    );

    long? DrawCondition(PartitionModel model, SimulatedAppend append)
    {
        if (_producerRandom is null || append.HasOffsets || _producerRandom.Next(5) > 0)
            return null;
        var next = model.NextOffset + model.Pending.Sum(other => other.Count);
        return _producerRandom.Next(3) switch
        {
            0 => Math.Max(0, next - 3 + _producerRandom.Next(6)),
            1 => model.NextOffset,
            _ => next,
        };
    }

    /// <summary>The allowed responses to an append because of its producer or its key.</summary>
    IReadOnlyList<ExpectedAnswer> AnswersTo(PartitionModel model, SimulatedAppend append) =>
        append.Producer is not null ? model.Producers.Answers(append, model.LastStampMs, _latestClockMs)
        : append.Key is not null ? model.Keys.Answers(append, _latestClockMs)
        : [ExpectedAnswer.Appended];

    /// <summary>An append was refused because of its producer or its key, or as a repeat.</summary>
    void Refused(PartitionModel model, SimulatedAppend append, AppendResult result)
    {
        var answers = AnswersTo(model, append);
        Require(
            answers.Any(answer => answer.Is(result)),
            $"{model.Name}: {append} got {result}; it should be {ListOf(answers)}"
        );
        NoteJump(model, append);
        if (
            append.Producer is not null
            && result.Status
                is AppendStatus.Repeated
                    or AppendStatus.EpochEnded
                    or AppendStatus.SequenceForgotten
                    or AppendStatus.BatchDiffers
        )
            model.Producers.IsKnown(append.Producer!.Id);
    }

    /// <summary>An append passed the check of its producer or its key.</summary>
    void RequireNext(PartitionModel model, SimulatedAppend append, AppendStatus status, int? dropped = null)
    {
        var answers = AnswersTo(model, append);
        Require(
            answers.Any(answer =>
                answer.Status == AppendStatus.Appended && (dropped ?? answer.Dropped) == answer.Dropped
            ),
            $"{model.Name}: {append} got {status}, {dropped} dropped; it should be {ListOf(answers)}"
        );
    }

    static string ListOf(IEnumerable<ExpectedAnswer> answers) => string.Join(" or ", answers);

    static ProducedBatch BatchOf(SimulatedAppend append, long firstOffset, long? stampMs) =>
        new(
            append.Producer?.Sequence ?? 0,
            append.Records,
            append.OffsetOf(0, firstOffset),
            append.OffsetOf(append.Count - 1, firstOffset) + 1,
            stampMs,
            append.TimestampOf(0, stampMs ?? 0)
        );

    /// <summary>
    /// Whether an append that was not acknowledged may have been refused because of the state of the log before it.
    /// </summary>
    bool MayBeRefused(PartitionModel model, SimulatedAppend append) =>
        append.HasOffsets
        || append.MetLimit
        || append.MetError
        || AnswersTo(model, append).Any(answer => answer.Status != AppendStatus.Appended)
        || (append.ExpectedNextOffset is { } expected && (expected != model.NextOffset || model.MayHaveJumped));
}
