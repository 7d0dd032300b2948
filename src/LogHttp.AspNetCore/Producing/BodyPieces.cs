using System.Buffers;
using System.IO.Pipelines;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Threads;
using Microsoft.AspNetCore.Connections;

namespace LogHttp.AspNetCore.Producing;

/// <summary>A piece of a body. The last one may be empty.</summary>
internal readonly record struct BodyPiece(ReadOnlySequence<byte> Bytes, bool IsLast);

/// <summary>A request's body, as it came or unpacked, piece by piece. For one thread.</summary>
internal abstract class BodyPieces : IDisposable
{
    /// <summary>Returns the next piece, which is valid until the next call.</summary>
    /// <param name="timeout">
    /// How long to wait for bytes from the client. <see cref="Timeout.InfiniteTimeSpan"/> only for a body without a
    /// least rate.
    /// </param>
    /// <exception cref="BodyTimeoutException">No byte came in this time.</exception>
    /// <exception cref="BodyException">The body ends early, or is malformed.</exception>
    /// <exception cref="BodyAbandonedException">The body is no longer wanted.</exception>
    public abstract ValueTask<BodyPiece> ReadAsync(TimeSpan timeout);

    public abstract void Dispose();
}

/// <summary>The body as it came. Used for one body after the other.</summary>
/// <remarks>
/// The rate is measured over the time that the server waited for the client in the last window, not since the body
/// began. By an average since the beginning, a client that sent 64 MiB at once could drip for days.
/// </remarks>
/// <param name="time">The clock of the timeouts.</param>
internal sealed class ReceivedBody(TimeProvider time) : BodyPieces
{
    /// <summary>
    /// The rate's window is longer than the time without a byte by this much. So a client that sends nothing gets the
    /// error of the timeout.
    /// </summary>
    static readonly TimeSpan WindowSlack = TimeSpan.FromSeconds(5);

    PipeReader _reader = null!;
    SequencePosition? _taken;
    long _receivedBytes;
    long _windowBytes;
    TimeSpan _windowWaited;

    /// <summary>The most bytes that the body may have.</summary>
    public long MaxBytes { get; set; } = long.MaxValue;

    /// <summary>The number of bytes that the client announced.</summary>
    public long AnnouncedBytes { get; set; }

    /// <summary>The least rate. 0 allows any pace.</summary>
    public int MinBytesPerSecond { get; set; }

    /// <summary>Cancelled when the body is no longer wanted.</summary>
    public CancellationToken Abandoned { get; set; }

    /// <summary>The request, which is aborted if its connection is lost. Null without a client.</summary>
    public HttpContext? Context { get; set; }

    public ReceivedBody(PipeReader reader, TimeProvider time)
        : this(time) => Begin(reader);

    /// <summary>Begins a body.</summary>
    /// <param name="reader">Kestrel's reader.</param>
    public void Begin(PipeReader reader)
    {
        (_reader, _taken) = (reader, null);
        (_receivedBytes, _windowBytes, _windowWaited) = (0, 0, TimeSpan.Zero);
    }

    /// <summary>Drops all references to the request.</summary>
    public void Clear() => (_reader, _taken, Abandoned, Context) = (null!, null, default, null);

    public override ValueTask<BodyPiece> ReadAsync(TimeSpan timeout)
    {
        Take();
        Abandoned.ThrowIfAbandoned();
        if (AnnouncedBytes > MaxBytes)
            throw TooLarge();
        try
        {
            // Most bodies came with their headers, and need no timer.
            return _reader.TryRead(out var read) ? ValueTask.FromResult(Piece(read)) : WaitAsync(timeout);
        }
        catch (IOException exception) when (IsBroken(exception))
        {
            throw Incomplete(exception);
        }
    }

    public override void Dispose() => Take();

    async ValueTask<BodyPiece> WaitAsync(TimeSpan timeout)
    {
        var isBounded = timeout != Timeout.InfiniteTimeSpan;
        var window = timeout + WindowSlack;
        var began = time.GetTimestamp();
        try
        {
            while (true)
            {
                var left = isBounded ? timeout - time.GetElapsedTime(began) : timeout;
                if (MinBytesPerSecond > 0 && window - _windowWaited < left)
                    left = window - _windowWaited;
                var waitBegan = time.GetTimestamp();
                if ((left > TimeSpan.Zero || !isBounded) && await ReadWithinAsync(left) is { } read)
                {
                    // The wait ended on the thread that received the bytes.
                    if (Context is not null && !InlineRequests.MayStay(Context))
                        await ReceivingThread.LeaveAsync();
                    _windowWaited += time.GetElapsedTime(waitBegan);
                    var piece = Piece(read);
                    CheckRate(window, read.IsCompleted);
                    return piece;
                }
                Abandoned.ThrowIfAbandoned();
                _windowWaited += time.GetElapsedTime(waitBegan);
                if (isBounded && time.GetElapsedTime(began) >= timeout)
                    throw new BodyTimeoutException(timeout);
                CheckRate(window, isCompleted: false);
            }
        }
        catch (IOException exception) when (IsBroken(exception))
        {
            throw Incomplete(exception);
        }
    }

    /// <summary>Reads. Returns null if the time is over or the body is no longer wanted.</summary>
    async ValueTask<ReadResult?> ReadWithinAsync(TimeSpan left)
    {
        using var limit = new CancellationTokenSource(left, time);
        // The read gets no token. Kestrel treats a read cancelled by a token as still running, and logs an error when
        // it drains the rest of the body.
        using var ending = limit.Token.UnsafeRegister(
            static reader => ((PipeReader)reader!).CancelPendingRead(),
            _reader
        );
        using var leaving = Abandoned.UnsafeRegister(
            static reader => ((PipeReader)reader!).CancelPendingRead(),
            _reader
        );
        // Asked for only here, because the server allocates it for the first who asks.
        var read = await _reader.ReadAsync(Context?.RequestAborted ?? CancellationToken.None);
        if (!read.IsCanceled)
            return read;
        _reader.AdvanceTo(read.Buffer.Start);
        return null;
    }

    /// <summary>Judges the body once a window is full, and begins the next window.</summary>
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

    /// <summary>Consumes the last read, also after a problem, because Kestrel drains the rest of the body.</summary>
    void Take()
    {
        if (_taken is { } end)
            _reader.AdvanceTo(end);
        _taken = null;
    }

    /// <summary>
    /// Whether a body ended early, or violates the framing of HTTP. For a bad chunk size, Kestrel throws either type of
    /// exception, depending on its digits. Exceptions with other statuses have this type too.
    /// </summary>
    static bool IsBroken(IOException exception) =>
        exception is not BadHttpRequestException { StatusCode: not StatusCodes.Status400BadRequest };

    /// <summary>The client or the connection is at fault, since no disk is read here.</summary>
    BodyException Incomplete(IOException exception)
    {
        // After a read that failed, Kestrel takes the reader for busy. It would log an error when it drains the body,
        // which no connection is left for.
        if (exception is ConnectionResetException)
            Context?.Abort();
        return new($"The body could not be read to its end: {exception.Message}", exception);
    }
}

/// <summary>A body that ended early or violates the framing of HTTP. Its unread part is not appended.</summary>
internal sealed class BodyException(string message, Exception inner) : Exception(message, inner), IProblemSource
{
    public Problem Problem => Problems.InvalidRequest("incomplete_body", Message);
}

/// <summary>A body that brought no byte for too long.</summary>
internal sealed class BodyTimeoutException(TimeSpan timeout) : Exception
{
    public TimeSpan Timeout { get; } = timeout;
}

/// <summary>A body that is no longer wanted.</summary>
internal sealed class BodyAbandonedException : Exception;

internal static class Abandonment
{
    public static void ThrowIfAbandoned(this CancellationToken abandoned)
    {
        if (abandoned.IsCancellationRequested)
            throw new BodyAbandonedException();
    }
}
