using System.Text;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using CsCheck;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Fetching;
using LogHttp.AspNetCore.Producing;
using LogHttp.Server.Hosting;
using Microsoft.Net.Http.Headers;

namespace LogHttp.Server.Tests.Fetching;

/// <summary>
/// LogHttp's own parsing of headers gives the same results as the framework's parsers, and as RFC 9110 word by word.
/// </summary>
public class HeaderProperties
{
    static readonly string[] Types =
    [
        MediaTypes.Records,
        "application/x-ndjson",
        "application/json",
        "text/event-stream",
        "text/html",
        "text/plain",
        "application/*",
        "text/*",
        "*/*",
        "image/png",
        "nonsense",
        "",
    ];

    static readonly Gen<string> Weight = OneOf(
        "",
        ";q=0",
        ";q=0.0",
        ";q=0.5",
        ";Q=1",
        "; q=0.25",
        ";q=1.000",
        ";charset=utf-8;q=0.75"
    );

    static readonly Gen<string> Case = Gen.Select(
        OneOf(Types),
        Gen.Bool,
        Weight,
        static (type, isUpper, weight) => (isUpper ? type.ToUpperInvariant() : type) + weight
    );

    static readonly Gen<string[]> Accept = Gen.Select(
        OneOf(", ", ",", " ,\t"),
        Case.Array[1, 4].Array[1, 2],
        static (comma, lines) => Array.ConvertAll(lines, line => string.Join(comma, line))
    );

    static Gen<string> OneOf(params string[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);

    static HttpRequest Request(string name, params string[] values)
    {
        var request = new DefaultHttpContext().Request;
        request.Headers[name] = values;
        return request;
    }

    /// <summary>RFC 9110 §12.5.1: the most specific range that matches a type gives its quality.</summary>
    static double QualityOf(string type, IEnumerable<MediaTypeHeaderValue> ranges) =>
        ranges
            .Where(range => range.MatchesMediaType(type))
            .OrderByDescending(range =>
                range.MatchesAllTypes ? 0
                : range.MatchesAllSubTypes ? 1
                : 2
            )
            .Select(range => range.Quality ?? 1)
            .FirstOrDefault();

    [Fact]
    public void Of_AnyAccept_HasBestQuality() =>
        Accept.Sample(values =>
        {
            var request = Request("Accept", values);
            var found = Representations.Of(request, showsValues: false);
            if (!MediaTypeHeaderValue.TryParseList(values, out var ranges))
                return found == Representation.Records && !Representations.PrefersEvents(request);
            var qualities = Array.ConvertAll(
                [MediaTypes.Records, "application/x-ndjson", "application/json"],
                type => QualityOf(type, ranges)
            );
            var isBest = found switch
            {
                Representation.Page => ranges.Any(range =>
                    range.Quality != 0 && range.MediaType.Equals("text/html", StringComparison.OrdinalIgnoreCase)
                ),
                Representation.Records => qualities[0] == qualities.Max(),
                Representation.JsonLines => qualities[1] == qualities.Max() && qualities[1] > 0,
                _ => qualities[2] == qualities.Max() && qualities[2] > 0,
            };
            var events = ranges.Any(range =>
                range.MediaType.Equals("text/event-stream", StringComparison.OrdinalIgnoreCase)
            )
                ? QualityOf("text/event-stream", ranges)
                : 0;
            return isBest && Representations.PrefersEvents(request) == (events > 0 && events >= qualities.Max());
        });

    [Fact]
    public void TryRead_AnyContentEncoding_FindsAtMostOneCoding() =>
        Gen.Select(
                OneOf(", ", ",", "\t,"),
                OneOf("gzip", "X-GZIP", "br", "zstd", "deflate", "identity", "Identity", "", "compress", "gzip;q=1")
                    .Array[0, 3]
                    .Array[1, 2],
                static (comma, lines) => Array.ConvertAll(lines, line => string.Join(comma, line))
            )
            .Sample(values =>
            {
                var isTaken = ContentCoding.TryRead(Request("Content-Encoding", values), out var coding, out _);
                var named = values
                    .SelectMany(value => value.Split(','))
                    .Select(name => name.Trim().ToLowerInvariant())
                    .Where(name => name is not ("" or "identity"))
                    .ToArray();
                var isKnown = named is [] or ["gzip" or "x-gzip" or "br" or "zstd" or "deflate"];
                return isTaken == isKnown && (coding is not null) == (isTaken && named.Length == 1);
            });

    [Fact]
    public void TryRead_AnyContentType_FindsCharsetAndKind() =>
        Gen.Select(
                OneOf(
                    "text/plain",
                    "application/json",
                    "application/x-jsonlines",
                    "application/x-ndjson",
                    "application/problem+json"
                ),
                OneOf("charset", "Charset", "CHARSET"),
                OneOf(
                    "utf-8",
                    "UTF-8",
                    "utf8",
                    "\"utf-8\"",
                    "us-ascii",
                    "\"UTF8\"",
                    "latin1",
                    "\"iso-8859-1\"",
                    "utf-16"
                ),
                OneOf(";", "; ", " ;\t"),
                Gen.Bool
            )
            .Sample(
                (type, parameter, charset, separator, isUpper) =>
                {
                    var contentType = $"{(isUpper ? type.ToUpperInvariant() : type)}{separator}{parameter}={charset}";
                    var isTaken = BodyType.TryRead(Request("Content-Type", contentType), out var read, out _);
                    var isUtf8 = charset.Trim('"').ToLowerInvariant() is "utf-8" or "utf8" or "us-ascii";
                    var kind = type switch
                    {
                        "text/plain" => BodyKind.Text,
                        "application/json" or "application/problem+json" => BodyKind.Json,
                        _ => BodyKind.JsonLines,
                    };
                    return isTaken == isUtf8 && (!isTaken || read!.Kind == kind);
                }
            );

    [Fact]
    public void Match_AnyTags_ComparesStrongly() =>
        Gen.Select(
                OneOf(", ", ",", " ,\t"),
                OneOf("\"a\"", "W/\"a\"", "\"b\"", "\"a,b\"", "\"\"", "").Array[1, 4].Array[1, 2],
                static (comma, lines) => Array.ConvertAll(lines, line => string.Join(comma, line))
            )
            .Where(values => values.Any(value => value.Contains('"', StringComparison.Ordinal)))
            .Sample(values =>
                Preconditions.Match(Request("If-Match", values), "\"a\"")
                == values.Any(value => Regex.IsMatch(value, "(^|[,\\s])\"a\""))
            );

    [Fact]
    public void EncodingOf_AnyBytes_IsUtf8ElseLatin1() =>
        Gen.OneOf(Gen.Byte.Array[0, 20], Gen.String.Select(Encoding.UTF8.GetBytes))
            .Sample(bytes =>
            {
                var text = HeaderText.EncodingOf("Record-Key")!.GetString(bytes);
                return Utf8.IsValid(bytes) ? text == Encoding.UTF8.GetString(bytes) : text == Latin1WhereNotUtf8(bytes);
            });

    /// <summary>Decodes rune by rune. Bytes that begin no rune are Latin-1 characters.</summary>
    static string Latin1WhereNotUtf8(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var length) == System.Buffers.OperationStatus.Done)
                text.Append(rune);
            else
                text.Append(Encoding.Latin1.GetString(bytes[..length]));
            bytes = bytes[length..];
        }
        return text.ToString();
    }

    [Fact]
    public void TrySelect_AnyRange_IsWithinLength() =>
        Gen.Select(
                OneOf("bytes", "Bytes", "items"),
                Gen.Long[0, 30].Nullable(),
                Gen.Long[0, 30].Nullable(),
                Gen.Long[1, 20]
            )
            .Sample(
                (unit, from, to, length) =>
                {
                    var request = Request("Range", $"{unit}={from}-{to}");
                    request.Method = "GET";
                    var isSelected = ByteRange.TrySelect(request.HttpContext, length, out var range, out var problem);
                    var isRange = unit != "items" && (from is not null || to is not null) && !(from > to);
                    var expected = from is null
                        ? Enumerable.Range(0, (int)length).Select(i => (long)i).Where(i => i >= length - to)
                        : Enumerable
                            .Range(0, (int)length)
                            .Select(i => (long)i)
                            .Where(i => i >= from && (to is null || i <= to));
                    return !isRange ? isSelected && range == new ByteRange(0, length)
                        : expected.Any()
                            ? isSelected
                                && range == new ByteRange(expected.First(), expected.Count())
                                && request.HttpContext.Response.StatusCode == 206
                        : !isSelected && problem!.Status == 416;
                }
            );
}
