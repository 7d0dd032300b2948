using LogHttp.Storage.Files;
using LogHttp.Storage.Layout;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Tests.Simulation;

// Trims, which move the log's start. An acknowledged trim is permanent. Any other happens wholly or not at all. The
// space is returned.
sealed partial class StorageSimulation
{
    /// <summary>
    /// The pages that a trim may take of a disk after its reserve is given up: a new checkpoint beside the old one.
    /// </summary>
    const int TrimPages = 8;

    /// <summary>
    /// Null in three of four runs, which have no trims and draw the same numbers as without this feature.
    /// </summary>
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
        // A trim has few calls, which chance alone would seldom strike.
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
            // In small steps, into batches and into gaps.
            default:
                return first > last
                    ? model.Start
                    : Math.Max(
                        0,
                        model.Lines[Math.Min(last, first + _trimRandom.Next(60))].Offset - _trimRandom.Next(3) / 2
                    );
        }
    }

    /// <summary>Takes the responses to trims since the last time.</summary>
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
            // If it changed nothing, an earlier one that failed may still be found.
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

    /// <summary>A trim that may have happened or not. A start that readers have seen has.</summary>
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
    /// The process has ended. If readers saw the effect of the trim under way, it is known to have happened.
    /// </summary>
    static void ForgetTrims(PartitionModel model)
    {
        // Trims run one at a time: the others were not begun.
        if (model.Trims.Count > 0)
            Unanswered(model, model.Trims[0]);
        model.Trims.Clear();
    }

    /// <summary>After a start: determines the log's start. From then on it does not move back.</summary>
    static void ReconcileStart(PartitionLog log, PartitionModel model)
    {
        Require(
            model.PossibleStarts.Contains(log.EarliestOffset),
            $"{model.Name} begins at {log.EarliestOffset}; it should at {string.Join(" or ", model.PossibleStarts)}"
        );
        model.MoveStart(log.EarliestOffset);
    }

    /// <summary>Checks that no file has only trimmed records, and that none is without its other half.</summary>
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
        // Nothing is removed of a partition that opens read-only.
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
        // The next start removes empty segments that a later given offset has skipped.
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
        // A skipped segment stays if the disk had no room for the checkpoint without it.
        Require(
            !afterStart
                || _wasOpenedLimited
                || bases.SequenceEqual(view.Segments.Select(segment => segment.BaseOffset)),
            $"{model.Name}: segments {string.Join(", ", bases)} are there; "
                + $"{string.Join(", ", view.Segments.Select(segment => segment.BaseOffset))} should be"
        );
    }

    /// <summary>Checks that files without a name take no room, except for held pages.</summary>
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

    /// <summary>At the end trims everything, and the disk has the space back.</summary>
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
            // If an append with an offset of its own failed, the active segment may be beyond the log's end.
            Require(
                log is { SizeBytes: 0, SegmentCount: 1 } || log.View.Active.BaseOffset > log.EndOffset,
                $"{model.Name} holds {log.SizeBytes} bytes in {log.SegmentCount} segments after a trim to the end"
            );
            if (_trimRandom.Next(2) == 0)
                Append(log, model);
        }
        PumpAll();
    }

    /// <summary>A requested trim.</summary>
    /// <param name="Log">The log to trim.</param>
    /// <param name="Offset">The requested start.</param>
    /// <param name="ErrorsBefore">The number of errors before it.</param>
    /// <param name="Result">The response.</param>
    public sealed record SimulatedTrim(PartitionLog Log, long Offset, int ErrorsBefore, Task<long> Result)
    {
        /// <summary>The log's start after the trim.</summary>
        public long Start(PartitionModel model) => Math.Max(model.Start, Math.Min(Offset, Log.EndOffset));

        public override string ToString() =>
            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"a trim to {Offset}");
    }
}
