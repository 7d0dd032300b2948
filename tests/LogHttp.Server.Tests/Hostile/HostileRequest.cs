using System.Globalization;
using System.Text;

namespace LogHttp.Server.Tests.Hostile;

/// <summary>
/// One request in the making. A character is a byte (Latin-1), so that bytes that are not text can be sent too.
/// </summary>
sealed class HostileRequest
{
    public string Method { get; set; } = "GET";

    public string Path { get; set; } = "/";

    public List<string> Query { get; } = [];

    public string Version { get; set; } = "HTTP/1.1";

    public string Host { get; set; } = "Host: 127.0.0.1";

    /// <summary>Whole lines, without their line ends.</summary>
    public List<string> Headers { get; } = [];

    public string Body { get; set; } = "";

    /// <summary>The size of the chunks to send the body in. 0: the body has a length.</summary>
    public int ChunkBytes { get; set; }

    /// <summary>Replaces the length. Then the end of the request is ambiguous.</summary>
    public string? Framing { get; set; }

    /// <summary>The whole request, if it was damaged as a whole.</summary>
    public string? Raw { get; set; }

    /// <summary>
    /// Whether the server and the test must agree on its end. The responses after any other request are undefined.
    /// </summary>
    public bool IsFramed => Framing is null && Raw is null;

    /// <summary>
    /// Whether the request is larger than the server reads before it refuses. The connection's reset can then overtake
    /// the response.
    /// </summary>
    public bool MayBeCut => Text.Length > 8_000 && (Head.Length > 8_000 || SentBody.Length > 60_000);

    /// <summary>The method as the server reads it, possibly damaged. A response to HEAD has no body.</summary>
    public string SentMethod => Text.TrimStart('\r', '\n').Split(' ', 2)[0];

    public string Text => Raw ?? string.Concat(Head, SentBody);

    string Head
    {
        get
        {
            var head = new StringBuilder($"{Method} {Path}");
            if (Query.Count > 0)
                head.Append('?').AppendJoin('&', Query);
            head.Append(' ').Append(Version).Append("\r\n");
            foreach (var line in (IEnumerable<string>)[Host, .. Headers, Framing ?? OwnFraming])
            {
                if (line.Length > 0)
                    head.Append(line).Append("\r\n");
            }
            return head.Append("\r\n").ToString();
        }
    }

    string OwnFraming =>
        ChunkBytes > 0 ? "Transfer-Encoding: chunked"
        : Body.Length > 0 || Method is "POST" or "PUT" or "PATCH"
            ? string.Create(CultureInfo.InvariantCulture, $"Content-Length: {Body.Length}")
        : "";

    string SentBody
    {
        get
        {
            if (ChunkBytes == 0 || Framing is not null)
                return Body;
            var chunks = new StringBuilder();
            foreach (var piece in Body.Chunk(ChunkBytes))
                chunks.Append(CultureInfo.InvariantCulture, $"{piece.Length:x}\r\n").Append(piece).Append("\r\n");
            return chunks.Append("0\r\n\r\n").ToString();
        }
    }

    /// <summary>
    /// Readable and exact: bytes that are not printable are escaped, and a long text is shortened in its middle.
    /// </summary>
    public override string ToString()
    {
        const int Most = 20_000;
        var text = Text;
        var shown =
            text.Length <= Most
                ? text
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{text[..(Most / 2)]}[… {text.Length - Most} more bytes …]{text[^(Most / 2)..]}"
                );
        var escaped = new StringBuilder();
        foreach (var character in shown)
        {
            _ = character switch
            {
                '\n' => escaped.Append("\\n\n"),
                '\r' => escaped.Append("\\r"),
                '\\' => escaped.Append("\\\\"),
                '…' or >= ' ' and <= '~' => escaped.Append(character),
                _ => escaped.Append(CultureInfo.InvariantCulture, $"\\x{(int)character:x2}"),
            };
        }
        return escaped.ToString();
    }
}
