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
    LineCutter? _lines;
    long _heldBytes;

    /// <summary>The batch that the handlers make from the body.</summary>
    public PartitionedBatch? Batch { get; set; }

    public BodyReader(BodyPieces body, BodyBudget budget, HttpContext? client = null)
        : this(budget) => Begin(body, client);

    public delegate Problem? WholeHandler(ReadOnlySpan<byte> body);

    /// <summary>Handles whole lines at the start of a text, as many as it likes.</summary>
    public delegate AddedLines LinesHandler(ReadOnlySpan<byte> lines);

    /// <param name="line">Without its line feed.</param>
    /// <param name="number">From 1 on.</param>
    public delegate Problem? LineHandler(ReadOnlySpan<byte> line, long number);

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
    /// Reads a body of lines. The last one may lack its line feed. A line feed at the end begins no further line.
    /// </summary>
    /// <param name="maxLineBytes">The most bytes of a line.</param>
    /// <param name="handleSome">Is offered the lines of each piece first.</param>
    /// <param name="handle">Handles each line that <paramref name="handleSome"/> left.</param>
    /// <param name="tooLarge">The problem of a line that is too large.</param>
    public async ValueTask<Problem?> ReadLinesAsync(
        int maxLineBytes,
        LinesHandler handleSome,
        LineHandler handle,
        Problem tooLarge
    )
    {
        var number = 0L;
        _lines = new LineCutter();
        while (true)
        {
            var (read, problem) = await ReadAsync();
            if (problem is not null)
                return problem;
            foreach (var piece in read.Bytes)
            {
                problem ??= TakeLines(piece.Span, ref number, handleSome, handle, maxLineBytes, tooLarge);
                if (_lines.CarriedBytes > maxLineBytes)
                    problem ??= tooLarge.AtLine(number + 1);
            }
            if (problem is null && read.IsLast)
                problem = TakeLastLine(number + 1, handle);
            // Most bodies come whole. The log takes such a body next, so it need not be counted while this request
            // waits.
            else if (problem is null && !TryHold(_lines.HeldBytes))
                problem = Problems.ReadingBudgetExhausted();
            if (problem is not null || read.IsLast)
                return problem;
        }
    }

    public void Dispose()
    {
        _body?.Dispose();
        _gathered?.Dispose();
        _lines?.Dispose();
        budget.Release(_client, ref _heldBytes);
        (_body, _client, _gathered, _lines) = (null, null, null, null);
    }

    /// <summary>Counts the bytes of the body, and those of the batch made from it.</summary>
    bool TryHold(long bodyBytes) => budget.TryHold(_client, ref _heldBytes, bodyBytes + (Batch?.HeldBytes ?? 0));

    Problem? TakeLastLine(long number, LineHandler handle) =>
        _lines!.TryTakeLast(out var line) ? handle(line, number) : null;

    /// <summary>Handles every line that ends in a piece.</summary>
    Problem? TakeLines(
        ReadOnlySpan<byte> piece,
        ref long number,
        LinesHandler handleSome,
        LineHandler handle,
        int maxLineBytes,
        Problem tooLarge
    )
    {
        while (true)
        {
            if (_lines!.CarriedBytes == 0)
            {
                var added = handleSome(piece);
                number += added.Count;
                piece = piece[added.SizeBytes..];
            }
            if (!_lines.TryTake(ref piece, out var line))
                return null;
            number++;
            if (line.Length > maxLineBytes)
                return tooLarge.AtLine(number);
            if (handle(line, number) is { } problem)
                return problem;
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
