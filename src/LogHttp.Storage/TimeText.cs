using System.Globalization;

namespace LogHttp.Storage;

/// <summary>Times as people write them, in ISO 8601.</summary>
public static class TimeText
{
    static readonly string[] Formats = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd"];

    /// <summary>
    /// Reads <c>2026-11-22</c>, <c>2026-11-22T10:00</c>, <c>2026-11-22T10:00:00.123</c>, each time with <c>Z</c>, an offset
    /// such as <c>+02:00</c>, or neither, which is UTC. The plus of an offset may have become a space: that is what
    /// query strings make of it.
    /// </summary>
    public static bool TryParse(string? text, out DateTimeOffset time)
    {
        if (text is [.., ' ', _, _, ':', _, _])
            text = $"{text[..^6]}+{text[^5..]}";
        return DateTimeOffset.TryParseExact(text, Formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
    }
}
