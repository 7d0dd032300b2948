namespace LogHttp.Storage.Tests.Simulation;

// Producers that number their batches, send them again and leave some out, and appends that are to happen at an offset.
sealed partial class StorageSimulation
{
    static readonly (string Id, string Json)[] ProducerIds = [("p", "\"p\""), ("a\"\\b", "\"a\\\"\\\\b\""), ("sensor-7", "\"sensor-7\""), ("~!", "\"~!\""), ("P", "\"P\""), ("q", "\"q\""), ("r", "\"r\"")];

    /// <summary>Null in four of five runs, which have no producers and draw nothing else than they would.</summary>
    readonly Random? _producerRandom;
    readonly int _producerCount;

    /// <summary>Whose batch an append is, and what its first line says of that; null for nobody's.</summary>
    (ProducerStamp Stamp, string Json)? DrawProducer(PartitionModel model)
    {
        if (_producerRandom is null || _producerRandom.Next(3) == 0)
            return null;
        var (id, json) = ProducerIds[_producerRandom.Next(_producerCount)];
        var stamp = DrawStamp(model, id);
        return (stamp, FormattableString.Invariant($",\"producer\":[{json},{stamp.Epoch},{stamp.Sequence}]"));
    }

    ProducerStamp DrawStamp(PartitionModel model, string id)
    {
        var pending = model.Pending.Select(append => append.Producer).Where(stamp => stamp?.Id == id).ToArray();
        var (epoch, batches) = model.Producers.Find(id) ?? (0, []);
        var next = batches.Count == 0 ? 0 : batches[^1].Sequence + 1;
        if (pending.Length > 0)
            (epoch, next) = (pending[^1]!.Epoch, pending[^1]!.Sequence + 1);
        switch (_producerRandom!.Next(18))
        {
            case < 3 when pending.Length > 0:
                return pending[_producerRandom.Next(pending.Length)]!;
            case < 5:
                return new(id, epoch, Math.Max(0, next - 1 - _producerRandom.Next(7)));
            case 5:
                return new(id, epoch, next + 1 + _producerRandom.Next(2));
            case 6:
                return new(id, epoch + 1 + _producerRandom.Next(2), _producerRandom.Next(4) / 3);
            case 7:
                return new(id, Math.Max(0, epoch - 1), _producerRandom.Next(3));
            case 8:
                return new(id, epoch, 0);
            default:
                return new(id, epoch, next);
        }
    }

    long? DrawCondition(PartitionModel model, SimulatedAppend append)
    {
        if (_producerRandom is null || append.HasOffsets || _producerRandom.Next(5) > 0)
            return null;
        var next = model.NextOffset + model.Pending.Sum(other => other.Count);
        return _producerRandom.Next(3) switch { 0 => Math.Max(0, next - 3 + _producerRandom.Next(6)), 1 => model.NextOffset, _ => next };
    }

    /// <summary>What an append may be answered that has a producer; null stands for being appended.</summary>
    IReadOnlyList<ExpectedAnswer?> AnswersTo(PartitionModel model, SimulatedAppend append) =>
        append.Producer is { } stamp ? model.Producers.Answers(stamp, model.LastStampMs, _latestClockMs) : [null];

    /// <summary>An append was refused for its producer, or as a repeat.</summary>
    void Refused(PartitionModel model, SimulatedAppend append, AppendResult result)
    {
        var answers = AnswersTo(model, append);
        Require(answers.Any(answer => answer?.Is(result) ?? false), $"{model.Name}: {append} got {result}; it should be {ListOf(answers)}");
        NoteJump(model, append);
        if (result.Status is AppendStatus.Repeated or AppendStatus.EpochEnded or AppendStatus.SequenceForgotten)
            model.Producers.IsKnown(append.Producer!.Id);
    }

    /// <summary>An append got past its producer: it is the next batch, or nobody's.</summary>
    void RequireNext(PartitionModel model, SimulatedAppend append, AppendStatus status)
    {
        var answers = AnswersTo(model, append);
        Require(answers.Contains(null), $"{model.Name}: {append} got {status}; it should be {ListOf(answers)}");
    }

    static string ListOf(IEnumerable<ExpectedAnswer?> answers) => string.Join(" or ", answers.Select(answer => answer?.ToString() ?? "appended"));

    static ProducedBatch BatchOf(SimulatedAppend append, long firstOffset, long? stampMs) =>
        new(append.Producer!.Sequence, append.OffsetOf(0, firstOffset), append.OffsetOf(append.Count - 1, firstOffset) + 1, stampMs, append.TimestampOf(0, stampMs ?? 0));

    /// <summary>Whether an append that was not answered may have been passed by, by what came before it in the log.</summary>
    bool MayBeRefused(PartitionModel model, SimulatedAppend append) =>
        append.HasOffsets || AnswersTo(model, append).Any(answer => answer is not null) || (append.ExpectedNextOffset is { } expected && expected != model.NextOffset);
}
