using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace LogHttp.Kestrel;

/// <summary>
/// The connection middleware. It replaces the transport's output by a <see cref="SocketPipeWriter"/>, and adds itself
/// to the connection's features, where requests find it.
/// </summary>
internal sealed class SendFileConnection : IDuplexPipe
{
    private SendFileConnection(ConnectionContext connection, Socket socket, SendFileServices services)
    {
        // A transport without a pool of its own has no preference, so the shared pool serves.
        var pool = connection.Features.Get<IMemoryPoolFeature>()?.MemoryPool ?? System.Buffers.MemoryPool<byte>.Shared;
        Input = connection.Transport.Input;
        Writer = new SocketPipeWriter(connection, socket, pool, services.Options, services.Meter, services.Logger);
        Services = services;
    }

    public PipeReader Input { get; }

    public PipeWriter Output => Writer;

    internal SocketPipeWriter Writer { get; }

    internal SendFileServices Services { get; }

    /// <summary>The feature of the connection's requests. Null before the first, and over HTTP/2.</summary>
    internal SendFileFeature? Feature { get; set; }

    /// <summary>
    /// Set with the first region. From then on the socket may hold megabytes that a slow reader has yet to take, and
    /// the server's MinResponseDataRate does not know of them. It would cut the next small write after its grace of 5
    /// s. So <see cref="StalledReaderWatch"/> alone judges this connection.
    /// </summary>
    internal bool HasSentRegions { get; set; }

    internal static async Task RunAsync(
        ConnectionContext connection,
        ConnectionDelegate next,
        SendFileServices services
    )
    {
        if (ReasonUnsupported(connection, out var socket) is { } reason)
        {
            SendFileLog.CopiesInstead(services.Logger, connection.ConnectionId, reason);
            await next(connection).ConfigureAwait(false);
            return;
        }

        var original = connection.Transport;
        var sendFile = new SendFileConnection(connection, socket, services);
        connection.Transport = sendFile;
        connection.Features.Set(sendFile);
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            await sendFile.Writer.CompleteAsync().ConfigureAwait(false);
            connection.Features.Set<SendFileConnection>(null);
            connection.Transport = original;
        }
    }

    private static string? ReasonUnsupported(ConnectionContext connection, out Socket socket)
    {
        socket = connection.Features.Get<IConnectionSocketFeature>()?.Socket!;
        if (socket is null)
            return "the transport has no socket";
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
            return "this system's sockets have no sendfile";

        // After UseHttps the transport's output takes plain text, which must never reach the socket.
        if (connection.Features.Get<ITlsHandshakeFeature>() is not null)
            return "TLS";
        return null;
    }
}
