using System.Buffers;
using System.IO.Pipelines;
using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Producing;

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
/// <remarks>
/// The rate is measured over the time that was waited for the client in the last window, not since the body began: a
/// client that sent 64 MiB at once could drip for days by its average.
/// </remarks>
/// <param name="reader">Kestrel's.</param>
/// <param name="time">Tells when the client has had its time.</param>
/// <param name="aborted">The client has gone.</param>
internal sealed class ReceivedBody(PipeReader reader, TimeProvider time, CancellationToken aborted) : BodyPieces
{
    /// <summary>
    /// How much longer the window of the rate is than the time without a byte: who brings nothing is told that.
    /// </summary>
    static readonly TimeSpan WindowSlack = TimeSpan.FromSeconds(5);

    SequencePosition? _taken;
    long _receivedBytes;
    long _windowBytes;
    TimeSpan _windowWaited;

    /// <summary>The most bytes it may have.</summary>
    public long MaxBytes { get; init; } = long.MaxValue;

    /// <summary>How many bytes the client announced.</summary>
    public long AnnouncedBytes { get; init; }

    /// <summary>How fast it must come; 0 for any pace.</summary>
    public int MinBytesPerSecond { get; init; }

    /// <summary>Cancelled when nobody wants the body any more.</summary>
    public CancellationToken Abandoned { get; init; }

    public override ValueTask<BodyPiece> ReadAsync(TimeSpan timeout)
    {
        Take();
        Abandoned.ThrowIfAbandoned();
        if (AnnouncedBytes > MaxBytes)
            throw TooLarge();
        try
        {
            // Most bodies came with their headers, and need no timer.
            return reader.TryRead(out var read) ? ValueTask.FromResult(Piece(read)) : WaitAsync(timeout);
        }
        catch (IOException exception) when (IsBroken(exception))
        {
            throw Incomplete(exception);
        }
    }

    public override void Dispose() => Take();

    async ValueTask<BodyPiece> WaitAsync(TimeSpan timeout)
    {
        var window = timeout + WindowSlack;
        var began = time.GetTimestamp();
        try
        {
            while (true)
            {
                var left = timeout - time.GetElapsedTime(began);
                if (MinBytesPerSecond > 0 && window - _windowWaited < left)
                    left = window - _windowWaited;
                var waitBegan = time.GetTimestamp();
                if (left > TimeSpan.Zero && await ReadWithinAsync(left) is { } read)
                {
                    _windowWaited += time.GetElapsedTime(waitBegan);
                    var piece = Piece(read);
                    CheckRate(window, read.IsCompleted);
                    return piece;
                }
                Abandoned.ThrowIfAbandoned();
                _windowWaited += time.GetElapsedTime(waitBegan);
                if (time.GetElapsedTime(began) >= timeout)
                    throw new BodyTimeoutException(timeout);
                CheckRate(window, isCompleted: false);
            }
        }
        catch (IOException exception) when (IsBroken(exception))
        {
            throw Incomplete(exception);
        }
    }

    /// <summary>Reads; null where the time is over or nobody wants the body any more.</summary>
    async ValueTask<ReadResult?> ReadWithinAsync(TimeSpan left)
    {
        using var limit = new CancellationTokenSource(left, time);
        // Not with a token of the read: Kestrel takes a read that was cancelled so for one under way, and logs an
        // error when it comes to drain what is left of the body.
        using var ending = limit.Token.UnsafeRegister(
            static reader => ((PipeReader)reader!).CancelPendingRead(),
            reader
        );
        using var leaving = Abandoned.UnsafeRegister(
            static reader => ((PipeReader)reader!).CancelPendingRead(),
            reader
        );
        var read = await reader.ReadAsync(aborted);
        if (!read.IsCanceled)
            return read;
        reader.AdvanceTo(read.Buffer.Start);
        return null;
    }

    /// <summary>Judges the body once a window is full, and begins the next.</summary>
    void CheckRate(TimeSpan window, bool isCompleted)
    {
        if (MinBytesPerSecond == 0 || isCompleted || _windowWaited < window)
            return;
        if (_windowBytes < MinBytesPerSecond * _windowWaited.TotalSeconds)
            throw new BadHttpRequestException("The body came too slowly.", StatusCodes.Status408RequestTimeout);
        (_windowBytes, _windowWaited) = (0, TimeSpan.Zero);
    }

    BodyPiece Piece(in ReadResult read)
    {
        _taken = read.Buffer.End;
        var pieceBytes = read.Buffer.Length;
        _windowBytes += pieceBytes;
        _receivedBytes += pieceBytes;
        return _receivedBytes <= MaxBytes ? new(read.Buffer, read.IsCompleted) : throw TooLarge();
    }

    /// <summary>
    /// Thrown here and not by Kestrel, which would close the connection before a client that still sends has read the
    /// response.
    /// </summary>
    static BadHttpRequestException TooLarge() => new("The body is too large.", StatusCodes.Status413PayloadTooLarge);

    /// <summary>Also after a problem: Kestrel drains what is left of the body.</summary>
    void Take()
    {
        if (_taken is { } end)
            reader.AdvanceTo(end);
        _taken = null;
    }

    /// <summary>
    /// Whether a body ended early, or is not framed as HTTP demands. For a chunk's size, Kestrel has either type of
    /// exception, by its digits. Other statuses are of this class.
    /// </summary>
    static bool IsBroken(IOException exception) =>
        exception is not BadHttpRequestException { StatusCode: not StatusCodes.Status400BadRequest };

    /// <summary>The client's or the connection's fault: no disk is read here.</summary>
    static BodyException Incomplete(IOException exception) =>
        new($"The body could not be read to its end: {exception.Message}", exception);
}

/// <summary>
/// A body that ended early or is not framed as HTTP demands; nothing of what was not read is appended.
/// </summary>
internal sealed class BodyException(string message, Exception inner) : Exception(message, inner), IProblemSource
{
    public Problem Problem => Problems.InvalidRequest("incomplete_body", Message);
}

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
