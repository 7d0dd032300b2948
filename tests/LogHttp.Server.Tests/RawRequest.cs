using System.Net.Sockets;
using System.Text;

namespace LogHttp.Server.Tests;

/// <summary>Requests that HttpClient would not send.</summary>
static class RawRequest
{
    public static async Task<string> Post(Uri address, string path, string headers, string body)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port);
        var bytes = Encoding.UTF8.GetBytes($"POST {path} HTTP/1.1\r\nHost: {address.Authority}\r\nConnection: close\r\n{headers}Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}");
        await client.GetStream().WriteAsync(bytes);
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadToEndAsync();
    }

    /// <summary>Sends a piece of a request, ends the connection, and waits until the server has let go of it.</summary>
    public static async Task SendAndCloseAsync(Uri address, string piece)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.UTF8.GetBytes(piece));
        client.Client.Shutdown(SocketShutdown.Send);
        using var reader = new StreamReader(stream);
        try
        {
            await reader.ReadToEndAsync();
        }
        catch (IOException)
        {
            // A server may also let go of a broken request with a reset.
        }
    }
}
