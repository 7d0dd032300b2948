using System.Buffers;
using System.Threading.Channels;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Settings;
using LogHttp.Storage;
using LogHttp.Storage.Logs;
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
internal sealed partial class ProduceStream : IAsyncDisposable
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
    readonly RecordCutter _cutter;
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
}
