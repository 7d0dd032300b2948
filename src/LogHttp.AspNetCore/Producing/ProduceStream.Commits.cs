using LogHttp.AspNetCore.Contract;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Records;

namespace LogHttp.AspNetCore.Producing;

// The batches from their cut to their report.
internal sealed partial class ProduceStream
{
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
