using System.IO.Pipelines;
using LogHttp.Server.Endpoints;
using LogHttp.Storage.Records;

namespace LogHttp.Server.Producing;

/// <summary>
/// Reads one request's body piece by piece: no more of it is held than a record may have, and all bodies share a budget,
/// which this one gives back when disposed of. A body that ends early throws, so nothing of it is appended.
/// </summary>
internal sealed class BodyReader(PipeReader reader, BodyBudget budget, CancellationToken aborted) : IDisposable
{
    readonly PooledBytes _carried = new();
    long _takenBytes;

    public delegate Problem? WholeHandler(ReadOnlySpan<byte> body);

    /// <param name="line">Without its line feed.</param>
    /// <param name="number">From 1 on.</param>
    public delegate Problem? LineHandler(ReadOnlySpan<byte> line, long number);

    /// <summary>Reads a body that is one record, or one of something else: then <paramref name="tooLarge"/> says what is wrong with more.</summary>
    public async ValueTask<Problem?> ReadWholeAsync(int maxBytes, WholeHandler handle, Problem? tooLarge = null)
    {
        while (true)
        {
            var (read, problem) = await ReadAsync();
            if (problem is null && read.IsCompleted && _carried.IsEmpty && read.Buffer.IsSingleSegment)
            {
                problem = handle(read.Buffer.FirstSpan);
                reader.AdvanceTo(read.Buffer.End);
                return problem;
            }
            if (problem is not null)
                return problem;
            foreach (var piece in read.Buffer)
                _carried.Add(piece.Span);
            reader.AdvanceTo(read.Buffer.End);
            if (_carried.SizeBytes > maxBytes)
                return tooLarge ?? TooLarge(maxBytes);
            if (read.IsCompleted)
                return handle(_carried.Bytes);
        }
    }

    /// <summary>Reads a body of lines. The last one may lack its line feed; a line feed at the end begins no further line.</summary>
    public async ValueTask<Problem?> ReadLinesAsync(int maxRecordBytes, LineHandler handle)
    {
        var number = 0L;
        while (true)
        {
            var (read, problem) = await ReadAsync();
            if (problem is not null)
                return problem;
            foreach (var piece in read.Buffer)
            {
                problem ??= TakeLines(piece.Span, ref number, handle);
                if (_carried.SizeBytes > maxRecordBytes)
                    problem ??= TooLarge(maxRecordBytes).AtLine(number + 1);
            }
            // Also after a problem: Kestrel drains what is left of the body.
            reader.AdvanceTo(read.Buffer.End);
            if (problem is null && read.IsCompleted && !_carried.IsEmpty)
                problem = handle(_carried.Bytes, number + 1);
            if (problem is not null || read.IsCompleted)
                return problem;
        }
    }

    public void Dispose()
    {
        _carried.Dispose();
        budget.GiveBack(_takenBytes);
        _takenBytes = 0;
    }

    /// <summary>Handles every line that ends in a piece, and carries what is left of it to the next.</summary>
    Problem? TakeLines(ReadOnlySpan<byte> piece, ref long number, LineHandler handle)
    {
        for (var end = piece.IndexOf((byte)'\n'); end >= 0; end = piece.IndexOf((byte)'\n'))
        {
            var line = piece[..end];
            if (!_carried.IsEmpty)
            {
                _carried.Add(line);
                line = _carried.Bytes;
            }
            if (handle(line, ++number) is { } problem)
                return problem;
            _carried.Clear();
            piece = piece[(end + 1)..];
        }
        _carried.Add(piece);
        return null;
    }

    /// <summary>The next piece, counted against the budget; a problem when there is no room for it or it does not come.</summary>
    async ValueTask<(ReadResult Read, Problem? Problem)> ReadAsync()
    {
        ReadResult read;
        try
        {
            // Most bodies came with their headers, and need no timer.
            if (!reader.TryRead(out read))
            {
                using var limit = new CancellationTokenSource(budget.Timeout, budget.Time);
                // Not with a token of the read: Kestrel takes a read that was cancelled so for one under way, and logs an
                // error when it comes to drain what is left of the body.
                using var ending = limit.Token.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), reader);
                read = await reader.ReadAsync(aborted);
                if (read.IsCanceled)
                {
                    reader.AdvanceTo(read.Buffer.Start);
                    return (default, Problems.BodyTimeout(budget.Timeout));
                }
            }
        }
        catch (IOException exception) when (exception is not BadHttpRequestException)
        {
            // The client's or the connection's fault: no disk is read here.
            throw new BodyException($"The body could not be read to its end: {exception.Message}", exception);
        }
        if (!budget.TryTake(read.Buffer.Length))
        {
            reader.AdvanceTo(read.Buffer.End);
            return (default, Problems.TooMuchReading());
        }
        _takenBytes += read.Buffer.Length;
        return (read, null);
    }

    static Problem TooLarge(int maxRecordBytes) =>
        Problems.Of(new RecordFault(RecordFaultCode.RecordTooLarge, $"The record is larger than {maxRecordBytes} bytes (maxRecordBytes)."));
}

/// <summary>A body that ended early or is not framed as HTTP demands; nothing of it was appended.</summary>
internal sealed class BodyException(string message, Exception inner) : Exception(message, inner);
