using System.Diagnostics.CodeAnalysis;
using System.Text;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Records;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// <c>Idempotency-Key</c>: a text without spaces, or a string in quotes as RFC 8941 has it (api/PROTOCOL.md §11).
/// </summary>
internal static class IdempotencyKeyHeader
{
    public const string Name = "Idempotency-Key";

    public static bool TryRead(IHeaderDictionary headers, out string? key, [NotNullWhen(false)] out Problem? problem)
    {
        (key, problem) = (null, null);
        var given = headers[Name];
        if (given.Count == 0)
            return true;
        if (given is [{ } text])
            key = text is ['"', ..] ? Unquoted(text) : Bare(text);
        if (key is null)
            problem = Problems.InvalidRequest(
                "invalid_idempotency_key",
                $"{Name} is {Excerpt.Of(given.ToString())}; it must be given once, and have 1 to "
                    + $"{IdempotencyStamp.MaxKeyLength} visible ASCII characters. In quotes, spaces are allowed too, "
                    + "and \\\" and \\\\ stand for a quote and a backslash."
            );
        return problem is null;
    }

    static string? Bare(string text) =>
        text.Length is > 0 and <= IdempotencyStamp.MaxKeyLength && !text.AsSpan().ContainsAnyExceptInRange('!', '~')
            ? text
            : null;

    static string? Unquoted(string text)
    {
        if (text is not [_, .. var inner, '"'])
            return null;
        var key = new StringBuilder(inner.Length);
        for (var i = 0; i < inner.Length; i++)
        {
            if (inner[i] == '"')
                return null;
            if (inner[i] == '\\' && (++i == inner.Length || inner[i] is not ('"' or '\\')))
                return null;
            key.Append(inner[i]);
        }
        var unquoted = key.ToString();
        return IdempotencyStamp.CheckKey(unquoted) is null ? unquoted : null;
    }
}
