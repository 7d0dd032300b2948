using System.Buffers;
using System.Threading.Channels;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Settings;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// Appends a body of many records as it comes, however long it is. It cuts the body into batches that are each whole or
/// absent, and reports each one as it is committed (api/PROTOCOL.md §14). While it reads the body, a bounded number of
/// batches is under way. An element of an array counts as a line.
/// </summary>
/// <remarks>
/// The request's own thread reads lines and cuts batches. <see cref="CollectAsync"/> takes the outcomes of the batches,
/// in their order. The two meet in <c>_cuts</c>, <c>_room</c>, <c>_failure</c>, <c>_isIdle</c> and <c>_ending</c>.
/// </remarks>
internal sealed class ProduceStream : IAsyncDisposable
{
    /// <summary>
    /// A batch ends with the line that brings it to this many lines, or to this many bytes of the body.
    /// </summary>
    public const int BatchLines = 10_000;
    public const int BatchBytes = 1 << 20;

    /// <summary>How long to wait for a partition whose write queue is full.</summary>
    static readonly TimeSpan OverloadPause = TimeSpan.FromMilliseconds(20);

    readonly HttpContext _context;
    readonly string _topicName;
    readonly ProduceRequest _request;
    readonly TopicCatalog _catalog;
    readonly StorageOptions _options;
    readonly BodyBudget _budget;
    readonly TimeProvider _time;
    readonly TimeSpan _linger;
    readonly TimeSpan _idleTimeout;
    readonly TimeSpan _heartbeat;
    readonly CancellationTokenSource _ending;
    readonly BodyPieces _body;
    readonly StreamReports _reports;
    readonly Channel<Cut> _cuts = Channel.CreateUnbounded<Cut>(new() { SingleReader = true, SingleWriter = true });
    readonly SemaphoreSlim _room;
    readonly IRecordCutter _cutter;
    Topic? _topic;
    int? _keyless;
    int? _producersPartition;
    Task<BodyPiece>? _reading;
    Task _committing = Task.CompletedTask;

    PartitionedBatch _batch;
    long _batchBegan;
    long _batchBytes;
    long _firstLine = 1;
    long _nextLine = 1;
    long _heldBytes;
    long _recordsCut;
    bool _hasRecords;

    // Written by CollectAsync, and read when it is done.
    long _lastCommittedLine;
    long _count;
    long _invalid;

    volatile Problem? _failure;
    volatile bool _isIdle;

    public ProduceStream(
        HttpContext context,
        string topic,
        ProduceRequest request,
        Topic? found,
        ProduceServices services
    )
    {
        var (settings, budget) = (services.Settings, services.Budget);
        (_context, _topicName, _request, _topic, _catalog, _options, _budget, _time) = (
            context,
            topic,
            request,
            found,
            services.Catalog,
            services.Options,
            budget,
            services.Time
        );
        _cutter = request.CreateCutter();
        (_linger, _heartbeat) = (settings.ProduceStreamLinger, settings.HeartbeatInterval);
        // While reports are sent as they come, heartbeats find out whether the client is there.
        _idleTimeout = request.SendsReportsAtEnd ? settings.ProduceStreamIdleTimeout : Timeout.InfiniteTimeSpan;
        _room = new(settings.MaxProduceStreamBatches);
        _reports = new(context.Response, request.SendsReportsAtEnd);
        _batch = NewBatch();
        _ending = CancellationTokenSource.CreateLinkedTokenSource(services.Stopping);
        _body = request.OpenBody(
            budget,
            long.MaxValue,
            packedBytes => settings.MaxBodyBytes + packedBytes * settings.MaxProduceStreamUnpackRatio,
            _ending.Token
        );
    }

    /// <summary>
    /// Reads and appends the whole body. Returns the problem to respond with, or null if the response was sent.
    /// </summary>
    public async Task<Problem?> RunAsync()
    {
        var collecting = CollectAsync();
        Problem? problem;
        try
        {
            problem = await ReadAsync();
            // The lines before a mistake are appended, so the client can send the rest from there.
            await CutAsync();
        }
        finally
        {
            _cuts.Writer.Complete();
            await collecting;
        }
        problem = _failure ?? problem;
        if (problem is null && !_hasRecords)
            problem = Problems.InvalidRequest("no_records", "The body holds no records.");
        if (problem is not null && !_reports.HasBegun)
            return problem;
        await _reports.EndAsync(
            StreamSummary.Of(
                _request.IsArray,
                problem is null,
                problem is null ? _nextLine - 1 : _lastCommittedLine,
                _count
            ) with
            {
                Invalid = _invalid > 0 ? _invalid : null,
                NextSequence = problem is null ? _request.Producer?.Sequence + _recordsCut : null,
                Error = problem?.ToJson(),
            }
        );
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        // Nothing may read the body when Kestrel starts to drain it.
        await _ending.CancelAsync();
        if (_reading is not null)
            await _reading.ContinueWith(
                static _ => { },
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default
            );
        // Nor may anything write to a response that Kestrel has ended, or begun for another request.
        await _reports.StopAsync();
        _body.Dispose();
        _batch.Dispose();
        _cutter.Dispose();
        _ending.Dispose();
        _room.Dispose();
        _budget.Release(_context, ref _heldBytes);
    }

    /// <summary>Reads lines and cuts batches, to the body's end or a mistake.</summary>
    async Task<Problem?> ReadAsync()
    {
        if (InvalidValues.Check(_request.Invalid, _batch.Values) is { } unsuited)
            return unsuited;
        try
        {
            while (true)
            {
                var piece = await NextAsync();
                var rest = piece.Bytes;
                _reports.HasBodyEnded = piece.IsLast;
                if (!await TryHoldAsync(rest.Length))
                    return ReadingBudgetExhausted();
                while (TakeLines(ref rest, out var problem))
                {
                    if (problem is not null)
                        return problem;
                    await CutAsync();
                    // A full batch that is not taken any more stays full.
                    if (_failure is { } failure)
                        return failure;
                }
                if (piece.IsLast)
                    return _cutter.TryTakeLast(out var line) ? AddLine(line) : _cutter.Fault;
                if (_batchBytes > 0 && _committing.IsCompleted && _time.GetElapsedTime(_batchBegan) >= _linger)
                    await CutAsync();
            }
        }
        catch (BodyAbandonedException)
        {
            return _failure ?? Problems.Stopping();
        }
        catch (BodyBudgetException)
        {
            return ReadingBudgetExhausted();
        }
        catch (BodyTimeoutException exception)
        {
            return Problems.StreamTimeout(
                exception.Timeout,
                _cutter.CarriedBytes > 0
                    ? nameof(LogHttpSettings.BodyTimeout)
                    : nameof(LogHttpSettings.ProduceStreamIdleTimeout)
            );
        }
        catch (Exception exception)
            when (exception is BodyException or BodyEncodingException or BadHttpRequestException)
        {
            return Problems.Of(exception);
        }
    }

    static Problem ReadingBudgetExhausted() =>
        Problems.ReadingBudgetExhausted() with
        {
            Detail = "The request bodies being read fill MaxReadingBytes, or this client's fill MaxClientReadingBytes.",
        };

    /// <summary>
    /// Returns the next piece. Meanwhile commits the earlier lines once they have waited for long enough.
    /// </summary>
    async ValueTask<BodyPiece> NextAsync()
    {
        // A line that has begun must end soon. Between lines, a live pipe may pause.
        var isBetweenLines = _cutter.CarriedBytes == 0;
        var reading = _body.ReadAsync(isBetweenLines ? _idleTimeout : _budget.Timeout);
        if (reading.IsCompleted)
            return await reading;
        _reading = reading.AsTask();
        if (_batchBytes > 0)
            await CutWhenDueAsync(_reading);
        if (!_reading.IsCompleted)
        {
            // Nothing is held of the last piece, and the log counts the batch. So an idle stream counts no bytes.
            _cutter.ReleaseUnused();
            _budget.TryHold(_context, ref _heldBytes, Math.Min(_heldBytes, _cutter.HeldBytes + _batch.HeldBytes));
        }
        _isIdle = isBetweenLines;
        try
        {
            var piece = await _reading;
            _reading = null;
            return piece;
        }
        finally
        {
            _isIdle = false;
        }
    }

    /// <summary>
    /// Commits the batch once its first line has waited for long enough, unless the next piece comes before that.
    /// Lines gather while the last batch is being committed, so a slow disk gets larger batches.
    /// </summary>
    async ValueTask CutWhenDueAsync(Task reading)
    {
        var left = _linger - _time.GetElapsedTime(_batchBegan);
        if (left > TimeSpan.Zero)
        {
            using var came = new CancellationTokenSource();
            await Task.WhenAny(reading, Task.Delay(left, _time, came.Token));
            await came.CancelAsync();
        }
        if (!reading.IsCompleted)
            await Task.WhenAny(reading, _committing);
        if (!reading.IsCompleted)
            await CutAsync();
    }

    /// <summary>
    /// Counts the stream's bytes and an added piece against the budget of all bodies, and waits until there is room.
    /// The log counts the batches under way.
    /// </summary>
    async ValueTask<bool> TryHoldAsync(long pieceBytes)
    {
        for (
            var began = _time.GetTimestamp();
            !_budget.TryHold(_context, ref _heldBytes, _cutter.HeldBytes + _batch.HeldBytes + pieceBytes);

        )
        {
            if (_time.GetElapsedTime(began) > _budget.Timeout)
                return false;
            await CutAsync();
            await Task.Delay(OverloadPause, _time, _context.RequestAborted);
        }
        return true;
    }

    /// <summary>
    /// Adds lines to the batch. Returns false when the piece has no more lines, and true when the batch is full or a
    /// line is wrong.
    /// </summary>
    bool TakeLines(ref ReadOnlySequence<byte> rest, out Problem? problem)
    {
        problem = null;
        while (!rest.IsEmpty)
        {
            var left = rest.FirstSpan;
            var pieceBytes = left.Length;
            while (true)
            {
                if (_cutter.CarriedBytes == 0)
                    left = left[AddLines(left)..];
                if (!IsFull)
                {
                    if (!_cutter.TryTake(ref left, out var line))
                        break;
                    problem = AddLine(line);
                }
                if (problem is not null || IsFull)
                {
                    rest = rest.Slice(pieceBytes - left.Length);
                    return true;
                }
            }
            rest = rest.Slice(pieceBytes);
        }
        problem = _cutter.Fault;
        if (_cutter.CarriedBytes > _batch.MaxUnencodedBytes)
            problem = _cutter.At(Problems.RecordTooLarge(_batch.MaxRecordBytes), _nextLine);
        return problem is not null;
    }

    string Unit => _request.IsArray ? "Elements" : "Lines";

    // The third condition is for a server with small batches: the next line fits in any case.
    bool IsFull =>
        _batchBytes > 0 && (_nextLine - _firstLine >= BatchLines || _batchBytes >= BatchBytes || !_batch.HasRoom);

    /// <summary>Adds lines of the common form, as long as the batch is not full. Returns their bytes.</summary>
    int AddLines(ReadOnlySpan<byte> lines)
    {
        // The line that fills the batch may begin in these bytes and end behind them. It is taken by itself.
        var room = lines[..Math.Min(lines.Length, (int)Math.Max(0, BatchBytes - _batchBytes))];
        var added = _request.AddLines(_batch, room, BatchLines - (int)(_nextLine - _firstLine));
        Count(added.Count, added.SizeBytes);
        return added.SizeBytes;
    }

    Problem? AddLine(ReadOnlySpan<byte> line)
    {
        var problem =
            line.Length > _batch.MaxUnencodedBytes
                ? Problems.RecordTooLarge(_batch.MaxRecordBytes)
                : _request.AddRecord(_batch, line);
        if (problem is not null)
            return _cutter.At(problem, _nextLine);
        Count(lines: 1, line.Length + 1);
        return null;
    }

    /// <summary>Counts lines of the batch.</summary>
    void Count(int lines, int sizeBytes)
    {
        if (_batchBytes == 0 && sizeBytes > 0)
            _batchBegan = _time.GetTimestamp();
        _batchBytes += sizeBytes;
        _nextLine += lines;
    }

    PartitionedBatch NewBatch() =>
        new(
            _topic?.Configuration ?? _options.TopicDefaults,
            _options.Records,
            _request.Partition,
            _request.Producer is { } producer ? producer with { Sequence = producer.Sequence + _recordsCut } : null,
            // All keyless records of a stream go to one partition, as with any request, so their order is kept.
            () => _keyless ??= (_topic?.ChoosePartition() ?? 0) % _batch!.Partitions
        );

    /// <summary>
    /// Hands the batch to the log, when there is room for one more under way. CollectAsync reports problems.
    /// </summary>
    async ValueTask CutAsync()
    {
        if (_batchBytes == 0 || _failure is not null)
            return;
        if (!_batch.IsEmpty)
        {
            _hasRecords = true;
            await _room.WaitAsync(_context.RequestAborted);
            // After a batch that was not appended, none is.
            if (_failure is not null)
                return;
            if (CheckProducer() is { } problem || (problem = await FindTopicAsync()) is not null)
            {
                Fail(problem);
                return;
            }
            if (!await (_batch.Route is null ? AppendAllAsync(_batch.Take()) : AppendRoutedAsync(_batch.Route)))
                return;
        }
        (_batchBytes, _firstLine) = (0, _nextLine);
        _batch.Dispose();
        _batch = NewBatch();
    }

    /// <summary>Puts a batch for each partition into its queue. CollectAsync takes the outcomes.</summary>
    async ValueTask<bool> AppendAllAsync(List<KeyValuePair<int, RecordBatch>> batches)
    {
        var appends = new List<PartAppend>();
        try
        {
            foreach (var (partition, records) in batches)
            {
                var (count, sequence) = (records.Count, records.Producer?.Sequence);
                appends.Add(new(partition, count, sequence, await AppendAsync(_topic!.Partitions[partition], records)));
                _recordsCut += count;
            }
        }
        catch (OperationCanceledException)
        {
            // The client disconnected while a queue was full. The batches that the log has not taken are dropped.
            foreach (var (_, records) in batches.Skip(appends.Count))
                records.Dispose();
            throw;
        }
        AddCut(appends);
        return true;
    }

    /// <summary>Has CollectAsync report the batch when its appends have their outcomes.</summary>
    void AddCut(List<PartAppend> appends)
    {
        _committing = Task.WhenAll(appends.Select(static append => append.Appending));
        _cuts.Writer.TryWrite(new(_firstLine, _nextLine - 1, _batch.InvalidCount, appends));
    }

    /// <summary>Appends a producer's batch to the partition that its first batch chooses.</summary>
    async ValueTask<bool> AppendRoutedAsync(ProducerRoute route)
    {
        if (_producersPartition is { } chosen)
            return await AppendAllAsync([new(chosen, _batch.Take()[0].Value)]);
        var set = _topic!.EnterPartitions();
        var mustLeave = true;
        try
        {
            await set.Settled.WaitAsync(_context.RequestAborted);
            if (route.Choose(set, _batch.Routed) is not { } partition)
            {
                Fail(SeveralPartitions());
                return false;
            }
            _producersPartition = partition;
            var records = _batch.Take()[0].Value;
            var (count, sequence) = (records.Count, records.Producer?.Sequence);
            Task<AppendResult> appending;
            try
            {
                appending = await AppendAsync(set.Partitions[partition], records);
            }
            catch (OperationCanceledException)
            {
                records.Dispose();
                throw;
            }
            _recordsCut += count;
            mustLeave = false;
            // Later batches go to the same partition, and come after this one.
            _ = appending.ContinueWith(
                static (_, set) => ((PartitionSet)set!).Leave(),
                set,
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default
            );
            AddCut([new PartAppend(partition, count, sequence, appending)]);
            return true;
        }
        finally
        {
            if (mustLeave)
                set.Leave();
        }
    }

    /// <summary>
    /// A producer numbers the records of one partition. In a topic that has grown, all of a stream go to one.
    /// </summary>
    Problem? CheckProducer()
    {
        var route = _batch.Route;
        if (_request.Producer is null || (route is not null && _topic is { FormerCounts.IsEmpty: false }))
            return null;
        var partition = route is null ? _batch.FirstPartition : route.Among(_batch.Partitions);
        if (_batch.PartitionsUsed > 1 || (_producersPartition is { } chosen && partition != chosen))
            return SeveralPartitions();
        // A route chooses when the batch is appended.
        if (route is null)
            _producersPartition = partition;
        return null;
    }

    Problem SeveralPartitions() =>
        Problems.InvalidRequest(
            "invalid_producer",
            $"{ProducerHeaders.Sequence} numbers the records of one partition, and the records of "
                + $"{Unit.ToLowerInvariant()} {_firstLine} to {_nextLine - 1} go to others too. Send the records of "
                + "each partition, or key, by themselves."
        );

    /// <summary>Finds the topic, or creates it with the first batch, so that a rejected request creates none.</summary>
    async ValueTask<Problem?> FindTopicAsync()
    {
        if (_topic is not null)
            return null;
        try
        {
            _topic = (await _catalog.GetOrCreateAsync(_topicName)).Topic;
        }
        catch (Exception exception) when (Problems.Of(exception).Status != StatusCodes.Status500InternalServerError)
        {
            return Problems.Of(exception);
        }
        return _batch.IsFor(_topic.Configuration, isOfTopic: false) ? null : Problems.TopicChanged();
    }

    /// <summary>Puts a batch into a partition's queue. Waits if the queue is full.</summary>
    async ValueTask<Task<AppendResult>> AppendAsync(PartitionLog log, RecordBatch records)
    {
        while (true)
        {
            var appending = log.AppendAsync(
                records,
                options: AppendOptions.KeepIfOverloaded | AppendOptions.MayOverlap
            );
            if (!appending.IsCompleted || (await appending).Status != AppendStatus.Overloaded)
                return appending;
            await Task.Delay(OverloadPause, _time, _context.RequestAborted);
        }
    }

    /// <summary>Takes the outcomes of the batches, in their order, and reports them.</summary>
    async Task CollectAsync()
    {
        var areAllIn = true;
        while (await NextCutAsync() is { } cut)
        {
            foreach (var part in cut.Parts)
                areAllIn &= TryReport(cut, part, await part.Appending, mayMerge: areAllIn);
            if (areAllIn)
                _lastCommittedLine = cut.LastLine;
            _room.Release();
        }
    }

    /// <summary>
    /// Returns the next batch under way, or null if there will be none. Sends heartbeats while the client is silent.
    /// </summary>
    async ValueTask<Cut?> NextCutAsync()
    {
        var waiting = _cuts.Reader.WaitToReadAsync().AsTask();
        while (!waiting.IsCompleted && !_request.SendsReportsAtEnd)
        {
            using var came = new CancellationTokenSource();
            await Task.WhenAny(waiting, Task.Delay(_heartbeat, _time, came.Token));
            await came.CancelAsync();
            // None within the first line: until a response has begun, a mistake can still get a status of its own.
            if (!waiting.IsCompleted && _isIdle)
                _reports.AddHeartbeat();
        }
        return await waiting && _cuts.Reader.TryRead(out var cut) ? cut : null;
    }

    /// <summary>Reports a batch that is in the log. Returns false for a failed one.</summary>
    bool TryReport(Cut cut, PartAppend part, AppendResult result, bool mayMerge)
    {
        var isRepeat = result.Status is AppendStatus.Repeated or AppendStatus.SequenceForgotten;
        if (result.Status != AppendStatus.Appended && !isRepeat)
        {
            var problem = Problems.Of(result);
            Fail(
                problem with
                {
                    Detail = $"{Unit} {cut.FirstLine} to {cut.LastLine}, partition {part.Partition}: {problem.Detail}",
                }
            );
            return false;
        }
        var appendedCount = part.Count - result.RepeatedCount;
        _count += isRepeat ? 0 : appendedCount;
        _invalid += cut.InvalidCount;
        if (!isRepeat)
            InvalidValues.Count(_request.Invalid, cut.InvalidCount);
        // A batch whose sequence is forgotten is in the log too, because its producer has advanced beyond it.
        var report = StreamReport.Of(
            _request.IsArray,
            cut.FirstLine,
            cut.LastLine,
            part.Partition,
            result.Status == AppendStatus.SequenceForgotten ? null : result.FirstOffset,
            appendedCount
        ) with
        {
            Sequence = part.Sequence + result.RepeatedCount,
            Repeat = isRepeat ? true : null,
            Invalid = cut.InvalidCount > 0 ? cut.InvalidCount : null,
            Repeated = result.RepeatedCount > 0 ? result.RepeatedCount : null,
        };
        _reports.Add(report, mayMerge);
        return true;
    }

    void Fail(Problem problem)
    {
        Interlocked.CompareExchange(ref _failure, problem, null);
        _ending.Cancel();
    }

    /// <summary>A batch under way.</summary>
    sealed record Cut(long FirstLine, long LastLine, int InvalidCount, List<PartAppend> Parts);

    /// <summary>The part of a batch that goes to one partition.</summary>
    sealed record PartAppend(int Partition, int Count, long? Sequence, Task<AppendResult> Appending);
}
