using System.IO.Pipelines;
using LogHttp.Server.Endpoints;

namespace LogHttp.Server.Producing;

/// <summary>
/// Reads one request's body piece by piece: no more of it is held than a record may have, and all bodies share a budget,
/// which this one gives back when disposed of. A body that ends early throws, so nothing of it is appended.
/// </summary>
internal sealed class BodyReader(BodyPieces body, BodyBudget budget) : IDisposable
{
    /// <summary>Of a body as it came.</summary>
    public BodyReader(PipeReader reader, BodyBudget budget, CancellationToken aborted)
        : this(new ReceivedBody(reader, budget.Time, aborted), budget)
    {
    }

    readonly PooledBytes _gathered = new();
    readonly LineCutter _lines = new();
    long _takenBytes;

    public delegate Problem? WholeHandler(ReadOnlySpan<byte> body);

    /// <param name="line">Without its line feed.</param>
    /// <param name="number">From 1 on.</param>
    public delegate Problem? LineHandler(ReadOnlySpan<byte> line, long number);

    /// <summary>Reads a body that is one of something; <paramref name="tooLarge"/> says what is wrong with more.</summary>
    public async ValueTask<Problem?> ReadWholeAsync(int maxBytes, WholeHandler handle, Problem tooLarge)
    {
        while (true)
        {
            var (read, problem) = await ReadAsync();
            if (problem is not null)
                return problem;
            if (_gathered.SizeBytes + read.Bytes.Length > maxBytes)
                return tooLarge;
            if (read.IsLast && _gathered.IsEmpty && read.Bytes.IsSingleSegment)
                return handle(read.Bytes.FirstSpan);
            foreach (var piece in read.Bytes)
                _gathered.Add(piece.Span);
            if (read.IsLast)
                return handle(_gathered.Bytes);
        }
    }

    /// <summary>Reads a body of lines. The last one may lack its line feed; a line feed at the end begins no further line.</summary>
    public async ValueTask<Problem?> ReadLinesAsync(int maxLineBytes, LineHandler handle, Problem tooLarge)
    {
        var number = 0L;
        while (true)
        {
            var (read, problem) = await ReadAsync();
            if (problem is not null)
                return problem;
            foreach (var piece in read.Bytes)
            {
                problem ??= TakeLines(piece.Span, ref number, handle, maxLineBytes, tooLarge);
                if (_lines.CarriedBytes > maxLineBytes)
                    problem ??= tooLarge.AtLine(number + 1);
            }
            if (problem is null && read.IsLast)
                problem = TakeLastLine(number + 1, handle);
            if (problem is not null || read.IsLast)
                return problem;
        }
    }

    public void Dispose()
    {
        body.Dispose();
        _gathered.Dispose();
        _lines.Dispose();
        budget.GiveBack(_takenBytes);
        _takenBytes = 0;
    }

    Problem? TakeLastLine(long number, LineHandler handle) => _lines.TryTakeLast(out var line) ? handle(line, number) : null;

    /// <summary>Handles every line that ends in a piece.</summary>
    Problem? TakeLines(ReadOnlySpan<byte> piece, ref long number, LineHandler handle, int maxLineBytes, Problem tooLarge)
    {
        while (_lines.TryTake(ref piece, out var line))
        {
            number++;
            if (line.Length > maxLineBytes)
                return tooLarge.AtLine(number);
            if (handle(line, number) is { } problem)
                return problem;
        }
        return null;
    }

    /// <summary>The next piece, counted against the budget; a problem when there is no room for it or it does not come.</summary>
    async ValueTask<(BodyPiece Piece, Problem? Problem)> ReadAsync()
    {
        BodyPiece piece;
        try
        {
            piece = await body.ReadAsync(budget.Timeout);
        }
        catch (BodyTimeoutException exception)
        {
            return (default, Problems.BodyTimeout(exception.Timeout));
        }
        catch (BodyBudgetException)
        {
            return (default, Problems.TooMuchReading());
        }
        if (!budget.TryTake(piece.Bytes.Length))
            return (default, Problems.TooMuchReading());
        _takenBytes += piece.Bytes.Length;
        return (piece, null);
    }
}
