using System.Diagnostics.CodeAnalysis;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Text;
using Microsoft.Net.Http.Headers;

namespace LogHttp.AspNetCore.Producing;

/// <summary>The ways to read a body, by its media type.</summary>
internal enum BodyKind
{
    Json,
    JsonLines,
    Text,
    TextLines,
    RecordLines,
    Form,
    Bytes,
    ConfluentJson,
    ConfluentBinary,
    ConfluentOther,
}

/// <summary>
/// How to read a body, by its content type and <c>?split=lines</c> (the table of api/PROTOCOL.md §2).
/// </summary>
/// <param name="Kind">The way to read it.</param>
/// <param name="RecordHeaders">
/// The record's <c>content-type</c> header, if the type is not the obvious one for the kind.
/// </param>
internal sealed record BodyType(BodyKind Kind, IReadOnlyList<KeyValuePair<string, string>>? RecordHeaders = null)
{
    static readonly BodyType Bytes = new(BodyKind.Bytes);
    static readonly BodyType Form = new(BodyKind.Form);
    static readonly BodyType Json = new(BodyKind.Json);
    static readonly BodyType JsonLines = new(BodyKind.JsonLines);
    static readonly BodyType Text = new(BodyKind.Text);
    static readonly BodyType TextLines = new(BodyKind.TextLines);

    /// <summary>The body's coding. Null for a body that is not packed.</summary>
    public ContentCoding? Coding { get; init; }

    public bool HoldsManyRecords => Kind is BodyKind.JsonLines or BodyKind.TextLines or BodyKind.RecordLines;

    /// <summary>Whether <c>Record-*</c> headers do not apply to the body.</summary>
    public bool IgnoresRecordHeaders => HoldsManyRecords || Kind is BodyKind.ConfluentJson or BodyKind.ConfluentBinary;

    public static bool TryRead(
        HttpRequest request,
        [NotNullWhen(true)] out BodyType? read,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        read = null;
        if (!request.Parameters().TryReadFlag("split", "lines", out var splitsLines, out problem))
            return false;
        if (!ContentCoding.TryRead(request, out var coding, out problem))
            return false;
        var bodyType = Common(request.ContentType, splitsLines);
        if (bodyType is null)
        {
            bodyType = new(BodyKind.Bytes);
            if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var mediaType))
                problem = Problems.UnsupportedMediaType(
                    $"The Content-Type \"{Excerpt.Of(request.ContentType)}\" can't be read."
                );
            else
                problem = Check(mediaType, bodyType = Of(mediaType, splitsLines));
        }
        if (problem is null && splitsLines && bodyType.Kind != BodyKind.TextLines)
            problem = Problems.InvalidRequest(
                "invalid_parameter",
                "split=lines goes with a text body (Content-Type: text/plain)."
            );
        if (problem is not null)
            return false;
        read = coding is null ? bodyType : bodyType with { Coding = coding };
        return true;
    }

    /// <summary>
    /// The types of most requests in their common spelling, found without parsing. Null for other types.
    /// </summary>
    static BodyType? Common(string? contentType, bool splitsLines) =>
        contentType switch
        {
            null => Bytes,
            "application/json" => Json,
            "application/x-ndjson" => JsonLines,
            "application/x-www-form-urlencoded" => Form,
            "text/plain" => splitsLines ? TextLines : Text,
            _ => null,
        };

    static BodyType Of(MediaTypeHeaderValue mediaType, bool splitsLines)
    {
        var name = mediaType.MediaType.ToString().ToLowerInvariant();
        return name switch
        {
            "application/json" => Json,
            "application/x-ndjson" or "application/ndjson" or "application/jsonl" or "application/x-jsonlines" =>
                JsonLines,
            MediaTypes.Records => new(BodyKind.RecordLines),
            "application/x-www-form-urlencoded" => Form,
            "application/octet-stream" => Bytes,
            "text/plain" => splitsLines ? TextLines : Text,
            _ when name.StartsWith("text/", StringComparison.Ordinal) => new(
                splitsLines ? BodyKind.TextLines : BodyKind.Text,
                ContentType(WithoutCharset(mediaType))
            ),
            ConfluentType.Json => new(BodyKind.ConfluentJson),
            // Clients of the REST Proxy that name no format send bytes.
            ConfluentType.Binary or ConfluentType.Response or ConfluentType.Unversioned => new(
                BodyKind.ConfluentBinary
            ),
            _ when ConfluentType.IsOfFamily(name) => new(BodyKind.ConfluentOther),
            _ when name.EndsWith("+json", StringComparison.Ordinal) => new(
                BodyKind.Json,
                ContentType(WithoutCharset(mediaType))
            ),
            _ => new(BodyKind.Bytes, ContentType(mediaType.ToString())),
        };
    }

    static Problem? Check(MediaTypeHeaderValue mediaType, BodyType bodyType)
    {
        if (bodyType.Kind == BodyKind.Bytes)
            return null;
        if (bodyType.Kind == BodyKind.ConfluentOther)
            return Problems.UnsupportedMediaType(
                $"{Excerpt.Of(mediaType.MediaType.ToString())} is not taken; "
                    + $"of the types of Confluent's REST Proxy {ConfluentType.Json} and {ConfluentType.Binary} are. "
                    + "There is no schema registry here."
            );
        foreach (var parameter in mediaType.Parameters)
        {
            var charset = parameter.Name.Equals("charset", StringComparison.OrdinalIgnoreCase)
                ? parameter.GetUnescapedValue().ToString().ToLowerInvariant()
                : "utf-8";
            if (charset is not ("utf-8" or "utf8" or "us-ascii"))
                return Problems.UnsupportedMediaType(
                    $"The charset is {Excerpt.Of(charset)}; text and JSON are taken as UTF-8 only."
                );
        }
        return null;
    }

    /// <summary>Removes the charset, because all texts here are UTF-8.</summary>
    static string WithoutCharset(MediaTypeHeaderValue mediaType)
    {
        var copy = mediaType.Copy();
        copy.Charset = null;
        return copy.ToString();
    }

    static KeyValuePair<string, string>[] ContentType(string name) => [new("content-type", name)];
}
