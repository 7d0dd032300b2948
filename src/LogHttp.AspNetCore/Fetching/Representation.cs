using LogHttp.AspNetCore.Contract;
using Microsoft.Net.Http.Headers;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>The forms in which records are sent. The first two are the segment's own bytes.</summary>
internal enum Representation
{
    /// <summary>Record lines, <see cref="MediaTypes.Records"/>.</summary>
    Records,

    /// <summary>Record lines under the media type of JSON lines, which more programs know.</summary>
    JsonLines,

    /// <summary>One JSON array.</summary>
    JsonArray,

    /// <summary>Record lines as text that a browser shows. It saves other types to a file.</summary>
    Page,

    /// <summary>Values, one a line. Texts have no quotes.</summary>
    TextLines,
}

/// <summary>Chooses the form that a request wants.</summary>
internal static class Representations
{
    const string JsonLinesType = "application/x-ndjson";
    const string JsonType = "application/json";
    const string TextType = "text/plain";

    /// <summary>How closely a range names a type that it spells out.</summary>
    const int ByName = 3;

    public static string ContentType(this Representation representation) =>
        representation is Representation.TextLines or Representation.Page
            ? TextType + "; charset=utf-8"
            : representation.MediaType();

    static string MediaType(this Representation representation) =>
        representation switch
        {
            Representation.Records => MediaTypes.Records,
            Representation.JsonLines => JsonLinesType,
            Representation.JsonArray => JsonType,
            _ => TextType,
        };

    /// <summary>Tells the forms of one page apart in its ETag.</summary>
    public static string Tag(this Representation representation) =>
        representation switch
        {
            Representation.Records => "",
            Representation.JsonLines => ".lines",
            Representation.JsonArray => ".array",
            Representation.Page => ".page",
            _ => ".text",
        };

    /// <summary>
    /// The form that `Accept` prefers. The highest `q` wins, taken from the range that names the type most closely.
    /// Among equals the most closely named form wins, then the first. If `Accept` allows none of the forms, the form
    /// without `Accept`.
    /// </summary>
    public static Representation Of(HttpRequest request, bool showsValues)
    {
        var standard = showsValues ? Representation.JsonLines : Representation.Records;
        if (
            request.Headers.Accept.Count == 0
            || request.Headers.Accept == "*/*"
            || !MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var ranges)
        )
            return standard;
        ReadOnlySpan<Representation> offered = showsValues
            ? [Representation.JsonLines, Representation.JsonArray, Representation.TextLines]
            : [Representation.Records, Representation.JsonLines, Representation.JsonArray];
        var (best, bestRank) = (standard, (Quality: 0.0, Closeness: 0, Order: 0));
        foreach (var representation in offered)
        {
            var rank = RankOf(representation.MediaType(), ranges);
            if (rank.CompareTo(bestRank) > 0)
                (best, bestRank) = (representation, rank);
        }
        if (
            bestRank.Closeness < ByName
            && ranges.Any(static range =>
                range.Quality != 0 && range.MediaType.Equals("text/html", StringComparison.OrdinalIgnoreCase)
            )
        )
            return showsValues ? Representation.TextLines : Representation.Page;
        return best;
    }

    /// <summary>Whether `Accept` names events, and prefers no form that ends.</summary>
    public static bool PrefersEvents(HttpRequest request)
    {
        // A text search comes first. Every fetch gets here, and parsing the list costs more than the rest of it.
        if (
            !request.Headers.Accept.ToString().Contains(MediaTypes.Events, StringComparison.OrdinalIgnoreCase)
            || !MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var ranges)
        )
            return false;
        var events = RankOf(MediaTypes.Events, ranges).Quality;
        var isPreferred = events > 0;
        // Not a lambda: what it captures is allocated at the start of the method, by every fetch.
        foreach (var form in (ReadOnlySpan<string>)[MediaTypes.Records, JsonLinesType, JsonType])
            isPreferred &= RankOf(form, ranges).Quality <= events;
        return isPreferred;
    }

    /// <summary>Whether `Accept` names JSON, and likes no page for people better.</summary>
    public static bool PrefersJson(HttpRequest request) =>
        MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var ranges)
        && RankOf(JsonType, ranges) is { Closeness: ByName, Quality: > 0 } json
        && json.CompareTo(RankOf("text/html", ranges)) > 0;

    static (double Quality, int Closeness, int Order) RankOf(string mediaType, IList<MediaTypeHeaderValue> ranges)
    {
        var (closest, rank) = (0, (Quality: 0.0, Closeness: 0, Order: 0));
        for (var i = 0; i < ranges.Count; i++)
        {
            var range = ranges[i];
            var closeness =
                range.MatchesAllTypes ? 1
                : range.MatchesAllSubTypes ? 2
                : 3;
            if (closeness <= closest || !range.MatchesMediaType(mediaType))
                continue;
            (closest, rank) = (closeness, range.Quality is 0 ? default : (range.Quality ?? 1, closeness, -i));
        }
        return rank;
    }
}
