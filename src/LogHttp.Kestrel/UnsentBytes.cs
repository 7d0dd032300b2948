using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace LogHttp.Kestrel;

/// <summary>Bounds the bytes that the kernel keeps for a reader before it sends them.</summary>
public static class UnsentBytes
{
    /// <summary>
    /// Sets the bound for the connection of a request. Bytes on their way to the reader do not count. Does nothing
    /// without a TCP socket, and on systems other than Linux.
    /// </summary>
    /// <remarks>
    /// Without it, the kernel may take megabytes for a reader that takes a kilobyte a second. Ten thousand such readers
    /// took all memory that the kernel has for TCP. Then connections of others stalled for half a minute.
    /// </remarks>
    /// <param name="context">A request on the connection.</param>
    /// <param name="maxBytes">The most bytes, in the unit of TCP_NOTSENT_LOWAT (tcp(7)).</param>
    public static void Bound(HttpContext context, int maxBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxBytes);
        Set(context, maxBytes);
    }

    /// <summary>
    /// Ends the bound, for later responses of the connection. An HTTP/2 connection keeps it, because its other streams
    /// may need it.
    /// </summary>
    /// <param name="context">The same request.</param>
    public static void Release(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        const int systemDefault = 0;
        if (!HttpProtocol.IsHttp2(context.Request.Protocol))
            Set(context, systemDefault);
    }

    private static void Set(HttpContext context, int maxBytes)
    {
        const int ipProtocolTcp = 6;
        const int notSentLowAt = 25;

        ArgumentNullException.ThrowIfNull(context);
        var socket = context.Features.Get<IConnectionSocketFeature>()?.Socket;
        if (!OperatingSystem.IsLinux() || socket is not { ProtocolType: ProtocolType.Tcp })
            return;
        try
        {
            socket.SetRawSocketOption(ipProtocolTcp, notSentLowAt, BitConverter.GetBytes(maxBytes));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The connection is ending, and the next send will report it.
        }
    }
}
