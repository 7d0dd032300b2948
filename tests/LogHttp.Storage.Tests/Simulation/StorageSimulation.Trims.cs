using LogHttp.Storage.Files;
using LogHttp.Storage.Layout;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Tests.Simulation;

// Moving the log's start: what was answered stays, what was not happens wholly or not at all, and the space comes back.
sealed partial class StorageSimulation
{
    /// <summary>
    /// What a trim may take of a disk that its reserve was given up on: a new checkpoint beside the old one.
    /// </summary>
    const int TrimPages = 8;

    /// <summary>Null in three of four runs, which have no trims and draw nothing else than they would.</summary>
    readonly Random? _trimRandom;

    void StepTrims()
    {
        if (_trimRandom is null || _trimRandom.Next(5) > 0)
            return;
        var partitions = _names.SelectMany(Partitions).ToArray();
        if (_deletedLogs.Count > 0 && _trimRandom.Next(8) == 0)
            TrimDeleted(_deletedLogs[_trimRandom.Next(_deletedLogs.Count)].Log);
        else if (partitions.Length > 0)
            TrimSomewhere(partitions[_trimRandom.Next(partitions.Length)]);
    }

    void TrimSomewhere((PartitionLog Log, PartitionModel Model) partition)
    {
        // A few calls, which chance alone would seldom strike.
        if (_trimRandom!.Next(4) == 0)
            _faults.Strike(_fileSystem.CallCount, withinCalls: 16);
        for (var count = 1 + _trimRandom.Next(6) / 4; count > 0; count--)
            Trim(partition.Log, partition.Model, DrawStart(partition.Log, partition.Model));
    }

    void Trim(PartitionLog log, PartitionModel model, long offset)
    {
        _trace.Add($"{model.Name}: trim to {offset}");
        model.Trims.Add(new SimulatedTrim(log, offset, _faults.ErrorCount, log.TrimAsync(offset)));
        Listen(model);
    }

    static void TrimDeleted(PartitionLog log)
    {
        var trim = log.TrimAsync(long.MaxValue);
        Require(
            trim.Exception?.InnerException is LogClosedException or PartitionStoppedException,
            $"a deleted log was trimmed: {trim.Status}"
        );
    }

    long DrawStart(PartitionLog log, PartitionModel model)
    {
        var (first, last) = (model.IndexOf(model.Start), model.Lines.Count - 1);
        switch (_trimRandom!.Next(16))
        {
            case 0:
                return Math.Max(0, model.Start - _trimRandom.Next(20));
            case 1:
                return log.EndOffset;
            case 2:
                return long.MaxValue;
            case 3:
                return log.EndOffset + _trimRandom.Next(5);
            case < 7:
                return log.View.Segments[_trimRandom.Next(log.View.Segments.Length)].BaseOffset;
            case < 9 when first <= last:
                return model.Lines[_trimRandom.Next(first, last + 1)].Offset;
            // Little by little, into batches and into gaps.
            default:
                return first > last
                    ? model.Start
                    : Math.Max(
                        0,
                        model.Lines[Math.Min(last, first + _trimRandom.Next(60))].Offset - _trimRandom.Next(3) / 2
                    );
        }
    }

    /// <summary>Hears which trims were answered since the last time.</summary>
    void ListenToTrims(PartitionModel model)
    {
        for (var number = 0; (number = model.Trims.FindIndex(trim => trim.Result.IsCompleted)) >= 0; )
        {
            var trim = model.Trims[number];
            model.Trims.RemoveAt(number);
            Answered(model, trim, isFirst: number == 0);
        }
    }

    void Answered(PartitionModel model, SimulatedTrim trim, bool isFirst)
    {
        var (wanted, seen) = (trim.Start(model), trim.Log.EarliestOffset);
        if (trim.Result.IsCompletedSuccessfully)
        {
            _trace.Add($"{model.Name}: trim to {trim.Offset} -> {trim.Result.Result}");
            Require(isFirst, $"{model.Name}: {trim} was answered before an earlier one");
            Require(
                trim.Result.Result == wanted && seen == wanted,
                $"{model.Name}: {trim} was answered with {trim.Result.Result} and the log begins at {seen}; it "
                    + $"should at {wanted}"
            );
            // Where it changed nothing, one that failed before may still come to light.
            if (wanted > model.Start)
                model.MoveStart(wanted);
            return;
        }
        var exception = trim.Result.Exception!.InnerException!;
        _trace.Add($"{model.Name}: trim to {trim.Offset} failed: {exception.Message}");
        switch (exception)
        {
            case LogClosedException:
                return;
            case PartitionStoppedException:
                Require(
                    _faults.ErrorCount > _errorsBeforeLife || _wasOpenedLimited,
                    $"{model.Name}: no error had struck, but {trim} got {exception.Message}"
                );
                break;
            case DiskFullException when _faults.ErrorCount == trim.ErrorsBefore:
                Require(IsLimited, $"{model.Name}: there was room for {trim}");
                Require(
                    !IsThereRoomToTrim(),
                    $"{model.Name}: {trim} failed on a full disk that had room for it, or a reserve"
                );
                break;
            case IOException:
                Require(
                    _faults.ErrorCount > trim.ErrorsBefore,
                    $"{model.Name}: no error had struck, but {trim} got {exception}"
                );
                Require(seen == model.Start, $"{model.Name}: {trim} failed, but the log begins at {seen}");
                break;
            default:
                throw new SimulationException($"{model.Name}: {trim} got {exception}");
        }
        Unanswered(model, trim);
    }

    /// <summary>A trim that may have happened or not; what readers saw of it has.</summary>
    static void Unanswered(PartitionModel model, SimulatedTrim trim)
    {
        var wanted = trim.Start(model);
        if (trim.Log.EarliestOffset == model.Start)
        {
            model.PossibleStarts.Add(wanted);
            return;
        }
        Require(
            trim.Log.EarliestOffset == wanted,
            $"{model.Name}: the log begins at {trim.Log.EarliestOffset} after {trim}; it should at {wanted}"
        );
        model.MoveStart(wanted);
    }

    bool IsThereRoomToTrim()
    {
        using var pause = _faults.Pause();
        return _fileSystem.CapacityBytes - _fileSystem.UsedBytes >= TrimPages * 4096
            || _fileSystem.List(DataDirectory).Any(entry => entry.Name == DiskReserve.Name && entry.LengthBytes > 0);
    }

    /// <summary>
    /// The process is no more: the trim that was under way, if one was, is known to have happened where readers saw it.
    /// </summary>
    static void ForgetTrims(PartitionModel model)
    {
        // One at a time: the others were not begun.
        if (model.Trims.Count > 0)
            Unanswered(model, model.Trims[0]);
        model.Trims.Clear();
    }

    /// <summary>After a start: settles where the log begins. From then on it does not go back.</summary>
    static void ReconcileStart(PartitionLog log, PartitionModel model)
    {
        Require(
            model.PossibleStarts.Contains(log.EarliestOffset),
            $"{model.Name} begins at {log.EarliestOffset}; it should at {string.Join(" or ", model.PossibleStarts)}"
        );
        model.MoveStart(log.EarliestOffset);
    }

    /// <summary>No file is there whose records are all gone, and none without its other half.</summary>
    void CheckSpaceOf(PartitionLog log, PartitionModel model, string directory, bool afterStart)
    {
        if (_trimRandom is null)
            return;
        var view = log.View;
        Require(
            log.EarliestOffset <= log.EndOffset,
            $"{model.Name} begins at {log.EarliestOffset} and ends at {log.EndOffset}"
        );
        Require(
            view.Segments.Length < 2 || view.Segments[1].BaseOffset > model.Start,
            $"{model.Name} begins at {model.Start}; readers have a segment that lies before it"
        );
        if (!afterStart && _faults.ErrorCount > _errorsBeforeLife)
            return;
        // Of a partition that opens read-only nothing is removed.
        if (log.StoppedReason is not null)
            return;
        var (bases, indexes) = (new List<long>(), new List<long>());
        var filled = new HashSet<long>();
        foreach (var entry in _fileSystem.List(directory))
        {
            if (SegmentLayout.TryParseDataName(entry.Name, out var baseOffset))
            {
                bases.Add(baseOffset);
                if (entry.LengthBytes > 0)
                    filled.Add(baseOffset);
            }
            else if (SegmentLayout.TryParseIndexName(entry.Name, out var indexed))
                indexes.Add(indexed);
        }
        bases.Sort();
        // Empty ones, which offsets given from outside passed by, are removed by the next start.
        var before = bases
            .Zip(bases.Skip(1))
            .Where(pair => pair.Second <= model.Start && (afterStart || filled.Contains(pair.First)))
            .Select(pair => pair.First)
            .ToArray();
        Require(
            before.Length == 0 || _wasOpenedLimited,
            $"{model.Name} begins at {model.Start}; segment {string.Join(", ", before)} is there still"
        );
        Require(
            !indexes.Except(bases).Any() || _wasOpenedLimited,
            $"{model.Name}: index {string.Join(", ", indexes.Except(bases))} is there without a segment"
        );
        // One that was passed by stays where there was no room for the checkpoint that leaves it.
        Require(
            !afterStart
                || _wasOpenedLimited
                || bases.SequenceEqual(view.Segments.Select(segment => segment.BaseOffset)),
            $"{model.Name}: segments {string.Join(", ", bases)} are there; "
                + $"{string.Join(", ", view.Segments.Select(segment => segment.BaseOffset))} should be"
        );
    }

    /// <summary>What has no name takes no room either, but for the pages that somebody holds.</summary>
    void CheckRoom()
    {
        if (_trimRandom is null || _volumeRandom is not null || _heldPages.Count > 0)
            return;
        var named = NamedBytes(DataDirectory);
        Require(
            _fileSystem.UsedBytes == named,
            $"{_fileSystem.UsedBytes} bytes of the disk are used; the files that have names take {named}"
        );
    }

    long NamedBytes(string directory) =>
        _fileSystem
            .List(directory)
            .Sum(entry =>
                entry.IsDirectory ? NamedBytes($"{directory}/{entry.Name}") : (entry.LengthBytes + 4095) / 4096 * 4096
            );

    /// <summary>In the end all is given up, and the disk has it back.</summary>
    void TrimAll()
    {
        if (_trimRandom is null)
            return;
        while (_heldPages.Count > 0)
            ReleasePage();
        foreach (var (log, model) in _names.SelectMany(Partitions))
            Trim(log, model, long.MaxValue);
        PumpAll();
        LookAtAll(afterStart: false);
        foreach (var (log, model) in _names.SelectMany(Partitions).Where(static pair => pair.Log.StoppedReason is null))
        {
            Require(
                log.EarliestOffset == log.EndOffset,
                $"{model.Name} begins at {log.EarliestOffset} after a trim to the end, which is {log.EndOffset}"
            );
            // Where an append with an offset of its own came to nothing, the log may stand in a segment beyond its end.
            Require(
                log is { SizeBytes: 0, SegmentCount: 1 } || log.View.Active.BaseOffset > log.EndOffset,
                $"{model.Name} holds {log.SizeBytes} bytes in {log.SegmentCount} segments after a trim to the end"
            );
            if (_trimRandom.Next(2) == 0)
                Append(log, model);
        }
        PumpAll();
    }

    /// <summary>A trim that was asked for.</summary>
    /// <param name="Log">Of which log.</param>
    /// <param name="Offset">Where it is to begin.</param>
    /// <param name="ErrorsBefore">How many errors had struck before.</param>
    /// <param name="Result">The answer.</param>
    public sealed record SimulatedTrim(PartitionLog Log, long Offset, int ErrorsBefore, Task<long> Result)
    {
        /// <summary>Where the log begins once it has happened.</summary>
        public long Start(PartitionModel model) => Math.Max(model.Start, Math.Min(Offset, Log.EndOffset));

        public override string ToString() =>
            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"a trim to {Offset}");
    }
}
