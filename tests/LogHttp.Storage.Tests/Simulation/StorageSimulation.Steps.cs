using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;

namespace LogHttp.Storage.Tests.Simulation;

// Requests to the log, and the required responses.
sealed partial class StorageSimulation
{
    long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    void Step()
    {
        _latestClockMs = Math.Max(_latestClockMs, NowMs);
        switch (_random.Next(48))
        {
            case < 16:
                AppendSomewhere();
                break;
            case < 22:
                FetchSomewhere();
                break;
            case < 28:
                Pump(_random.Next(20));
                break;
            case < 30:
                PumpAll();
                break;
            case 30:
                PumpAll();
                LookAtAll(afterStart: false);
                break;
            case < 33:
                LetTimePass();
                break;
            case 33:
                var by = TimeSpan.FromMilliseconds(_random.Next(-100_000, 100_000));
                _trace.Add($"the clock is set by {by}");
                _time.MoveWallClock(by);
                NoteClock();
                break;
            case < 36:
                CreateTopic(AnyName());
                break;
            case 36:
                NoteLimit();
                _fileSystem.CapacityBytes =
                    _random.Next(2) == 0 ? long.MaxValue : _fileSystem.UsedBytes + _random.Next(100_000);
                _trace.Add($"capacity: {_fileSystem.CapacityBytes}");
                break;
            case 37:
                _faults.Draw(_fileSystem.CallCount);
                break;
            case 38:
                Close();
                if (!Open(isLast: false))
                    return;
                LookAtAll(afterStart: true);
                break;
            case 39:
                ReleasePage();
                break;
            case 40:
                DeleteTopic(AnyName());
                break;
            case < 43:
                ConfigureTopic(AnyName());
                break;
            case < 45:
                UseDeletedTopic();
                break;
            default:
                CreateTopic(AnyName());
                break;
        }
    }

    NameModel AnyName() => _names[_random.Next(_names.Length)];

    void LetTimePass()
    {
        var duration = TimeSpan.FromMilliseconds(_random.Next(3_000));
        _trace.Add($"{duration} passes");
        // The timers have made everything durable that was acknowledged before that time.
        var due = _names
            .SelectMany(Partitions)
            .Where(pair => pair.Model.Flush.Interval < duration)
            .Select(pair => (pair.Log, pair.Model, pair.Model.Lines.Count))
            .ToArray();
        _time.Advance(duration);
        NoteClock();
        PumpAll();
        foreach (var (log, model, count) in due)
        {
            if (log.StoppedReason is null)
                model.DurableCount = Math.Max(model.DurableCount, count);
        }
    }

    void AppendSomewhere()
    {
        var name = AnyName();
        if (name.Topic is not { } topic)
            return;
        var partition = _random.Next(topic.Partitions.Length);
        for (var count = 1 + _random.Next(3); count > 0; count--)
            Append(_catalog.Find(name.Name)!.Partitions[partition], topic.Partitions[partition]);
    }

    void Append(PartitionLog log, PartitionModel model, SimulatedAppend? given = null)
    {
        var append = given ?? DrawAppend(model);
        _trace.Add($"{model.Name}: {append}");
        append.Result = log.AppendAsync(
            append.Batch,
            append.ExpectedNextOffset,
            append.MayOverlap ? AppendOptions.MayOverlap : AppendOptions.None
        );
        model.Pending.Add(append);
        Listen(model);
    }

    SimulatedAppend DrawAppend(PartitionModel model)
    {
        var count = _random.Next(10) switch
        {
            < 4 => 1,
            < 8 => 2 + _random.Next(5),
            8 => 10 + _random.Next(100),
            _ => 400,
        };
        var isLarge = _random.Next(6) == 0;
        var append = SimulatedAppend.Draw(
            _random,
            ++_appendCount,
            count,
            drawSize: () => isLarge ? _random.Next(_maxRecordSize) : _random.Next(200),
            drawOffset: DrawOffsets(model),
            DrawProducer(model),
            DrawKey(model),
            NowMs,
            _options.Records
        );
        append.ExpectedNextOffset = DrawCondition(model, append);
        return append;
    }

    Func<long?> DrawOffsets(PartitionModel model)
    {
        if (!model.TakesOffsets || _random.Next(3) == 0)
            return static () => null;
        var expected = model.NextOffset + model.Pending.Sum(append => append.Count);
        var next = _random.Next(30) switch
        {
            0 => Math.Max(0, expected - 1 - _random.Next(20)),
            1 => expected + (1L << 31) + _random.Next(100),
            2 => expected + uint.MaxValue - 12 + _random.Next(24),
            3 => expected + (1L << 40),
            4 => expected + (1L << 32) - 1 - model.NextOffset % (1L << 32) + _random.Next(10),
            < 10 => expected + _random.Next(1_000),
            _ => expected,
        };
        var hasGaps = _random.Next(2) == 0;
        return () =>
        {
            var offset = next;
            next += hasGaps ? 1 + _random.Next(4) : 1;
            return offset;
        };
    }

    /// <summary>Takes the responses since the last time.</summary>
    void Listen()
    {
        foreach (var model in Models)
            Listen(model);
    }

    void Listen(PartitionModel model)
    {
        while (model.Pending.Count > 0)
        {
            // Responses come in the order of the requests, except to those that never entered the queue.
            var number = model.Pending.FindIndex(append => append.Result.IsCompleted);
            if (number < 0)
                break;
            var append = model.Pending[number];
            model.Pending.RemoveAt(number);
            var result = append.Result.Result;
            _trace.Add(
                $"{model.Name}: append {append.Id} -> {result.Status} {result.FirstOffset} to {result.NextOffset} "
                    + $"at {result.TimestampMs}"
            );
            Require(
                number == 0
                    || result.Status is AppendStatus.Overloaded or AppendStatus.Closed or AppendStatus.PartitionStopped,
                $"{model.Name}: {append} was answered before an earlier one"
            );
            Answered(model, append, result);
        }
        ListenToTrims(model);
    }

    void Answered(PartitionModel model, SimulatedAppend append, in AppendResult result)
    {
        switch (result.Status)
        {
            case AppendStatus.Appended:
                Acknowledged(model, append, result);
                break;
            case AppendStatus.Repeated
            or AppendStatus.SequenceGap
            or AppendStatus.SequenceForgotten
            or AppendStatus.BatchDiffers
            or AppendStatus.EpochEnded
            or AppendStatus.KeyReused
            or AppendStatus.RoutedOtherwise
            or AppendStatus.KeysFull:
                Refused(model, append, result);
                break;
            case AppendStatus.NotNext:
                RequireNext(model, append, result.Status);
                Require(
                    append.ExpectedNextOffset is { } expected
                        && expected != result.NextOffset
                        && model.CanBeNext(result.NextOffset),
                    $"{model.Name}: {append} was refused because the next offset is {result.NextOffset}; it is "
                        + $"{model.NextOffset}"
                );
                break;
            case AppendStatus.OffsetNotAfterLast:
                RequireNext(model, append, result.Status);
                Require(
                    append.HasOffsets && append.GivenOffset < result.NextOffset && model.CanBeNext(result.NextOffset),
                    $"{model.Name}: {append} was refused because the next offset is {result.NextOffset}; it is "
                        + $"{model.NextOffset}"
                );
                break;
            case AppendStatus.PartitionStopped:
                RequireCause(model, result);
                model.Unknown.Add(append);
                NoteJump(model, append);
                break;
            case AppendStatus.DiskFull:
                Require(
                    _faults.ErrorCount > _errorsBeforeLife || IsLimited || append.MetLimit,
                    $"{model.Name}: there was room for {append}"
                );
                NoteJump(model, append);
                break;
            case AppendStatus.WriteFailed:
                RequireCause(model, result);
                NoteJump(model, append);
                break;
            case AppendStatus.Overloaded:
                Require(_options.MaxQueuedBytes < 1 << 20, $"{model.Name}: {result.Reason}");
                break;
            case AppendStatus.Closed:
                break;
            default:
                throw new SimulationException($"{model.Name}: {append} got {result}");
        }
    }

    void RequireCause(PartitionModel model, in AppendResult result) =>
        Require(
            _faults.ErrorCount > _errorsBeforeLife
                || (result.Status == AppendStatus.PartitionStopped && _wasOpenedLimited)
                // The handle of the volume outlives a closed life, and reports that life's errors.
                || (
                    _faults.ErrorCount > 0
                    && result.Reason!.Contains("could not be synced as a whole", StringComparison.Ordinal)
                ),
            $"{model.Name}: no error had struck, but an append got {result}"
        );

    static void NoteJump(PartitionModel model, SimulatedAppend append)
    {
        if (append.HasOffsets)
            model.Jumps.Add(append.GivenOffset);
    }

    void Acknowledged(PartitionModel model, SimulatedAppend append, in AppendResult result)
    {
        var first = result.FirstOffset;
        RequireNext(model, append, result.Status, result.RepeatedCount);
        append = append.Without(result.RepeatedCount);
        Require((append.ExpectedNextOffset ?? first) == first, $"{model.Name}: {append} was put at {first}");
        if (append.HasOffsets)
            Require(first == append.GivenOffset, $"{model.Name}: {append} was put at {first}");
        else
            Require(
                model.CanBeNext(first),
                $"{model.Name}: {append} got offset {first}; the next is {model.NextOffset}"
            );
        Require(
            first >= model.NextOffset,
            $"{model.Name}: {append} got offset {first} a second time; the next is {model.NextOffset}"
        );
        Require(
            result.NextOffset == append.OffsetOf(append.Count - 1, first) + 1,
            $"{model.Name}: {append} ends before {result.NextOffset}, says the answer"
        );
        Require(
            result.TimestampMs <= _latestClockMs,
            $"{model.Name}: the stamp {result.TimestampMs} is one that the clock never showed"
        );
        Require(
            result.TimestampMs >= model.LastStampMs,
            $"{model.Name}: the stamp {result.TimestampMs} is before {model.LastStampMs}"
        );
        model.LastStampMs = result.TimestampMs;
        model.Add(append, first, result.TimestampMs);
        if (append.Producer is { } stamp)
            model.Producers.Appended(stamp, BatchOf(append, first, result.TimestampMs));
        if (append.Key is { } key)
            model.Keys.Add(key, BatchOf(append, first, result.TimestampMs));
    }
}
