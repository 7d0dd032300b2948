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
    JsonArray,
    CloudEvent,
    CloudEventArray,
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
/// How to read a body, by its content type and <c>?split=</c> (the table of api/PROTOCOL.md §2).
/// </summary>
/// <param name="Kind">The way to read it.</param>
/// <param name="RecordHeaders">
/// The record's <c>content-type</c> header, if the type is not the obvious one for the kind.
/// </param>
internal sealed record BodyType(BodyKind Kind, IReadOnlyList<KeyValuePair<string, string>>? RecordHeaders = null)
{
    static readonly BodyType Bytes = new(BodyKind.Bytes);

    /// <summary>Each event is kept in structured mode.</summary>
    static readonly BodyType CloudEventArray = new(BodyKind.CloudEventArray, ContentType(MediaTypes.CloudEvent));
    static readonly BodyType Form = new(BodyKind.Form);
    static readonly BodyType Json = new(BodyKind.Json);
    static readonly BodyType JsonArray = new(BodyKind.JsonArray);
    static readonly BodyType JsonLines = new(BodyKind.JsonLines);
    static readonly BodyType Text = new(BodyKind.Text);
    static readonly BodyType TextLines = new(BodyKind.TextLines);

    /// <summary>The body's coding. Null for a body that is not packed.</summary>
    public ContentCoding? Coding { get; init; }

    /// <summary>Whether each element of a JSON array is a record.</summary>
    public bool IsArray => Kind is BodyKind.JsonArray or BodyKind.CloudEventArray;

    /// <summary>Whether it holds CloudEvents as JSON.</summary>
    public bool HoldsEvents => Kind is BodyKind.CloudEvent or BodyKind.CloudEventArray;

    public bool HoldsManyRecords => IsArray || Kind is BodyKind.JsonLines or BodyKind.TextLines or BodyKind.RecordLines;

    /// <summary>Whether <c>Record-*</c> headers do not apply to the body.</summary>
    public bool IgnoresRecordHeaders => HoldsManyRecords || Kind is BodyKind.ConfluentJson or BodyKind.ConfluentBinary;

    public static bool TryRead(
        HttpRequest request,
        [NotNullWhen(true)] out BodyType? read,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        read = null;
        if (
            !TryReadSplit(request, out var split, out problem)
            || !ContentCoding.TryRead(request, out var coding, out problem)
        )
            return false;
        var bodyType = Common(request.ContentType, split);
        if (bodyType is null)
        {
            bodyType = new(BodyKind.Bytes);
            if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var mediaType))
                problem = Problems.UnsupportedMediaType(
                    $"The Content-Type \"{Excerpt.Of(request.ContentType)}\" can't be read."
                );
            else
                problem = Check(mediaType, bodyType = Of(mediaType, split));
        }
        problem ??= CheckSplit(bodyType, split);
        if (problem is not null)
            return false;
        read = coding is null ? bodyType : bodyType with { Coding = coding };
        return true;
    }

    static bool TryReadSplit(HttpRequest request, out Split split, [NotNullWhen(false)] out Problem? problem)
    {
        split = Split.None;
        if (!request.Parameters().TryReadText("split", out var text, out problem))
            return false;
        if (text is null)
            return true;
        split =
            text == "lines" ? Split.Lines
            : text == "array" ? Split.Array
            : Split.None;
        problem =
            split == Split.None
                ? Problems.InvalidRequest(
                    "invalid_parameter",
                    $"split is \"{Excerpt.Of(text)}\". Supported: lines, array."
                )
                : null;
        return problem is null;
    }

    static Problem? CheckSplit(BodyType bodyType, Split split) =>
        split switch
        {
            Split.Lines when bodyType.Kind != BodyKind.TextLines => Problems.InvalidRequest(
                "invalid_parameter",
                "split=lines goes with a text body (Content-Type: text/plain)."
            ),
            Split.Array when !bodyType.IsArray => Problems.InvalidRequest(
                "invalid_parameter",
                "split=array goes with a JSON body (Content-Type: application/json, or any …+json)."
            ),
            _ => null,
        };

    /// <summary>
    /// The types of most requests in their common spelling, found without parsing. Null for other types.
    /// </summary>
    static BodyType? Common(string? contentType, Split split) =>
        contentType switch
        {
            null => Bytes,
            "application/json" => split == Split.Array ? JsonArray : Json,
            "application/x-ndjson" => JsonLines,
            "application/x-www-form-urlencoded" => Form,
            "text/plain" => split == Split.Lines ? TextLines : Text,
            _ => null,
        };

    static BodyType Of(MediaTypeHeaderValue mediaType, Split split)
    {
        var name = mediaType.MediaType.ToString().ToLowerInvariant();
        return name switch
        {
            "application/json" => split == Split.Array ? JsonArray : Json,
            MediaTypes.CloudEventBatch => CloudEventArray,
            MediaTypes.CloudEvent when split == Split.Array => CloudEventArray,
            MediaTypes.CloudEvent => new(BodyKind.CloudEvent, ContentType(WithoutCharset(mediaType))),
            "application/x-ndjson" or "application/ndjson" or "application/jsonl" or "application/x-jsonlines" =>
                JsonLines,
            MediaTypes.Records => new(BodyKind.RecordLines),
            "application/x-www-form-urlencoded" => Form,
            "application/octet-stream" => Bytes,
            "text/plain" => split == Split.Lines ? TextLines : Text,
            _ when name.StartsWith("text/", StringComparison.Ordinal) => new(
                split == Split.Lines ? BodyKind.TextLines : BodyKind.Text,
                ContentType(WithoutCharset(mediaType))
            ),
            ConfluentType.Json => new(BodyKind.ConfluentJson),
            // Clients of the REST Proxy that name no format send bytes.
            ConfluentType.Binary or ConfluentType.Response or ConfluentType.Unversioned => new(
                BodyKind.ConfluentBinary
            ),
            _ when ConfluentType.IsOfFamily(name) => new(BodyKind.ConfluentOther),
            _ when name.EndsWith("+json", StringComparison.Ordinal) => new(
                split == Split.Array ? BodyKind.JsonArray : BodyKind.Json,
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

    /// <summary>The value of <c>?split=</c>.</summary>
    enum Split
    {
        None,
        Lines,
        Array,
    }

    static KeyValuePair<string, string>[] ContentType(string name) => [new("content-type", name)];
}
