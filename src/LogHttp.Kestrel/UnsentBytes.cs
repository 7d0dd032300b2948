using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace LogHttp.Kestrel;

/// <summary>Bounds the bytes that the kernel keeps for a reader before it sends them.</summary>
public static class UnsentBytes
{
    /// <summary>
    /// Sets the bound for the connection of a request. It holds as long as the connection. Bytes on their way to the
    /// reader do not count. Does nothing without a TCP socket, and on systems other than Linux.
    /// </summary>
    /// <remarks>
    /// Without it, the kernel may take megabytes for a reader that takes a kilobyte a second. Ten thousand such readers
    /// took all memory that the kernel has for TCP. Then connections of others stalled for half a minute.
    /// </remarks>
    /// <param name="context">A request on the connection.</param>
    /// <param name="maxBytes">The most bytes, in the unit of TCP_NOTSENT_LOWAT (tcp(7)).</param>
    public static void Bound(HttpContext context, int maxBytes)
    {
        const int ipProtocolTcp = 6;
        const int notSentLowAt = 25;

        ArgumentNullException.ThrowIfNull(context);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxBytes);
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
