using LogHttp.AspNetCore.Contract;
using Microsoft.Net.Http.Headers;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>The forms in which records are sent; the first two are the segment's own bytes.</summary>
internal enum Representation
{
    /// <summary>Record lines, <see cref="MediaTypes.Records"/>.</summary>
    Records,

    /// <summary>Lines of JSON, under the name that more programs know.</summary>
    JsonLines,

    /// <summary>One JSON array.</summary>
    JsonArray,

    /// <summary>Record lines as a browser shows them: other types it saves to a file.</summary>
    Page,

    /// <summary>Values, a line each; texts without quotes.</summary>
    TextLines,
}

/// <summary>Which form a request wants.</summary>
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
    /// What `Accept` likes best: the highest `q`, as the range says that names the type most closely; among equals, the
    /// one named most closely, then first. Where it takes nothing of what there is, what a request without it gets.
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

    /// <summary>Whether `Accept` names events, and likes no form that ends better.</summary>
    public static bool PrefersEvents(HttpRequest request)
    {
        // Looked for as text first: every fetch asks this, and parsing the list costs more than the rest of it.
        if (
            !request.Headers.Accept.ToString().Contains(MediaTypes.Events, StringComparison.OrdinalIgnoreCase)
            || !MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var ranges)
        )
            return false;
        var events = RankOf(MediaTypes.Events, ranges).Quality;
        return events > 0
            && Array.TrueForAll(
                [MediaTypes.Records, JsonLinesType, JsonType],
                form => RankOf(form, ranges).Quality <= events
            );
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
