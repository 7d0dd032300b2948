using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.Server.Hosting;

/// <summary>
/// A connection whose <see cref="ConnectionMemory"/> sees the bytes that HTTP consumes. Middleware replaces the
/// transport, as TLS does to decrypt. So the input of the transport that was set last is counted.
/// </summary>
internal sealed class CountedConnection : ConnectionContext
{
    readonly ConnectionContext _inner;
    readonly ConnectionMemory _memory;
    CountedTransport _transport;

    public CountedConnection(ConnectionContext inner, ConnectionMemory memory)
    {
        (_inner, _memory) = (inner, memory);
        _transport = new CountedTransport(inner.Transport, new CountedInput(inner.Transport.Input, memory));
    }

    public override IDuplexPipe Transport
    {
        get => _transport;
        set
        {
            if (ReferenceEquals(value, _transport))
                return;
            // Middleware that replaces only the output keeps the input. A second one would take as much memory.
            if (ReferenceEquals(value.Input, _transport.CountedInput))
            {
                _transport = new CountedTransport(value, _transport.CountedInput);
                return;
            }
            _transport.CountedInput.StopCounting();
            // TLS has consumed its handshake, which is no part of a head.
            _memory.ClearHead();
            var input = value.Input is CountedInput counted ? counted.Inner : value.Input;
            _transport = new CountedTransport(value, new CountedInput(input, _memory));
        }
    }

    public override string ConnectionId
    {
        get => _inner.ConnectionId;
        set => _inner.ConnectionId = value;
    }

    public override IFeatureCollection Features => _inner.Features;

    public override IDictionary<object, object?> Items
    {
        get => _inner.Items;
        set => _inner.Items = value;
    }

    public override EndPoint? LocalEndPoint
    {
        get => _inner.LocalEndPoint;
        set => _inner.LocalEndPoint = value;
    }

    public override EndPoint? RemoteEndPoint
    {
        get => _inner.RemoteEndPoint;
        set => _inner.RemoteEndPoint = value;
    }

    public override CancellationToken ConnectionClosed
    {
        get => _inner.ConnectionClosed;
        set => _inner.ConnectionClosed = value;
    }

    public override void Abort() => _inner.Abort();

    public override void Abort(ConnectionAbortedException abortReason) => _inner.Abort(abortReason);

    sealed class CountedTransport(IDuplexPipe inner, CountedInput input) : IDuplexPipe
    {
        public CountedInput CountedInput => input;

        public PipeReader Input => input;

        public PipeWriter Output => inner.Output;
    }
}
