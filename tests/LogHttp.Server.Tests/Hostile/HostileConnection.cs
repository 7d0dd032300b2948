using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace LogHttp.Server.Tests.Hostile;

/// <summary>A connection that sends any bytes, and checks the received bytes strictly.</summary>
sealed partial class HostileConnection : IDisposable
{
    readonly TcpClient _client;
    readonly NetworkStream _stream;
    readonly byte[] _buffer = new byte[65_536];
    int _start;
    int _end;

    public HostileConnection(Uri address)
    {
        _client = new TcpClient(address.Host, address.Port) { NoDelay = true };
        _stream = _client.GetStream();
    }

    /// <summary>Whether the client has ended its sending.</summary>
    public bool HasEndedSending { get; private set; }

    public async Task WriteAsync(string text, CancellationToken cancellation) =>
        await _stream.WriteAsync(Encoding.Latin1.GetBytes(text), cancellation);

    public void EndSending()
    {
        HasEndedSending = true;
        try
        {
            _client.Client.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // The server closed first.
        }
    }

    /// <summary>Ends the connection with a reset: the server gets no orderly end.</summary>
    public void Reset() => _client.Client.Close(0);

    /// <summary>Reads a response. Null if the server closed before its first byte.</summary>
    /// <exception cref="InvalidAnswerException">The received bytes are not an HTTP response.</exception>
    public async Task<HostileAnswer?> ReadAsync(string method, CancellationToken cancellation)
    {
        while (true)
        {
            if (_start == _end && !await FillAsync(cancellation))
                return null;
            var answer = await ReadHeadAsync(cancellation);
            if (answer.Status is >= 100 and < 200)
                continue;
            var hasBody = method != "HEAD" && answer.Status is not (204 or 304);
            // The client hangs up once it wants no more.
            if (hasBody && answer.HasNoEnd)
                return answer;
            return hasBody ? answer with { Body = await ReadBodyAsync(answer, cancellation) } : answer;
        }
    }

    /// <summary>Reads all bytes until the server closes.</summary>
    public async Task<string> ReadToEndAsync(CancellationToken cancellation)
    {
        var rest = new MemoryStream();
        await ReadToAsync(rest, long.MaxValue, cancellation);
        return Encoding.Latin1.GetString(rest.ToArray());
    }

    public void Dispose() => _client.Dispose();

    async Task<HostileAnswer> ReadHeadAsync(CancellationToken cancellation)
    {
        var statusLine = await ReadLineAsync(cancellation);
        if (StatusLine().Match(statusLine) is not { Success: true } match)
            throw new InvalidAnswerException($"This is no status line: {statusLine}");
        var headers = new List<KeyValuePair<string, string>>();
        while (await ReadLineAsync(cancellation) is { Length: > 0 } line)
        {
            if (HeaderLine().Match(line) is not { Success: true } header)
                throw new InvalidAnswerException($"This is no header: {line}");
            headers.Add(new(header.Groups[1].Value, header.Groups[2].Value));
        }
        return new HostileAnswer(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), headers, null);
    }

    async Task<byte[]> ReadBodyAsync(HostileAnswer answer, CancellationToken cancellation)
    {
        var (lengths, encodings) = (answer.All("Content-Length"), answer.All("Transfer-Encoding"));
        if (lengths.Length + encodings.Length > 1)
            throw new InvalidAnswerException("The answer is framed twice.");
        var body = new MemoryStream();
        if (lengths is [var length])
            await ReadToAsync(body, long.Parse(length, NumberStyles.None, CultureInfo.InvariantCulture), cancellation);
        else if (encodings is ["chunked"])
            await ReadChunksAsync(body, cancellation);
        else if (answer.Closes)
            await ReadToAsync(body, long.MaxValue, cancellation);
        else
            throw new InvalidAnswerException("The answer does not say where it ends.");
        return body.ToArray();
    }

    async Task ReadChunksAsync(MemoryStream body, CancellationToken cancellation)
    {
        while (true)
        {
            var line = await ReadLineAsync(cancellation);
            if (!int.TryParse(line, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var size))
                throw new InvalidAnswerException($"This is no chunk's size: {line}");
            await ReadToAsync(body, size, cancellation);
            if (await ReadLineAsync(cancellation) is { Length: > 0 } rest)
                throw new InvalidAnswerException($"A chunk is longer than it says: {rest}");
            if (size == 0)
                return;
        }
    }

    async Task ReadToAsync(MemoryStream body, long sizeBytes, CancellationToken cancellation)
    {
        for (var left = sizeBytes; left > 0; )
        {
            if (_start == _end && !await FillAsync(cancellation))
            {
                if (sizeBytes == long.MaxValue)
                    return;
                throw new InvalidAnswerException(
                    string.Create(CultureInfo.InvariantCulture, $"The answer's body ends {left} bytes early."),
                    isCutShort: true
                );
            }
            var taken = (int)Math.Min(left, _end - _start);
            body.Write(_buffer, _start, taken);
            (_start, left) = (_start + taken, left - taken);
        }
    }

    /// <summary>Reads a line in ASCII that ends with CRLF, and returns it without that.</summary>
    async Task<string> ReadLineAsync(CancellationToken cancellation)
    {
        var line = new StringBuilder();
        while (true)
        {
            if (_start == _end && !await FillAsync(cancellation))
                throw new InvalidAnswerException($"The answer ends in the middle of a line: {line}", isCutShort: true);
            var character = (char)_buffer[_start++];
            if (character == '\n' && line is [.., '\r'])
                return line.ToString(0, line.Length - 1);
            line.Append(character);
        }
    }

    async Task<bool> FillAsync(CancellationToken cancellation)
    {
        (_start, _end) = (0, await _stream.ReadAsync(_buffer, cancellation));
        return _end > 0;
    }

    [GeneratedRegex("^HTTP/1\\.1 ([1-5][0-9][0-9]) [ -~]*$")]
    private static partial Regex StatusLine();

    [GeneratedRegex("^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t -~]*)$")]
    private static partial Regex HeaderLine();
}

/// <summary>A whole response. Body is null if it has none, and if the body has no end.</summary>
sealed record HostileAnswer(int Status, IReadOnlyList<KeyValuePair<string, string>> Headers, byte[]? Body)
{
    /// <summary>Whether the server announces that it closes the connection.</summary>
    public bool Closes => All("Connection").Any(value => value.Equals("close", StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether it continues until one side hangs up (api/PROTOCOL.md §10).</summary>
    public bool HasNoEnd => Status == 200 && All("X-Accel-Buffering").Length > 0;

    public string? MediaType => All("Content-Type") is [var type, ..] ? type.Split(';')[0] : null;

    public string[] All(string name) =>
        [
            .. Headers
                .Where(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase))
                .Select(header => header.Value),
        ];

    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Status}\n{string.Join('\n', Headers.Select(header => $"{header.Key}: {header.Value}"))}\n\n"
                + $"{Encoding.Latin1.GetString(Body ?? [])}"
        );
}

/// <summary>HTTP does not allow the bytes that the server sent.</summary>
sealed class InvalidAnswerException(string message, bool isCutShort = false) : Exception(message)
{
    /// <summary>The received bytes were valid but incomplete. A connection may end at any time.</summary>
    public bool IsCutShort => isCutShort;
}
