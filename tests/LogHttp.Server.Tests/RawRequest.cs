using System.Net.Sockets;
using System.Text;

namespace LogHttp.Server.Tests;

/// <summary>Requests that HttpClient would not send.</summary>
static class RawRequest
{
    public static Task<string> Post(Uri address, string path, string headers, string body) =>
        SendAsync(
            address,
            $"POST {path} HTTP/1.1\r\nHost: {address.Authority}\r\nConnection: close\r\n{headers}Content-Length: "
                + $"{Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}"
        );

    /// <summary>Sends a request, or a piece of one, and reads until the server closes.</summary>
    public static Task<string> SendAsync(Uri address, string request) =>
        SendAsync(address, Encoding.UTF8.GetBytes(request));

    public static async Task<string> SendAsync(Uri address, byte[] request)
    {
        using var connection = new Connection(address);
        await connection.WriteAsync(request);
        return await connection.ReadToEndAsync();
    }

    /// <summary>Sends a piece of a request, ends the connection, and waits until the server has closed it.</summary>
    public static async Task SendAndCloseAsync(Uri address, string piece)
    {
        using var connection = new Connection(address);
        await connection.WriteAsync(piece);
        connection.EndSending();
        try
        {
            await connection.ReadToEndAsync();
        }
        catch (IOException)
        {
            // The server may also end a broken request with a reset.
        }
    }

    public sealed class Connection : IDisposable
    {
        readonly TcpClient _client;
        readonly StreamReader _reader;

        public Connection(Uri address)
        {
            _client = new TcpClient(address.Host, address.Port);
            _reader = new StreamReader(_client.GetStream());
        }

        public Task WriteAsync(string text) => WriteAsync(Encoding.UTF8.GetBytes(text));

        public async Task WriteAsync(byte[] bytes) => await _client.GetStream().WriteAsync(bytes);

        public void EndSending() => _client.Client.Shutdown(SocketShutdown.Send);

        /// <summary>Whether received bytes are unread.</summary>
        public bool HasMore => _client.Available > 0;

        public async Task<string> ReadLineAsync() => await _reader.ReadLineAsync() ?? "";

        /// <summary>Reads the next bytes, however few. Empty at the end.</summary>
        public async Task<string> ReadSomeAsync()
        {
            var buffer = new char[4096];
            return new string(buffer, 0, await _reader.ReadAsync(buffer));
        }

        public Task<string> ReadToEndAsync() => _reader.ReadToEndAsync();

        public void Dispose()
        {
            _reader.Dispose();
            _client.Dispose();
        }
    }
}
