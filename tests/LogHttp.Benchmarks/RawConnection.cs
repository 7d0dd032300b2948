using System.Buffers.Text;
using System.Net.Sockets;
using System.Text;

namespace LogHttp.Benchmarks;

/// <summary>
/// One HTTP/1.1 connection on a bare socket, so that the client costs as little as possible. For one thread at a time.
/// </summary>
sealed class RawConnection : IDisposable
{
    readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    readonly byte[] _buffer;
    readonly string _host;

    public RawConnection(Uri address, int bufferBytes = 4096)
    {
        (_buffer, _host) = (new byte[bufferBytes], address.Authority);
        _socket.Connect(address.Host, address.Port);
    }

    public Task<int> SendAsync(string method, string path, string body = "", string headers = "") =>
        _socket.SendAsync(
            Encoding.ASCII.GetBytes(
                $"{method} {path} HTTP/1.1\r\nHost: {_host}\r\n{headers}"
                    + $"{(body.Length > 0 ? $"Content-Type: text/plain\r\nContent-Length: {body.Length}\r\n" : "")}\r\n"
                    + $"{body}"
            )
        );

    /// <summary>Receives the next bytes. Empty at the end.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> ReceiveAsync() =>
        _buffer.AsMemory(0, await _socket.ReceiveAsync(_buffer));

    /// <summary>Receives a whole response with a Content-Length and returns its body's text.</summary>
    public async ValueTask<string> ReceiveAnswerAsync()
    {
        var text = new StringBuilder();
        while (true)
        {
            var piece = await ReceiveAsync();
            if (piece.IsEmpty)
                throw new IOException($"The server closed the connection after: {text}");
            text.Append(Encoding.ASCII.GetString(piece.Span));
            var sofar = text.ToString();
            var head = sofar.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (head < 0)
                continue;
            var length = 0;
            if (
                sofar.IndexOf("Content-Length: ", StringComparison.OrdinalIgnoreCase) is >= 0 and var at
                && !Utf8Parser.TryParse(Encoding.ASCII.GetBytes(sofar[(at + 16)..head]), out length, out _)
            )
                throw new IOException(sofar);
            if (sofar.Length >= head + 4 + length)
                return sofar.StartsWith("HTTP/1.1 2", StringComparison.Ordinal)
                    ? sofar[(head + 4)..]
                    : throw new IOException(sofar);
        }
    }

    public void Dispose() => _socket.Dispose();
}
