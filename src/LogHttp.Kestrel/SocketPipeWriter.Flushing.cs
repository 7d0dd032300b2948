using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace LogHttp.Kestrel;

// Waiting for the pump. One flush can wait at a time; the continuation always runs on the pool, because the server
// takes its own lock in it and completions may come from a thread that cancels.
internal sealed partial class SocketPipeWriter : IValueTaskSource<FlushResult>
{
    private ManualResetValueTaskSourceCore<FlushResult> _flush = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _flushCancellation;
    private bool _flushIsWaiting;
    private bool _cancelFlush;

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);

        bool hasTurn;
        lock (_sync)
        {
            SealTail();
            _unflushedBytes = 0;
            hasTurn = TryBeginSending();
        }

        if (hasTurn)
            SendQueued();

        lock (_sync)
        {
            if (_cancelFlush)
            {
                _cancelFlush = false;
                return new ValueTask<FlushResult>(new FlushResult(isCanceled: true, _gone));
            }

            if (!_pumping)
                return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, _gone));

            if (_flushIsWaiting)
                throw new InvalidOperationException("A flush is waiting already.");
            _flush.Reset();
            _flushIsWaiting = true;
        }

        return WaitForPump(cancellationToken);
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

    private ValueTask<FlushResult> WaitForPump(CancellationToken cancellationToken)
    {
        var flush = new ValueTask<FlushResult>(this, _flush.Version);
        if (!cancellationToken.CanBeCanceled)
            return flush;

        var registration = cancellationToken.UnsafeRegister(
            static (writer, token) => ((SocketPipeWriter)writer!).CancelFlush(token), this);
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

    /// <summary>Ends the wait of a flush, if one waits. Call with <c>_sync</c> held.</summary>
    private void CompleteFlush(bool isCanceled)
    {
        if (!_flushIsWaiting)
            return;
        _flushIsWaiting = false;

        // Unregister, not Dispose: that would wait for a callback which may be waiting for our lock.
        _flushCancellation.Unregister();
        _flushCancellation = default;
        _flush.SetResult(new FlushResult(isCanceled, _gone));
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token) => _flush.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _flush.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _flush.OnCompleted(continuation, state, token, flags);
}
