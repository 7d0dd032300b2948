using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Ends the process when a listener has stopped accepting, so that a supervisor starts it again. Any thread.
/// </summary>
/// <remarks>
/// Kestrel's loop ends with the first exception, such as OutOfMemoryException, and logs it. The process then lives and
/// listens, but accepts no connection.
/// </remarks>
internal sealed partial class AcceptWatch(
    SocketTransportFactory sockets,
    TimeProvider time,
    ILogger<AcceptWatch> logger
) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => sockets.CanBind(endpoint);

    public async ValueTask<IConnectionListener> BindAsync(
        EndPoint endpoint,
        CancellationToken cancellationToken = default
    ) => new WatchedListener(await sockets.BindAsync(endpoint, cancellationToken), time, EndProcess);

    void EndProcess(EndPoint endpoint)
    {
        try
        {
            StoppedAccepting(logger, endpoint);
        }
        catch (Exception)
        {
            // Memory may be short for logging too.
        }
        Environment.FailFast("LogHttp accepts no connections any more. The process ends, to be started again.");
    }

    [LoggerMessage(
        1,
        LogLevel.Critical,
        "No connections are accepted on {Endpoint} any more. The process ends, to be started again"
    )]
    static partial void StoppedAccepting(ILogger logger, EndPoint endpoint);
}

/// <summary>A listener that detects when Kestrel no longer asks it for the next connection.</summary>
internal sealed class WatchedListener : IConnectionListener
{
    /// <summary>The loop takes microseconds from one connection to the next.</summary>
    static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    readonly IConnectionListener _inner;
    readonly Action<EndPoint> _onStopped;
    readonly ITimer _timer;
    long _accepts;
    long _acceptsWhenIdle;
    volatile bool _isAccepting;
    volatile bool _hasEnded;

    /// <param name="inner">The listener.</param>
    /// <param name="time">The clock.</param>
    /// <param name="onStopped">Called when accepting has stopped though the listener was not closed.</param>
    public WatchedListener(IConnectionListener inner, TimeProvider time, Action<EndPoint> onStopped)
    {
        (_inner, _onStopped) = (inner, onStopped);
        _timer = time.CreateTimer(static state => ((WatchedListener)state!).Check(), this, Interval, Interval);
    }

    public EndPoint EndPoint => _inner.EndPoint;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _accepts);
        _isAccepting = true;
        try
        {
            var connection = await _inner.AcceptAsync(cancellationToken);
            _hasEnded |= connection is null;
            return connection;
        }
        finally
        {
            _isAccepting = false;
        }
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _hasEnded = true;
        return _inner.UnbindAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        _hasEnded = true;
        await _timer.DisposeAsync();
        await _inner.DisposeAsync();
    }

    /// <summary>
    /// Reports only after two checks between the same two accepts. One can be chance, or a process that was paused.
    /// </summary>
    internal void Check()
    {
        if (_isAccepting || _hasEnded)
            return;
        var accepts = Interlocked.Read(ref _accepts);
        if (accepts > 0 && accepts == _acceptsWhenIdle)
            _onStopped(EndPoint);
        _acceptsWhenIdle = accepts;
    }
}
