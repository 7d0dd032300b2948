using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace LogHttp.Benchmarks.Reference;

/// <summary>
/// The least that a .NET program can do to send a file. It has no HTTP server, searches the request line twice, and
/// sends the head and the region of the file with one SendPacketsAsync.
/// </summary>
sealed class BareFileServer : IDisposable
{
    readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    readonly FileStream _file;

    public BareFileServer(string path)
    {
        _file = new FileStream(
            path,
            FileMode.Open,
            FileAccess.Read,
            FileShare.ReadWrite | FileShare.Delete,
            bufferSize: 0,
            FileOptions.Asynchronous
        );
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(512);
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public void Dispose()
    {
        _listener.Dispose();
        _file.Dispose();
    }

    async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptAsync());
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The server stops.
        }
    }

    async Task ServeAsync(Socket socket)
    {
        using var _ = socket;
        socket.NoDelay = true;
        using var sends = new SendEvent();
        var (buffer, filled) = (new byte[4096], 0);
        try
        {
            while (await socket.ReceiveAsync(buffer.AsMemory(filled)) is > 0 and var size)
            {
                filled += size;
                if (buffer.AsSpan(0, filled).IndexOf("\r\n\r\n"u8) < 0)
                    continue;
                var (position, length) = (Number(buffer, "position="u8), Number(buffer, "length="u8));
                filled = 0;
                var head = Encoding.ASCII.GetBytes(
                    $"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: {length}\r\n\r\n"
                );
                sends.SendPacketsElements =
                [
                    new SendPacketsElement(head),
                    new SendPacketsElement(_file, position, (int)length),
                ];
                if (socket.SendPacketsAsync(sends))
                    await sends.WaitAsync();
                if (sends.SocketError != SocketError.Success)
                    return;
            }
        }
        catch (SocketException)
        {
            // The client has closed the connection.
        }
    }

    static long Number(ReadOnlySpan<byte> request, ReadOnlySpan<byte> name) =>
        Utf8Parser.TryParse(request[(request.IndexOf(name) + name.Length)..], out long number, out _) ? number : 0;

    sealed class SendEvent() : SocketAsyncEventArgs(true)
    {
        readonly SemaphoreSlim _done = new(0);

        public Task WaitAsync() => _done.WaitAsync();

        protected override void OnCompleted(SocketAsyncEventArgs e) => _done.Release();
    }
}
