using System.Buffers;
using System.IO.Pipelines;

namespace LogHttp.Server.Producing;

/// <summary>A piece of a body; a last one may be empty.</summary>
internal readonly record struct BodyPiece(ReadOnlySequence<byte> Bytes, bool IsLast);

/// <summary>A request's body, as it came or unpacked, piece by piece. For one thread.</summary>
internal abstract class BodyPieces : IDisposable
{
    /// <summary>The next piece, which is there until the next call.</summary>
    /// <param name="timeout">How long to wait for bytes from the client.</param>
    /// <exception cref="BodyTimeoutException">None came.</exception>
    /// <exception cref="BodyException">The body ends early, or is not what it is said to be.</exception>
    /// <exception cref="BodyAbandonedException">It is not wanted any more.</exception>
    public abstract ValueTask<BodyPiece> ReadAsync(TimeSpan timeout);

    public abstract void Dispose();
}

/// <summary>The body as it came.</summary>
/// <param name="reader">Kestrel's.</param>
/// <param name="time">Tells when the client has had its time.</param>
/// <param name="aborted">The client has gone.</param>
/// <param name="abandoned">Nobody wants the body any more.</param>
internal sealed class ReceivedBody(PipeReader reader, TimeProvider time, CancellationToken aborted, CancellationToken abandoned = default) : BodyPieces
{
    SequencePosition? _taken;

    public override ValueTask<BodyPiece> ReadAsync(TimeSpan timeout)
    {
        Take();
        abandoned.ThrowIfAbandoned();
        try
        {
            // Most bodies came with their headers, and need no timer.
            return reader.TryRead(out var read) ? ValueTask.FromResult(Piece(read)) : WaitAsync(timeout);
        }
        catch (IOException exception) when (exception is not BadHttpRequestException)
        {
            throw Incomplete(exception);
        }
    }

    public override void Dispose() => Take();

    async ValueTask<BodyPiece> WaitAsync(TimeSpan timeout)
    {
        try
        {
            using var limit = new CancellationTokenSource(timeout, time);
            // Not with a token of the read: Kestrel takes a read that was cancelled so for one under way, and logs an
            // error when it comes to drain what is left of the body.
            using var ending = limit.Token.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), reader);
            using var leaving = abandoned.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), reader);
            var read = await reader.ReadAsync(aborted);
            if (!read.IsCanceled)
                return Piece(read);
            reader.AdvanceTo(read.Buffer.Start);
        }
        catch (IOException exception) when (exception is not BadHttpRequestException)
        {
            throw Incomplete(exception);
        }
        abandoned.ThrowIfAbandoned();
        throw new BodyTimeoutException(timeout);
    }

    BodyPiece Piece(in ReadResult read)
    {
        _taken = read.Buffer.End;
        return new(read.Buffer, read.IsCompleted);
    }

    /// <summary>Also after a problem: Kestrel drains what is left of the body.</summary>
    void Take()
    {
        if (_taken is { } end)
            reader.AdvanceTo(end);
        _taken = null;
    }

    /// <summary>The client's or the connection's fault: no disk is read here.</summary>
    static BodyException Incomplete(IOException exception) => new($"The body could not be read to its end: {exception.Message}", exception);
}

/// <summary>A body that ended early or is not framed as HTTP demands; nothing of what was not read is appended.</summary>
internal sealed class BodyException(string message, Exception inner) : Exception(message, inner);

/// <summary>A body that brought nothing for too long.</summary>
internal sealed class BodyTimeoutException(TimeSpan timeout) : Exception
{
    public TimeSpan Timeout { get; } = timeout;
}

/// <summary>A body that is not wanted any more.</summary>
internal sealed class BodyAbandonedException : Exception;

internal static class Abandonment
{
    public static void ThrowIfAbandoned(this CancellationToken abandoned)
    {
        if (abandoned.IsCancellationRequested)
            throw new BodyAbandonedException();
    }
}
