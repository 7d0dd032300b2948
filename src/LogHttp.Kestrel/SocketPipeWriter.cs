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
///         FlushAsync sends them in order, and leaves to the pump what has to wait for the reader:
///   send(2) each         sendfile(2)            send(2)              sending
/// </code>
/// Threads: one writer at a time calls everything but <see cref="CancelPendingFlush"/> (the server guarantees it); at
/// most one pump sends; what both touch is guarded by <c>_sync</c>, and nothing that can block or call out is done
/// while holding it.
/// A flush completes when the kernel has taken all that was written, so unsent bytes are bounded by what is written
/// between two flushes; but for one block that a chunked response begins with, which the next flush may take along.
/// </remarks>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "A PipeWriter ends by CompleteAsync, which disposes them.")]
internal sealed partial class SocketPipeWriter : PipeWriter
{
    private readonly ConnectionContext _connection;
    private readonly Socket _socket;
    private readonly SafeSocketHandle _socketHandle;
    private readonly PipeWriter _original;
    private readonly MemoryPool<byte> _pool;
    private readonly StalledReaderWatch _watch;
    private readonly SendFileMeter _meter;
    private readonly ILogger _logger;
    private readonly Lock _sync = new();

    private bool _gone;
    private bool _completed;
    private TaskCompletionSource? _drained;

    internal SocketPipeWriter(ConnectionContext connection, Socket socket, MemoryPool<byte> pool, SendFileOptions options, SendFileMeter meter, ILogger logger)
    {
        _connection = connection;
        _socket = socket;
        _socketHandle = socket.SafeHandle;
        _original = connection.Transport.Output;
        _pool = pool;
        _meter = meter;
        _logger = logger;
        _watch = new StalledReaderWatch(connection, socket, options, meter, logger);
        _scratch = ScratchMemory.OfAtLeast(options.SliceBytes);
    }

    public override void Complete(Exception? exception = null)
    {
        var drained = CompleteAsync(exception);

        // Whoever completes synchronously cannot wait for the reader. The original output, and with it the socket,
        // is completed when the last byte is out; CompleteAsync logs and never throws.
        if (!drained.IsCompleted)
            _ = drained.AsTask();
    }

    /// <summary>Sends what is queued, then completes the original output: the transport's FIN follows our last byte.</summary>
    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        Task drained;
        bool startPump;
        lock (_sync)
        {
            if (_completed)
                return;
            _completed = true;
            SealTail();
            if (exception is not null)
                _gone = true;
            startPump = TryBeginSending();
            drained = _pumping ? (_drained = new(TaskCreationOptions.RunContinuationsAsynchronously)).Task : Task.CompletedTask;
        }

        if (startPump)
            _ = PumpAsync();
        await drained.ConfigureAwait(false);
        _watch.Dispose();
        _sender?.Dispose();
        await _original.CompleteAsync(exception).ConfigureAwait(false);
    }
}
