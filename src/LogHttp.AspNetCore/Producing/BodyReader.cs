using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Records;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// Reads one request's body piece by piece, and holds no more of it than a record may have. Those bytes, and the batch
/// made from them, count against the budget of all bodies until this is disposed of. A body that ends early throws, so
/// nothing of it is appended. Used for one body after the other.
/// </summary>
/// <param name="budget">The budget.</param>
internal sealed class BodyReader(BodyBudget budget) : IDisposable
{
    BodyPieces? _body;
    HttpContext? _client;

    // Most bodies come whole, and need neither or one of them.
    PooledBytes? _gathered;
    RecordCutter? _cutter;
    long _heldBytes;

    /// <summary>The batch that the handlers make from the body.</summary>
    public PartitionedBatch? Batch { get; set; }

    public BodyReader(BodyPieces body, BodyBudget budget, HttpContext? client = null)
        : this(budget) => Begin(body, client);

    public delegate Problem? WholeHandler(ReadOnlySpan<byte> body);

    /// <summary>Handles whole lines at the start of a text, as many as it likes.</summary>
    public delegate AddedLines LinesHandler(ReadOnlySpan<byte> lines);

    public delegate Problem? RecordHandler(ReadOnlySpan<byte> record);

    /// <summary>Begins a body.</summary>
    /// <param name="body">The body.</param>
    /// <param name="client">The request, or null without a client.</param>
    public void Begin(BodyPieces body, HttpContext? client) => (_body, _client) = (body, client);

    /// <summary>
    /// Reads a body that is a single item. Returns <paramref name="tooLarge"/> if it is larger than allowed.
    /// </summary>
    public async ValueTask<Problem?> ReadWholeAsync(int maxBytes, WholeHandler handle, Problem tooLarge)
    {
        while (true)
        {
            var (read, problem) = await ReadAsync();
            if (problem is not null)
                return problem;
            if ((_gathered?.SizeBytes ?? 0) + read.Bytes.Length > maxBytes)
                return tooLarge;
            if (read.IsLast && _gathered is null && read.Bytes.IsSingleSegment)
                return handle(read.Bytes.FirstSpan);
            _gathered ??= new();
            // Counts the bytes before taking them. Otherwise six bodies at once ran out of memory under a budget for
            // four.
            if (!TryHold(_gathered.HeldBytesToAdd(read.Bytes.Length)))
                return Problems.ReadingBudgetExhausted();
            foreach (var piece in read.Bytes)
                _gathered.Add(piece.Span);
            if (!read.IsLast)
                continue;
            // The records of a REST Proxy body are copied to a buffer that doubles.
            return TryHold(_gathered.HeldBytes + 2L * _gathered.SizeBytes)
                ? handle(_gathered.Bytes)
                : Problems.ReadingBudgetExhausted();
        }
    }

    /// <summary>
    /// Reads a body of many records, and disposes of the cutter with this. A problem gets the number of its record.
    /// </summary>
    /// <param name="cutter">Cuts the records.</param>
    /// <param name="maxRecordBytes">The most bytes of a record.</param>
    /// <param name="handleSome">
    /// Is offered the lines of each piece first. It takes none if the records are not lines.
    /// </param>
    /// <param name="handle">Handles each record that <paramref name="handleSome"/> left.</param>
    /// <param name="tooLarge">The problem of a record that is too large.</param>
    public async ValueTask<Problem?> ReadRecordsAsync(
        RecordCutter cutter,
        int maxRecordBytes,
        LinesHandler handleSome,
        RecordHandler handle,
        Problem tooLarge
    )
    {
        var number = 0L;
        _cutter = cutter;
        while (true)
        {
            var (read, problem) = await ReadAsync();
            if (problem is not null)
                return problem;
            foreach (var piece in read.Bytes)
            {
                problem ??= TakeRecords(piece.Span, ref number, handleSome, handle, maxRecordBytes, tooLarge);
                if (cutter.CarriedBytes > maxRecordBytes)
                    problem ??= cutter.At(tooLarge, number + 1);
            }
            if (problem is null && read.IsLast)
                problem = TakeLastRecord(number + 1, handle);
            // Most bodies come whole. The log takes such a body next, so it need not be counted while this request
            // waits.
            else if (problem is null && !TryHold(cutter.HeldBytes))
                problem = Problems.ReadingBudgetExhausted();
            if (problem is not null || read.IsLast)
                return problem;
        }
    }

    public void Dispose()
    {
        _body?.Dispose();
        _gathered?.Dispose();
        _cutter?.Dispose();
        budget.Release(_client, ref _heldBytes);
        (_body, _client, _gathered, _cutter) = (null, null, null, null);
    }

    /// <summary>Counts the bytes of the body, and those of the batch made from it.</summary>
    bool TryHold(long bodyBytes) => budget.TryHold(_client, ref _heldBytes, bodyBytes + (Batch?.HeldBytes ?? 0));

    Problem? TakeLastRecord(long number, RecordHandler handle) =>
        !_cutter!.TryTakeLast(out var record) ? _cutter.Fault
        : handle(record) is { } problem ? _cutter.At(problem, number)
        : null;

    /// <summary>Handles every record that ends in a piece.</summary>
    Problem? TakeRecords(
        ReadOnlySpan<byte> piece,
        ref long number,
        LinesHandler handleSome,
        RecordHandler handle,
        int maxRecordBytes,
        Problem tooLarge
    )
    {
        while (true)
        {
            if (_cutter!.CarriedBytes == 0)
            {
                var added = handleSome(piece);
                number += added.Count;
                piece = piece[added.SizeBytes..];
            }
            if (!_cutter.TryTake(ref piece, out var record))
                return _cutter.Fault;
            number++;
            var problem = record.Length > maxRecordBytes ? tooLarge : handle(record);
            if (problem is not null)
                return _cutter.At(problem, number);
        }
    }

    /// <summary>Returns the next piece, or a problem if it does not come or there is no room to unpack it.</summary>
    async ValueTask<(BodyPiece Piece, Problem? Problem)> ReadAsync()
    {
        try
        {
            return (await _body!.ReadAsync(budget.Timeout), null);
        }
        catch (BodyTimeoutException exception)
        {
            return (default, Problems.BodyTimeout(exception.Timeout));
        }
        catch (BodyBudgetException)
        {
            return (default, Problems.ReadingBudgetExhausted());
        }
    }
}
