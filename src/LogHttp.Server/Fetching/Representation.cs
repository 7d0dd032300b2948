using Microsoft.Net.Http.Headers;

namespace LogHttp.Server.Fetching;

/// <summary>The forms in which records are sent; the first two are the segment's own bytes.</summary>
internal enum Representation
{
    /// <summary>Record lines, <see cref="RecordsType"/>.</summary>
    Records,

    /// <summary>Lines of JSON, under the name that more programs know.</summary>
    JsonLines,

    /// <summary>One JSON array.</summary>
    JsonArray,

    /// <summary>Values, a line each; texts without quotes.</summary>
    TextLines,
}

/// <summary>The media type of record lines (api/FORMAT.md §1).</summary>
internal static class RecordsType
{
    public const string Name = "application/vnd.loghttp.records+ndjson";
}

/// <summary>Which form a request wants.</summary>
internal static class Representations
{
    const string JsonLinesType = "application/x-ndjson";
    const string JsonType = "application/json";
    const string TextType = "text/plain";

    public static string ContentType(this Representation representation) => representation switch
    {
        Representation.Records => RecordsType.Name,
        Representation.JsonLines => JsonLinesType,
        Representation.JsonArray => JsonType,
        _ => "text/plain; charset=utf-8",
    };

    /// <summary>Tells the forms of one page apart in its ETag.</summary>
    public static string Tag(this Representation representation) => representation switch
    {
        Representation.Records => "",
        Representation.JsonLines => ".lines",
        Representation.JsonArray => ".array",
        _ => ".text",
    };

    /// <summary>What `Accept` likes best among what there is; anything it does not name is sent what a request without it gets.</summary>
    public static Representation Of(HttpRequest request, bool showsValues)
    {
        var standard = showsValues ? Representation.JsonLines : Representation.Records;
        if (request.Headers.Accept.Count == 0 || request.Headers.Accept == "*/*" || !MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted))
            return standard;
        // A sort that keeps the order of equals: the client's own.
        foreach (var type in accepted.OrderByDescending(static type => type.Quality ?? 1))
        {
            if (type.Quality == 0)
                continue;
            if (type.MatchesMediaType(RecordsType.Name) && !showsValues)
                return Representation.Records;
            if (type.MatchesMediaType(JsonLinesType))
                return Representation.JsonLines;
            if (type.MatchesMediaType(JsonType))
                return Representation.JsonArray;
            if (type.MatchesMediaType(TextType) && showsValues)
                return Representation.TextLines;
        }
        return standard;
    }
}
