using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace LogHttp.Server.Tests;

/// <summary>
/// A connection that sends HTTP/2 frames unchanged, in any order. Uses TLS if there is a certificate.
/// </summary>
sealed class Http2Client : IDisposable
{
    public const byte Data = 0;
    public const byte Headers = 1;
    public const byte Settings = 4;
    public const byte Continuation = 9;
    public const byte EndStream = 1;
    public const byte EndHeaders = 4;

    readonly TcpClient _client;
    readonly Stream _stream;

    Http2Client(TcpClient client, Stream stream) => (_client, _stream) = (client, stream);

    /// <summary>Connects and sends the preface with a window that lets no response body through.</summary>
    public static async Task<Http2Client> ConnectAsync(Uri address, X509Certificate2? certificate)
    {
        var client = new TcpClient(address.Host, address.Port);
        Stream stream = client.GetStream();
        if (certificate is not null)
        {
            var secure = new SslStream(stream);
            await secure.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = "localhost",
                    ApplicationProtocols = [SslApplicationProtocol.Http2],
                    RemoteCertificateValidationCallback = (_, shown, _, _) =>
                        shown!.GetCertHashString() == certificate.GetCertHashString(),
                }
            );
            stream = secure;
        }
        var http2 = new Http2Client(client, stream);
        await http2.WriteAsync(
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(),
            Frame(Settings, 0, 0, [0, 4, 0, 0, 0, 0])
        );
        return http2;
    }

    public static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return frame;
    }

    /// <summary>Encodes a head's fields as HPACK literals without a table.</summary>
    public static byte[] Head(
        string method,
        string path,
        string scheme = "https",
        params (string Name, string Value)[] headers
    ) =>
        [
            .. Field(":method", method),
            .. Field(":scheme", scheme),
            .. Field(":authority", "localhost"),
            .. Field(":path", path),
            .. headers.SelectMany(header => Field(header.Name, header.Value)),
        ];

    public static byte[] Field(string name, string value) => [0, .. Text(name), .. Text(value)];

    public async Task WriteAsync(params byte[][] frames)
    {
        foreach (var frame in frames)
            await _stream.WriteAsync(frame);
    }

    /// <summary>Reads the type and stream of the next frame. Null after the end of the connection.</summary>
    public async Task<(byte Type, int Stream)?> ReadAsync()
    {
        try
        {
            var header = new byte[9];
            await _stream.ReadExactlyAsync(header);
            await _stream.ReadExactlyAsync(new byte[BinaryPrimitives.ReadInt32BigEndian(header) >>> 8]);
            return (header[3], BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(5)));
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Reads until a frame of this type and stream.</summary>
    public async Task ReadUntilAsync(byte type, int stream)
    {
        while (await ReadAsync() is { } frame)
        {
            if (frame == (type, stream))
                return;
        }
        Assert.Fail($"The connection ended before a frame of type {type} on stream {stream}.");
    }

    public async Task ReadToEndAsync()
    {
        while (await ReadAsync() is not null) { }
    }

    public void Dispose()
    {
        _stream.Dispose();
        _client.Dispose();
    }

    static byte[] Text(string text)
    {
        var bytes = Encoding.ASCII.GetBytes(text);
        // RFC 7541 §5.1, with a prefix of 7 bits.
        var length = new List<byte>();
        if (bytes.Length < 127)
            length.Add((byte)bytes.Length);
        else
        {
            length.Add(127);
            var rest = bytes.Length - 127;
            for (; rest >= 128; rest >>= 7)
                length.Add((byte)(rest | 128));
            length.Add((byte)rest);
        }
        return [.. length, .. bytes];
    }
}
