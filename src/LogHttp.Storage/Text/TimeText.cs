using System.Globalization;
using System.Text.RegularExpressions;

namespace LogHttp.Storage.Text;

/// <summary>Times as people and programs write them: ISO 8601 as in RFC 3339, and shorter forms.</summary>
public static partial class TimeText
{
    const string DateTimeFormat = "yyyy-MM-dd'T'HH:mm:ssK";
    const string ShortFormat = "yyyy-MM-dd'T'HH:mmK";
    const string DateFormat = "yyyy-MM-dd";

    /// <summary>
    /// Reads <c>2026-11-22</c>, <c>2026-11-22T10:00</c>, <c>2026-11-22T10:00:00.123456789</c>. Each may end with
    /// <c>Z</c> or an offset such as <c>+02:00</c>. Without either it is UTC. The plus of an offset may be a space,
    /// because query strings turn a plus into one.
    /// </summary>
    /// <param name="text">The time.</param>
    /// <param name="timestampMs">
    /// The first whole millisecond at or after the time, in Unix milliseconds. Records have whole milliseconds, so the
    /// records at or after either are the same. Negative before 1970.
    /// </param>
    public static bool TryParse(string? text, out long timestampMs)
    {
        timestampMs = 0;
        if (text is null || Parts().Match(text) is not { Success: true } parts)
            return false;
        var (date, clock, seconds, fraction) = (
            parts.Groups["date"].Value,
            parts.Groups["clock"].Value,
            parts.Groups["seconds"].Value,
            parts.Groups["fraction"].Value
        );
        var zone = parts.Groups["zone"].Value.Replace(' ', '+').ToUpperInvariant();
        var (whole, format) = (clock, seconds) switch
        {
            ("", _) => (date, DateFormat),
            (_, "") => ($"{date}T{clock}{zone}", ShortFormat),
            _ => ($"{date}T{clock}{seconds}{zone}", DateTimeFormat),
        };
        if (
            !DateTimeOffset.TryParseExact(
                whole,
                format,
                CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal,
                out var time
            )
        )
            return false;
        // Cut as text: nine digits, or ninety, are more than a DateTimeOffset holds.
        var milliseconds = int.Parse(fraction.PadRight(3, '0')[..3], NumberStyles.None, CultureInfo.InvariantCulture);
        timestampMs =
            time.ToUnixTimeMilliseconds()
            + milliseconds
            + (fraction.Length > 3 && fraction.AsSpan(3).ContainsAnyExcept('0') ? 1 : 0);
        return true;
    }

    [GeneratedRegex(
        "^(?<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
            + "([Tt](?<clock>[0-9]{2}:[0-9]{2})((?<seconds>:[0-9]{2})(\\.(?<fraction>[0-9]{1,99}))?)?"
            + "(?<zone>[Zz]|[+\\- ][0-9]{2}:[0-9]{2})?)?\\z",
        RegexOptions.ExplicitCapture
    )]
    private static partial Regex Parts();
}
