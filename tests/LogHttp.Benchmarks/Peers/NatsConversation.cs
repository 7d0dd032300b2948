using System.Text;
using LogHttp.Benchmarks.Load;

namespace LogHttp.Benchmarks.Peers;

/// <summary>
/// Publishes to a JetStream stream, one message at a time. Each is acknowledged to an inbox of its own connection.
/// </summary>
sealed class NatsConversation(int number, string subject, byte[] payload) : IConversation
{
    readonly byte[] _publish =
    [
        .. Encoding.ASCII.GetBytes($"PUB {subject} inbox.{number} {payload.Length}\r\n"),
        .. payload,
        .. "\r\n"u8,
    ];
    bool _isGreeted;

    public ReadOnlyMemory<byte> Greeting { get; } =
        Encoding.ASCII.GetBytes(
            $"CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB inbox.{number} 1\r\nPING\r\n"
        );

    public int GreetingAnswers => 1;

    public ReadOnlyMemory<byte> NextRequest() => _publish;

    public int Take(ReadOnlySpan<byte> received)
    {
        if (received.StartsWith("-ERR"u8) || received.IndexOf("\"error\""u8) >= 0)
            throw new IOException($"NATS refused: {Encoding.ASCII.GetString(received)}");
        // An acknowledgement is a message of one object. A PING may come with it.
        if (_isGreeted)
            return received.IndexOf("}\r\n"u8) >= 0 ? 1 : 0;
        _isGreeted = received.IndexOf("PONG"u8) >= 0;
        return _isGreeted ? 1 : 0;
    }

    /// <summary>Creates a stream that keeps the messages of a subject in a file.</summary>
    public static async Task MakeStreamAsync(System.Net.IPEndPoint address, string name)
    {
        var stream =
            $"{{\"name\":\"{name}\",\"subjects\":[\"{name}\"],\"storage\":\"file\",\"retention\":\"limits\","
            + $"\"num_replicas\":1,\"max_msgs\":-1,\"max_bytes\":-1,\"max_consumers\":-1,\"discard\":\"old\"}}";
        await AskAsync(address, $"PUB $JS.API.STREAM.CREATE.{name} made {stream.Length}\r\n{stream}\r\n");
    }

    /// <summary>Publishes a number of messages and awaits the last one's acknowledgement.</summary>
    public static Task FillAsync(System.Net.IPEndPoint address, string subject, byte[] payload, int messages)
    {
        var publish = $"PUB {subject} {payload.Length}\r\n{Encoding.ASCII.GetString(payload)}\r\n";
        return AskAsync(
            address,
            new StringBuilder()
                .Insert(0, publish, messages - 1)
                .Append(publish.Replace($"{subject} ", $"{subject} made ", StringComparison.Ordinal))
                .ToString()
        );
    }

    static async Task AskAsync(System.Net.IPEndPoint address, string commands)
    {
        using var socket = new System.Net.Sockets.Socket(
            System.Net.Sockets.SocketType.Stream,
            System.Net.Sockets.ProtocolType.Tcp
        );
        await socket.ConnectAsync(address);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"CONNECT {{\"verbose\":false}}\r\nSUB made 1\r\n{commands}"));
        var (buffer, heard) = (new byte[8192], "");
        while (
            !heard.Contains("MSG made", StringComparison.Ordinal) || !heard.EndsWith("}\r\n", StringComparison.Ordinal)
        )
            heard += await socket.ReceiveAsync(buffer) is > 0 and var size
                ? Encoding.ASCII.GetString(buffer, 0, size)
                : throw new IOException($"NATS closed the connection: {heard}");
        if (heard.Contains("\"error\"", StringComparison.Ordinal))
            throw new IOException($"NATS refused: {heard}");
    }
}

/// <summary>
/// Reads a JetStream stream from its start through a pull consumer of the connection's own. Each pull asks for a number
/// of messages and acknowledges none.
/// </summary>
sealed class NatsReadConversation(string stream, int messagesAtOnce) : IConversation
{
    readonly string _consumer = $"reader-{Guid.NewGuid():N}";
    int _lines;
    bool _isGreeted;

    public ReadOnlyMemory<byte> Greeting
    {
        get
        {
            var configuration =
                $"{{\"stream_name\":\"{stream}\",\"config\":{{\"durable_name\":\"{_consumer}\","
                + $"\"deliver_policy\":\"all\",\"ack_policy\":\"none\"}}}}";
            return Encoding.ASCII.GetBytes(
                $"CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB {_consumer} 1\r\nPUB "
                    + $"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{_consumer} {_consumer} "
                    + $"{configuration.Length}\r\n{configuration}\r\n"
            );
        }
    }

    public int GreetingAnswers => 1;

    public ReadOnlyMemory<byte> NextRequest()
    {
        var wanted = $"{{\"batch\":{messagesAtOnce},\"expires\":10000000000}}";
        return Encoding.ASCII.GetBytes(
            $"PUB $JS.API.CONSUMER.MSG.NEXT.{stream}.{_consumer} {_consumer} {wanted.Length}\r\n{wanted}\r\n"
        );
    }

    public int Take(ReadOnlySpan<byte> received)
    {
        if (!_isGreeted)
        {
            if (received.StartsWith("-ERR"u8) || received.IndexOf("\"error\""u8) >= 0)
                throw new IOException($"NATS refused: {Encoding.ASCII.GetString(received)}");
            _isGreeted = received.IndexOf("\"config\""u8) >= 0 && received[^1] == '\n';
            return _isGreeted ? 1 : 0;
        }
        // A message is two lines, because the payload contains no line feed.
        _lines += received.Count((byte)'\n');
        if (_lines < 2 * messagesAtOnce)
            return 0;
        _lines -= 2 * messagesAtOnce;
        return 1;
    }
}
