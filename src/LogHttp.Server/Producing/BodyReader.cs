using System.IO.Pipelines;
using LogHttp.Server.Endpoints;
using LogHttp.Storage.Records;

namespace LogHttp.Server.Producing;

/// <summary>
/// Reads request bodies piece by piece: no more of one is held than a record may have, whatever its length. A body that
/// ends early (the client went away) throws, so nothing of it is appended.
/// </summary>
internal static class BodyReader
{
    public delegate Problem? WholeHandler(ReadOnlySpan<byte> body);

    /// <param name="line">Without its line feed.</param>
    /// <param name="number">From 1 on.</param>
    public delegate Problem? LineHandler(ReadOnlySpan<byte> line, long number);

    /// <summary>Reads a body that is one record.</summary>
    public static async ValueTask<Problem?> ReadWholeAsync(PipeReader reader, int maxRecordBytes, WholeHandler handle, CancellationToken cancellationToken)
    {
        using var carried = new PooledBytes();
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            if (read.IsCompleted && carried.IsEmpty && read.Buffer.IsSingleSegment)
            {
                var problem = handle(read.Buffer.FirstSpan);
                reader.AdvanceTo(read.Buffer.End);
                return problem;
            }
            foreach (var piece in read.Buffer)
                carried.Add(piece.Span);
            reader.AdvanceTo(read.Buffer.End);
            if (carried.SizeBytes > maxRecordBytes)
                return TooLarge(maxRecordBytes);
            if (read.IsCompleted)
                return handle(carried.Bytes);
        }
    }

    /// <summary>Reads a body of lines. The last one may lack its line feed; a line feed at the end begins no further line.</summary>
    public static async ValueTask<Problem?> ReadLinesAsync(PipeReader reader, int maxRecordBytes, LineHandler handle, CancellationToken cancellationToken)
    {
        using var carried = new PooledBytes();
        var number = 0L;
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            Problem? problem = null;
            foreach (var piece in read.Buffer)
            {
                problem ??= TakeLines(piece.Span, carried, ref number, handle);
                if (carried.SizeBytes > maxRecordBytes)
                    problem ??= TooLarge(maxRecordBytes).AtLine(number + 1);
            }
            // Also after a problem: Kestrel drains what is left of the body.
            reader.AdvanceTo(read.Buffer.End);
            if (problem is null && read.IsCompleted && !carried.IsEmpty)
                problem = handle(carried.Bytes, number + 1);
            if (problem is not null || read.IsCompleted)
                return problem;
        }
    }

    /// <summary>Handles every line that ends in a piece, and carries what is left of it to the next.</summary>
    static Problem? TakeLines(ReadOnlySpan<byte> piece, PooledBytes carried, ref long number, LineHandler handle)
    {
        for (var end = piece.IndexOf((byte)'\n'); end >= 0; end = piece.IndexOf((byte)'\n'))
        {
            var line = piece[..end];
            if (!carried.IsEmpty)
            {
                carried.Add(line);
                line = carried.Bytes;
            }
            if (handle(line, ++number) is { } problem)
                return problem;
            carried.Clear();
            piece = piece[(end + 1)..];
        }
        carried.Add(piece);
        return null;
    }

    static Problem TooLarge(int maxRecordBytes) =>
        Problems.Of(new RecordFault(RecordFaultCode.RecordTooLarge, $"The record is larger than {maxRecordBytes} bytes (maxRecordBytes)."));
}
