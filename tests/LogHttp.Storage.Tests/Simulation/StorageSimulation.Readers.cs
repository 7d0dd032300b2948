using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Waiting;

namespace LogHttp.Storage.Tests.Simulation;

// Readers that wait for records. Each gets every record from its position on, once and in order. No reader waits longer
// than it has reason to.
sealed partial class StorageSimulation
{
    const int MaxReaders = 6;

    /// <summary>The largest delay with which the end of a wait may be noticed (api/PROTOCOL.md §3).</summary>
    static readonly TimeSpan MaxLateness = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// Null in two of three runs, which have no such readers. These run as fast and draw the same numbers as without
    /// this feature.
    /// </summary>
    readonly Random? _readerRandom;
    readonly List<WaitingReader> _readers = [];

    /// <summary>
    /// The base offset of each log's active segment, and the log's start, at the last time when no work was left.
    /// </summary>
    readonly Dictionary<PartitionLog, (long Base, long Start)> _rested = [];

    Deadlines? _deadlines;
    int _readerCount;
    bool _isStopping;
    bool _isWaitingStopped;

    void StepReaders()
    {
        if (_readerRandom is null)
            return;
        if (_readerRandom.Next(4) == 0)
            OpenReader();
        for (var count = _readerRandom.Next(4); count > 0 && _readers.Count > 0; count--)
            Step(_readers[_readerRandom.Next(_readers.Count)]);
    }

    void OpenReader()
    {
        if (_readerRandom is null || _readers.Count == MaxReaders)
            return;
        var found = _names.SelectMany(Partitions).OrderBy(_ => _readerRandom.Next()).ToArray();
        if (found.Length == 0)
            return;
        var isPoll = _readerRandom.Next(2) == 0;
        var count = isPoll || _readerRandom.Next(2) == 0 ? 1 : 2 + _readerRandom.Next(2);
        var minBytes = isPoll
            ? _readerRandom.Next(4) switch
            {
                0 => 1,
                1 => 1 + _readerRandom.Next(1_000),
                2 => 1 + _readerRandom.Next(20_000),
                _ => 1 + _readerRandom.Next(200_000),
            }
            : 1;
        // Before the position is drawn, because a repair moves the end.
        foreach (var (log, _) in found.Take(count))
            AwaitRepair(log);
        var reader = new WaitingReader(
            ++_readerCount,
            [.. found.Take(count).Select(pair => OpenSource(pair.Log, pair.Model))],
            PageSize.AtMost(PageSizes[_readerRandom.Next(PageSizes.Length)]),
            minBytes,
            isPoll,
            TimeSpan.FromMilliseconds(_readerRandom.Next(5_000))
        );
        _trace.Add($"open {reader}");
        reader.DueAt = DueAt(reader);
        _readers.Add(reader);
        // At once, because `latest` and the like are resolved only now.
        Read(reader, isLast: false);
    }

    ReaderSource OpenSource(PartitionLog log, PartitionModel model)
    {
        var (visible, end) = (VisibleCount(log, model), log.EndOffset);
        var (place, offset) = _readerRandom!.Next(6) switch
        {
            0 => (LogPlace.Earliest, model.Start),
            1 => (LogPlace.FromEnd(3), Math.Max(model.Start, end - 3)),
            2 when visible > 0 => At(model.Lines[_readerRandom.Next(visible)].Offset),
            3 when _readerRandom.Next(4) == 0 => At(end + 1),
            4 => (LogPlace.AtTime(long.MaxValue), end),
            _ => (LogPlace.Latest, end),
        };
        return new(log, model, place, offset);

        static (LogPlace, long) At(long offset) => (LogPlace.At(offset), offset);
    }

    long DueAt(WaitingReader reader) => _time.GetTimestamp() + reader.Timeout.Ticks;

    /// <summary>Lets a reader take its next step.</summary>
    void Step(WaitingReader reader)
    {
        switch (reader.Phase)
        {
            case ReaderPhase.Reads:
                Read(reader, isLast: false);
                break;
            case ReaderPhase.IsAboutToWait:
                BeginWait(reader);
                break;
            case ReaderPhase.Waits when reader.Wait.IsCompleted:
                Wake(reader);
                break;
            case ReaderPhase.Waits when _readerRandom!.Next(10) == 0:
                _trace.Add($"cancel {reader}");
                reader.IsCancelled = true;
                reader.Waiter.Cancel();
                Require(reader.Wait.IsCompleted, $"{reader} was cancelled and sleeps on");
                Wake(reader);
                break;
        }
    }

    void BeginWait(WaitingReader reader)
    {
        if (!reader.IsPoll)
            reader.DueAt = DueAt(reader);
        foreach (var source in reader.Sources)
            source.IsBehindARoll = _readers.Any(other =>
                other != reader
                && other.Phase == ReaderPhase.Waits
                && other.Sources.Any(its =>
                    its.Log == source.Log
                    && (its.IsBehindARoll || its.SeenBase != source.SeenBase || its.Rested?.Base != source.Rested?.Base)
                )
            );
        reader.SleepsUntil = Math.Max(reader.DueAt, _time.GetTimestamp());
        _deadlines!.Set(reader.Waiter, TimeSpan.FromTicks(reader.DueAt - _time.GetTimestamp()));
        // It is polled for its end, and then asked for its result, once. A task would continue on the pool, at a random
        // moment.
#pragma warning disable CA2012
        reader.Wait = reader.Sources is [var only]
            ? reader.Waiter.WaitAsync(only.Follower, reader.MinBytes - only.PutBackBytes)
            : reader.Waiter.WaitAsync(reader.Sources.Select(source => source.Follower));
#pragma warning restore CA2012
        reader.Phase = ReaderPhase.Waits;
        Require(
            !_isWaitingStopped || reader.Wait.IsCompleted,
            $"{reader} begins to wait although all waiting was stopped"
        );
        _trace.Add($"{reader} waits{(reader.Wait.IsCompleted ? ", and is woken" : "")}");
    }

    void Wake(WaitingReader reader)
    {
        var wake = reader.Wait.Result;
        _trace.Add($"{reader}: {wake}");
        reader.Phase = ReaderPhase.Reads;
        switch (wake)
        {
            case LogWake.Cancelled:
                Require(reader.IsCancelled, $"{reader} was cancelled by nobody");
                EndReader(reader);
                break;
            case LogWake.Closed:
                Require(
                    _isStopping || _isWaitingStopped || reader.Sources.Any(IsDeleted),
                    $"{reader} was told of a close, and there is none"
                );
                if (reader.IsPoll)
                    Read(reader, isLast: true);
                EndReader(reader);
                break;
            case LogWake.TimedOut:
                Require(
                    _time.GetTimestamp() >= reader.DueAt,
                    $"{reader} was told that its time is over "
                        + $"{TimeSpan.FromTicks(reader.DueAt - _time.GetTimestamp())} early"
                );
                if (!reader.IsPoll)
                {
                    // A heartbeat, for which nothing has to be read.
                    BeginWait(reader);
                    break;
                }
                Read(reader, isLast: true);
                EndReader(reader);
                break;
            default:
                Require(IsThereReasonToWake(reader), $"{reader} was woken for nothing");
                Read(reader, isLast: false);
                break;
        }
    }

    bool IsDeleted(ReaderSource source) => _deletedLogs.Exists(deleted => deleted.Log == source.Log);

    /// <summary>
    /// Whether there is enough, or a change that only a read can tell from it: the log has rolled, was trimmed or
    /// stopped, or its page may have ended.
    /// </summary>
    bool IsThereReasonToWake(WaitingReader reader) =>
        reader.Sources.Any(source =>
        {
            var view = source.Log.View;
            if (
                (view.Active.BaseOffset, view.EarliestOffset) != source.Rested
                || source.IsBehindARoll
                || source.SeenTopicGrowths != source.Log.Waiters.TopicGrowths
                || source.Log.StoppedReason is not null
                || _isStopping
                || IsDeleted(source)
            )
                return true;
            var grid = reader.Size.GridBytes;
            var nextGrid = Math.Max(source.PagePosition / grid + 1, (source.SeenPosition + grid - 1) / grid) * grid;
            return view.End.Position > Math.Min(nextGrid, source.PagePosition + reader.Size.MaxBytes)
                || IsEnoughThere(reader, source);
        });

    /// <summary>Whether a new request would be answered at once.</summary>
    bool IsEnoughThere(WaitingReader reader, ReaderSource source)
    {
        using var pause = _faults.Pause();
        AwaitRepair(source.Log);
        NoteLimit();
        var capacityBytes = _fileSystem.CapacityBytes;
        _fileSystem.CapacityBytes = long.MaxValue;
        using var page = source.Log.Fetch(LogPlace.At(source.Offset), reader.Size);
        _fileSystem.CapacityBytes = capacityBytes;
        return IsEnough(page, reader.MinBytes);
    }

    static bool IsEnough(FetchResult page, long minBytes) =>
        page.Status switch
        {
            FetchStatus.AtEnd => false,
            FetchStatus.Page => page.Region!.LengthBytes >= minBytes || page.NextOffset < page.EndOffset,
            _ => true,
        };

    /// <summary>Reads each partition. Then the reader waits, unless it has more to read, or it ends.</summary>
    void Read(WaitingReader reader, bool isLast)
    {
        var isMore = false;
        try
        {
            foreach (var source in reader.Sources)
            {
                AwaitRepair(source.Log);
                var page = source.Follower.Read(reader.Size);
                if (!Take(reader, source, page, isLast))
                {
                    EndReader(reader);
                    return;
                }
                isMore |= page.Region is not null && page.NextOffset < page.EndOffset;
            }
        }
        catch (LogClosedException)
        {
            Require(
                reader.Sources.Any(IsDeleted) || _isStopping,
                $"{reader} can't read on, for the log is closed, and nobody closed it"
            );
            EndReader(reader);
            return;
        }
        catch (IOException exception)
            when (exception is not CorruptionException and not CorruptIndexException
                && _faults.ErrorCount > _errorsBeforeLife
            )
        {
            _trace.Add($"{reader} could not read: {exception.Message}");
            // It may try again at its offset, if it has one: `latest` has moved meanwhile.
            if (!reader.Sources.All(source => source.Follower.Place.IsNumeric))
                EndReader(reader);
            return;
        }
        if (isMore || isLast)
            return;
        reader.Phase = ReaderPhase.IsAboutToWait;
        if (_readerRandom!.Next(2) == 0)
            BeginWait(reader);
    }

    /// <summary>
    /// Checks the result of a read, and keeps the page for a while. False if the reader has enough, or can get no more.
    /// </summary>
    bool Take(WaitingReader reader, ReaderSource source, FetchResult page, bool isLast)
    {
        var (log, model) = (source.Log, source.Model);
        var (visible, end, first) = (VisibleCount(log, model), log.EndOffset, model.IndexOf(source.Offset));
        var expected = Expected(model, source.Offset, end, first >= visible);
        Require(
            page.Status == expected && page.EndOffset == end && page.EarliestOffset == model.Start,
            $"{reader} found {page}; the end is {end}, so it should be {expected}"
        );
        source.SeenTopicGrowths = source.Log.Waiters.TopicGrowths;
        (source.SeenPosition, source.SeenBase, source.PutBackBytes) = (
            log.View.End.Position,
            log.View.Active.BaseOffset,
            0
        );
        source.Rested = _rested.TryGetValue(log, out var rested) ? rested : null;
        source.PagePosition =
            page.Region is { } region && region.Segment == log.View.Active ? region.Position : source.SeenPosition;
        if (reader.IsPoll && !isLast && !IsEnough(page, reader.MinBytes))
        {
            source.PutBackBytes = page.Region?.LengthBytes ?? 0;
            page.Dispose();
            source.Follower.UnreadPage(page);
            source.Offset = page.FirstOffset;
            return true;
        }
        if (page.Region is not null)
        {
            _heldPages.Add(HeldPage.Of(model, page, first, visible, mayBeginInGap: true));
            source.Offset = page.NextOffset;
            while (_heldPages.Count > 4)
                ReleasePage();
        }
        return !reader.IsPoll && page.Status is FetchStatus.Page or FetchStatus.AtEnd;
    }

    void EndReader(WaitingReader reader)
    {
        if (reader.Phase == ReaderPhase.HasEnded)
            return;
        _trace.Add($"{reader} ends");
        reader.Phase = ReaderPhase.HasEnded;
        _deadlines!.Clear(reader.Waiter);
        foreach (var source in reader.Sources)
            source.Follower.Unsubscribe();
        _readers.Remove(reader);
        foreach (var source in reader.Sources)
            CheckWaiterCount(source.Log, source.Model);
    }

    /// <summary>Checks, once no work is left, that each waiting reader has reason to wait.</summary>
    void CheckWaiting()
    {
        if (_readerRandom is null)
            return;
        foreach (var reader in _readers.Where(reader => reader.IsAsleep))
        {
            Require(
                _time.GetTimestamp() <= reader.SleepsUntil + MaxLateness.Ticks,
                $"{reader} sleeps on although its time was over "
                    + $"{TimeSpan.FromTicks(_time.GetTimestamp() - reader.SleepsUntil)} ago"
            );
            foreach (var source in reader.Sources)
            {
                Require(
                    !IsDeleted(source) || !source.Log.CloseAsync().IsCompleted,
                    $"{reader} sleeps on although {source.Model.Name} is deleted"
                );
                Require(
                    !IsEnoughThere(reader, source),
                    $"{reader} sleeps on although there is enough for it in {source.Model.Name}"
                );
            }
        }
        foreach (var (log, model) in _names.SelectMany(Partitions).Concat(_deletedLogs))
        {
            CheckWaiterCount(log, model);
            _rested[log] = (log.View.Active.BaseOffset, log.EarliestOffset);
        }
    }

    void CheckWaiterCount(PartitionLog log, PartitionModel model)
    {
        var (asleep, all) = (
            _readers.Count(reader => reader.IsAsleep && reader.Reads(log)),
            _readers.Count(reader => reader.Reads(log))
        );
        Require(
            log.Waiters.Count >= asleep && log.Waiters.Count <= all,
            $"{model.Name} knows of {log.Waiters.Count} readers that wait; {asleep} of {all} do"
        );
    }

    /// <summary>Begins the end of all waits, as the server's stop does.</summary>
    void StopWaiting()
    {
        if (_readerRandom is null || _readerRandom.Next(2) == 0)
            return;
        _trace.Add("stop waiting");
        _catalog.StopWaiting();
        _isWaitingStopped = true;
        foreach (var reader in _readers.Where(reader => reader.IsAsleep))
            Require(reader.Sources.All(IsDeleted), $"{reader} sleeps on although all waiting was stopped");
    }

    /// <summary>A log was closed: its readers are told so, and end.</summary>
    void EndReadersOf(PartitionLog log)
    {
        using var pause = _faults.Pause();
        Listen();
        foreach (var reader in _readers.Where(reader => reader.Reads(log)).ToArray())
        {
            Require(!reader.IsAsleep, $"{reader} sleeps on although the log was closed");
            for (var count = 0; reader.Phase != ReaderPhase.HasEnded; count++)
            {
                Require(count < 10_000, $"{reader} does not end although the log was closed");
                Step(reader);
            }
        }
        Require(log.Waiters.Count == 0, $"{log.Waiters.Count} readers wait for a log that was closed");
        _rested.Remove(log);
    }

    /// <summary>All readers get all records, and then wait.</summary>
    void CatchUp()
    {
        foreach (var reader in _readers.ToArray())
        {
            for (var count = 0; !reader.IsAsleep && reader.Phase != ReaderPhase.HasEnded; count++)
            {
                Require(count < 10_000, $"{reader} finds no end");
                Step(reader);
            }
            foreach (var source in reader.Sources.Where(_ => reader.IsAsleep && !reader.IsPoll))
                Require(
                    source.Model.IndexOf(source.Offset) == VisibleCount(source.Log, source.Model),
                    $"{reader} sleeps, and has not got all of {source.Model.Name}"
                );
        }
    }
}
