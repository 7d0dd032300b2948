using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace LogHttp.Server.Tests.Hostile;

/// <summary>A connection that sends any bytes, and is strict about what comes back.</summary>
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

    /// <summary>Nothing more is sent.</summary>
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
            // The server was faster.
        }
    }

    /// <summary>Ends with a reset: the server finds no orderly end.</summary>
    public void Reset() => _client.Client.Close(0);

    /// <summary>Reads an answer; null when the server closed before its first byte.</summary>
    /// <exception cref="InvalidAnswerException">What came is no HTTP response.</exception>
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
            // Who wants no more of it hangs up.
            if (hasBody && answer.HasNoEnd)
                return answer;
            return hasBody ? answer with { Body = await ReadBodyAsync(answer, cancellation) } : answer;
        }
    }

    /// <summary>All that comes until the server closes, whatever it is.</summary>
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

    /// <summary>A line in ASCII that ends with CRLF, without it.</summary>
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

/// <summary>An answer, whole; Body is null where there can be none, and where it has no end.</summary>
sealed record HostileAnswer(int Status, IReadOnlyList<KeyValuePair<string, string>> Headers, byte[]? Body)
{
    /// <summary>Whether the server says that it closes the connection.</summary>
    public bool Closes => All("Connection").Any(value => value.Equals("close", StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether it goes on until somebody hangs up (api/PROTOCOL.md §10).</summary>
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

/// <summary>What the server sent is not what HTTP allows.</summary>
sealed class InvalidAnswerException(string message, bool isCutShort = false) : Exception(message)
{
    /// <summary>What came was right, and not all of it: a connection may end at any time.</summary>
    public bool IsCutShort => isCutShort;
}
