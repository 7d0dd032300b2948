using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.Kestrel;

// Waiting for the pump. One flush can wait at a time. Its continuation always runs on the pool, because the server
// takes its own lock in it and completions may come from a thread that cancels.
internal sealed partial class SocketPipeWriter : IValueTaskSource<FlushResult>, IThreadPoolWorkItem
{
    // The response whose first flush is still to come.
    private IHttpResponseFeature? _responseAwaitingFirstFlush;

    // A first flush waits in the queue for the next flush, or for its turn on the pool.
    private bool _isDeferred;

    private ManualResetValueTaskSourceCore<FlushResult> _flush = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _flushCancellation;
    private bool _flushIsWaiting;
    private bool _cancelFlush;

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);

        var (hasTurn, defers) = (false, false);
        lock (_sync)
        {
            SealTail();
            _unflushedBytes = 0;
            defers = TryDefer();
            if (!defers)
                hasTurn = TryBeginSending();
        }

        if (hasTurn)
            SendQueued();
        if (defers)
        {
            // To this thread's own queue, which it checks when it is done with the response. An idle thread may be
            // earlier.
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
            return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, isCompleted: false));
        }

        lock (_sync)
        {
            if (_cancelFlush)
            {
                _cancelFlush = false;
                return new ValueTask<FlushResult>(new FlushResult(isCanceled: true, _isConnectionGone));
            }

            if (!_pumping)
                return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, _isConnectionGone));

            if (_flushIsWaiting)
                throw new InvalidOperationException("A flush is waiting already.");
            _flush.Reset();
            _flushIsWaiting = true;
        }

        return WaitForPump(cancellationToken);
    }

    /// <summary>Begins the connection's next response. The application's half calls it.</summary>
    internal void BeginResponse(IHttpResponseFeature? response) => _responseAwaitingFirstFlush = response;

    void IThreadPoolWorkItem.Execute()
    {
        bool hasTurn;
        lock (_sync)
            hasTurn = _isDeferred && TryBeginSending();
        if (hasTurn)
            SendQueued();
    }

    public override void CancelPendingFlush()
    {
        lock (_sync)
        {
            if (_flushIsWaiting)
                CompleteFlush(isCanceled: true);
            else
                _cancelFlush = true;
        }
    }

    /// <summary>
    /// Whether a flush is left to the next one: the first of a chunked response, if it is small. Mostly the last chunk
    /// follows at once, in a flush of its own. Two sends took 1.4 times as long as one. Call with <c>_sync</c> held.
    /// </summary>
    private bool TryDefer()
    {
        var begun = _responseAwaitingFirstFlush;
        _responseAwaitingFirstFlush = null;
        if (
            begun is null
            || begun.Headers.TransferEncoding.Count == 0
            || _pumping
            || _isConnectionGone
            || _cancelFlush
            || _queued is not [{ IsRegion: false, Rented: null }]
        )
            return false;
        _pumping = _isDeferred = true;
        return true;
    }

    private ValueTask<FlushResult> WaitForPump(CancellationToken cancellationToken)
    {
        var flush = new ValueTask<FlushResult>(this, _flush.Version);
        if (!cancellationToken.CanBeCanceled)
            return flush;

        var registration = cancellationToken.UnsafeRegister(
            static (writer, token) => ((SocketPipeWriter)writer!).CancelFlush(token),
            this
        );
        lock (_sync)
        {
            if (_flushIsWaiting)
                _flushCancellation = registration;
            else
                registration.Unregister();
        }

        return flush;
    }

    private void CancelFlush(CancellationToken cancellationToken)
    {
        lock (_sync)
        {
            if (!_flushIsWaiting)
                return;
            _flushIsWaiting = false;
            _flush.SetException(new OperationCanceledException(cancellationToken));
        }
    }

    /// <summary>Completes the waiting flush, if any. Call with <c>_sync</c> held.</summary>
    private void CompleteFlush(bool isCanceled)
    {
        if (!_flushIsWaiting)
            return;
        _flushIsWaiting = false;

        // Unregister, not Dispose, which would wait for a callback that may be waiting for our lock.
        _flushCancellation.Unregister();
        _flushCancellation = default;
        _flush.SetResult(new FlushResult(isCanceled, _isConnectionGone));
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token) => _flush.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _flush.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(
        Action<object?> continuation,
        object? state,
        short token,
        ValueTaskSourceOnCompletedFlags flags
    ) => _flush.OnCompleted(continuation, state, token, flags);
}
