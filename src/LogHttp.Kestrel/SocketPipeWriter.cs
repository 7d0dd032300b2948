using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace LogHttp.Kestrel;

/// <summary>
/// The output of a connection, written straight to its socket, so that file regions keep their place among
/// everything else that is sent.
/// </summary>
/// <remarks>
/// <code>
///   GetMemory/Advance    BeginRegion+Advance    GetMemory/Advance
///   [ block ][ block ]   [ file region ]        [ block ]            queued
///         FlushAsync sends them in order, and leaves the rest to the pump when it has to wait for the reader:
///   send(2) each         sendfile(2)            send(2)              sending
/// </code>
/// One writer at a time calls everything but <see cref="CancelPendingFlush"/>, which the server guarantees. At most one
/// pump sends. <c>_sync</c> guards the state that both touch. Nothing that can block or call out runs while it is held.
/// A flush completes when the kernel has taken all written bytes, so at most the bytes between two flushes are unsent.
/// The exception is one block at the start of a chunked response, which the next flush may send.
/// </remarks>
[SuppressMessage(
    "Design",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "A PipeWriter ends by CompleteAsync, which disposes them."
)]
internal sealed partial class SocketPipeWriter : PipeWriter
{
    private readonly ConnectionContext _connection;
    private readonly Socket _socket;
    private readonly SafeSocketHandle _socketHandle;
    private readonly PipeWriter _original;
    private readonly MemoryPool<byte> _pool;
    private readonly SendFileOptions _options;
    private readonly SendFileMeter _meter;
    private readonly ILogger _logger;
    private readonly Lock _sync = new();

    private bool _isConnectionGone;
    private bool _completed;

    // Created for the first reader to wait for: most connections never have one.
    private StalledReaderWatch? _watch;
    private TaskCompletionSource? _drained;
    private TaskCompletionSource? _closed;

    internal SocketPipeWriter(
        ConnectionContext connection,
        Socket socket,
        MemoryPool<byte> pool,
        SendFileOptions options,
        SendFileMeter meter,
        ILogger logger
    )
    {
        _connection = connection;
        _socket = socket;
        _socketHandle = socket.SafeHandle;
        _original = connection.Transport.Output;
        _pool = pool;
        _options = options;
        _meter = meter;
        _logger = logger;
        _scratch = ScratchMemory.GetAtLeast(options.SliceBytes);
    }

    /// <summary>Starts the close without waiting. <see cref="CompleteAsync"/> waits for it.</summary>
    public override void Complete(Exception? exception = null) => _ = CloseAsync(exception);

    /// <summary>
    /// Sends the queued bytes, then completes the original output: the transport's FIN follows our last byte. The
    /// transport closes the socket after this task. So the task ends with the last byte, however often and in whatever
    /// way the writer is completed.
    /// </summary>
    public override ValueTask CompleteAsync(Exception? exception = null) => new(CloseAsync(exception));

    private Task CloseAsync(Exception? exception)
    {
        Task drained;
        bool startPump;
        TaskCompletionSource closed;
        lock (_sync)
        {
            if (_closed is not null)
                return _closed.Task;
            closed = _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _completed = true;
            SealTail();
            if (exception is not null)
                _isConnectionGone = true;
            startPump = TryBeginSending();
            drained = _pumping
                ? (_drained = new(TaskCreationOptions.RunContinuationsAsynchronously)).Task
                : Task.CompletedTask;
        }

        if (startPump)
            _ = PumpAsync();
        _ = CloseWhenDrainedAsync(drained, closed, exception);
        return closed.Task;
    }

    private async Task CloseWhenDrainedAsync(Task drained, TaskCompletionSource closed, Exception? exception)
    {
        try
        {
            await drained.ConfigureAwait(false);
            _watch?.Dispose();
            _sender?.Dispose();
            await _original.CompleteAsync(exception).ConfigureAwait(false);
            closed.SetResult();
        }
        catch (Exception failure)
        {
            closed.SetException(failure);
        }
    }
}
