using System.Text;

namespace LogHttp.Benchmarks;

/// <summary>Publishes to a stream of JetStream, a message at a time, each acknowledged to an inbox of its own connection.</summary>
sealed class NatsConversation(int number, string subject, byte[] payload) : IConversation
{
    readonly byte[] _publish = [.. Encoding.ASCII.GetBytes($"PUB {subject} inbox.{number} {payload.Length}\r\n"), .. payload, .. "\r\n"u8];
    bool _isGreeted;

    public ReadOnlyMemory<byte> Greeting { get; } = Encoding.ASCII.GetBytes($"CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB inbox.{number} 1\r\nPING\r\n");

    public int GreetingAnswers => 1;

    public ReadOnlyMemory<byte> NextRequest() => _publish;

    public int Take(ReadOnlySpan<byte> received)
    {
        if (received.StartsWith("-ERR"u8) || received.IndexOf("\"error\""u8) >= 0)
            throw new IOException($"NATS refused: {Encoding.ASCII.GetString(received)}");
        // An acknowledgement is a message of one object; a PING may come with it.
        if (_isGreeted)
            return received.IndexOf("}\r\n"u8) >= 0 ? 1 : 0;
        _isGreeted = received.IndexOf("PONG"u8) >= 0;
        return _isGreeted ? 1 : 0;
    }

    /// <summary>A stream that keeps what is published to a subject in a file.</summary>
    public static async Task MakeStreamAsync(System.Net.IPEndPoint address, string name)
    {
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        await socket.ConnectAsync(address);
        var stream = $"{{\"name\":\"{name}\",\"subjects\":[\"{name}\"],\"storage\":\"file\",\"retention\":\"limits\",\"num_replicas\":1,\"max_msgs\":-1,\"max_bytes\":-1,\"max_consumers\":-1,\"discard\":\"old\"}}";
        await socket.SendAsync(Encoding.ASCII.GetBytes($"CONNECT {{\"verbose\":false}}\r\nSUB made 1\r\nPUB $JS.API.STREAM.CREATE.{name} made {stream.Length}\r\n{stream}\r\n"));
        var (buffer, heard) = (new byte[8192], "");
        while (!heard.Contains("MSG made", StringComparison.Ordinal) || !heard.EndsWith("}\r\n", StringComparison.Ordinal))
            heard += await socket.ReceiveAsync(buffer) is > 0 and var size ? Encoding.ASCII.GetString(buffer, 0, size) : throw new IOException($"NATS closed the connection: {heard}");
        if (heard.Contains("\"error\"", StringComparison.Ordinal))
            throw new IOException($"NATS made no stream: {heard}");
    }
}
