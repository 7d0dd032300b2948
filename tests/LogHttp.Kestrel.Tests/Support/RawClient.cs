using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace LogHttp.Kestrel.Tests.Support;

/// <summary>A client at the level of bytes: it pipelines, reads slowly, stops or vanishes.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly CancellationTokenSource _timeout = new(TimeSpan.FromSeconds(40));

    internal static async Task<RawClient> ConnectAsync(KestrelHost host, int receiveBufferBytes = 0)
    {
        var client = new RawClient();
        if (receiveBufferBytes > 0)
            client._socket.ReceiveBufferSize = receiveBufferBytes;
        await client._socket.ConnectAsync(host.Address.Host, host.Address.Port);
        return client;
    }

    internal async Task SendAsync(string text) =>
        await _socket.SendAsync(Encoding.ASCII.GetBytes(text), _timeout.Token);

    internal Task GetAsync(string target, string more = "") =>
        SendAsync($"GET {target} HTTP/1.1\r\nHost: test\r\n{more}\r\n");

    /// <summary>Reads some bytes, none at the end. A reset is a <see cref="SocketException"/>.</summary>
    internal async Task<byte[]> ReadSomeAsync(int mostBytes)
    {
        var buffer = new byte[mostBytes];
        var read = await _socket.ReceiveAsync(buffer, _timeout.Token);
        return buffer[..read];
    }

    internal async Task<byte[]> ReadExactlyAsync(int lengthBytes)
    {
        var buffer = new byte[lengthBytes];
        for (var read = 0; read < lengthBytes; )
        {
            var more = await _socket.ReceiveAsync(buffer.AsMemory(read), _timeout.Token);
            if (more == 0)
                throw new EndOfStreamException($"The connection ended after {read} of {lengthBytes} bytes.");
            read += more;
        }

        return buffer;
    }

    internal async Task<byte[]> ReadToEndAsync()
    {
        var all = new MemoryStream();
        while (await ReadSomeAsync(64 * 1024) is { Length: > 0 } some)
            all.Write(some);
        return all.ToArray();
    }

    /// <summary>Reads until the connection ends in any way, and returns the number of bytes.</summary>
    internal async Task<(long ReceivedBytes, bool WasReset)> DrainAsync()
    {
        var received = 0L;
        try
        {
            while (await ReadSomeAsync(64 * 1024) is { Length: > 0 } some)
                received += some.Length;
            return (received, false);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            return (received, true);
        }
    }

    internal async Task<string> ReadHeadersAsync()
    {
        var headers = new StringBuilder();
        while (!headers.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            headers.Append((char)(await ReadExactlyAsync(1))[0]);
        return headers.ToString();
    }

    internal async Task<(string Headers, byte[] Body)> ReadResponseAsync()
    {
        var headers = await ReadHeadersAsync();
        if (headers.Contains("Transfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase))
            return (headers, await ReadChunksAsync());
        var length = headers
            .Split("\r\n")
            .First(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
        return (
            headers,
            await ReadExactlyAsync(int.Parse(length.AsSpan("Content-Length:".Length), CultureInfo.InvariantCulture))
        );
    }

    /// <summary>Closes with a reset, as a killed process or a lost phone does at best.</summary>
    internal void Vanish()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Dispose();
    }

    public void Dispose()
    {
        _socket.Dispose();
        _timeout.Dispose();
    }

    private async Task<byte[]> ReadChunksAsync()
    {
        var body = new MemoryStream();
        while (true)
        {
            var line = new StringBuilder();
            while (!line.ToString().EndsWith("\r\n", StringComparison.Ordinal))
                line.Append((char)(await ReadExactlyAsync(1))[0]);
            var size = int.Parse(line.ToString().Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            body.Write(await ReadExactlyAsync(size));
            Assert.Equal("\r\n"u8.ToArray(), await ReadExactlyAsync(2));
            if (size == 0)
                return body.ToArray();
        }
    }
}
