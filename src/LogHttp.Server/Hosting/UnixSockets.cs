using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace LogHttp.Server.Hosting;

/// <summary>Listens on Unix sockets, also if a killed server left its socket file behind.</summary>
internal static class UnixSockets
{
    public static void AddUnixSockets(this IServiceCollection services) =>
        services.Configure<SocketTransportOptions>(static transport => transport.CreateBoundListenSocket = Bind);

    static Socket Bind(EndPoint endpoint)
    {
        // An abstract socket, whose name begins with NUL, has no file.
        if (
            endpoint is UnixDomainSocketEndPoint
            && endpoint.ToString() is { Length: > 0 } path
            && path[0] is not ('@' or '\0')
            && IsLeftover(path)
        )
            File.Delete(path);
        return SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
    }

    /// <summary>
    /// Whether a socket file exists and nobody listens on it. Only a file that is a socket refuses a connection.
    /// </summary>
    static bool IsLeftover(string path)
    {
        if (!File.Exists(path))
            return false;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
            return false;
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
        {
            // connect(2) also refuses for a regular file, and the server must not delete a user's file.
            return IsSocket(path);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>open(2) fails with ENXIO for a socket, and .NET has no other way to recognize one.</summary>
    static bool IsSocket(string path)
    {
        try
        {
            using var file = File.OpenHandle(path);
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }
}
