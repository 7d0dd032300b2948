using System.Globalization;
using System.Text.RegularExpressions;

namespace LogHttp.Storage.Text;

/// <summary>Times as people and programs write them: ISO 8601, as RFC 3339 has it and a little shorter.</summary>
public static partial class TimeText
{
    const string DateTimeFormat = "yyyy-MM-dd'T'HH:mm:ssK";
    const string ShortFormat = "yyyy-MM-dd'T'HH:mmK";
    const string DateFormat = "yyyy-MM-dd";

    /// <summary>
    /// Reads <c>2026-11-22</c>, <c>2026-11-22T10:00</c>, <c>2026-11-22T10:00:00.123456789</c>, each time with <c>Z</c>,
    /// an offset such as <c>+02:00</c>, or neither, which is UTC. The plus of an offset may have become a space: that
    /// is what query strings make of it.
    /// </summary>
    /// <param name="text">The time.</param>
    /// <param name="timestampMs">
    /// The first whole millisecond at or after it, in Unix milliseconds: records have whole ones, and those at or after
    /// a time between two are at or after the second. Negative before 1970.
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
        // As text: nine digits, or ninety, are more than a DateTimeOffset holds.
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
