using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text;
using LogHttp.Storage.Text;
using Microsoft.AspNetCore.WebUtilities;

namespace LogHttp.AspNetCore.Contract;

/// <summary>
/// Reads query parameters. A malformed one is an error, and is never silently read as something else.
/// </summary>
/// <remarks>
/// Not the framework's collection: it allocates 450 bytes for one parameter. Each call here reads the query again, from
/// its first parameter on.
/// </remarks>
/// <param name="query">The query, as it came.</param>
internal readonly struct QueryParameters(string? query)
{
    /// <summary>Whether a parameter is given.</summary>
    public bool Contains(string name) => Find(name, out _) > 0;

    /// <summary>
    /// Rejects unknown parameters. A misspelt one would be ignored, and the client would get another response than it
    /// asked for.
    /// </summary>
    public bool HasOnly(ReadOnlySpan<string> names, [NotNullWhen(false)] out Problem? problem) =>
        HasOnly(names, [], out _, out problem);

    /// <summary>
    /// Does the same for parameters that most requests have, and others. A request without the others need not look for
    /// them.
    /// </summary>
    public bool HasOnly(
        ReadOnlySpan<string> names,
        ReadOnlySpan<string> otherNames,
        out bool hasOthers,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        (hasOthers, problem) = (false, null);
        foreach (var pair in new QueryStringEnumerable(query))
        {
            var name = pair.DecodeName().Span;
            if (IsAmong(names, name))
                continue;
            hasOthers = true;
            if (!IsAmong(otherNames, name))
                problem = Problems.InvalidRequest(
                    "invalid_parameter",
                    $"Unknown query parameter \"{Excerpt.Of(name.ToString())}\". "
                        + $"Supported: {NamesOf([.. names, .. otherNames])}."
                );
        }
        return problem is null;
    }

    static string NamesOf(string[] names) => names.Length == 0 ? "none" : string.Join(", ", names);

    static bool IsAmong(ReadOnlySpan<string> names, ReadOnlySpan<char> name)
    {
        foreach (var known in names)
        {
            if (name.Equals(known, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }

    /// <summary>Reads an optional whole number. It is an error if it appears twice or is anything else.</summary>
    public bool TryReadNumber(
        string name,
        long min,
        long max,
        out long? number,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        number = null;
        problem = null;
        var count = Find(name, out var value);
        if (count == 0)
            return true;
        // TryParse ignores NULs at the end.
        if (
            count == 1
            && !value.Span.Contains('\0')
            && long.TryParse(value.Span, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed)
            && parsed >= min
            && parsed <= max
        )
        {
            number = parsed;
            return true;
        }
        problem = Problems.InvalidRequest(
            "invalid_parameter",
            $"{name} is \"{Excerpt.Of(AllOf(name))}\"; it must be one whole number from {min} to {max}."
        );
        return false;
    }

    /// <summary>Reads an optional text. It is an error if it appears twice.</summary>
    public bool TryReadText(string name, out string? text, [NotNullWhen(false)] out Problem? problem)
    {
        (text, problem) = (null, null);
        var count = Find(name, out var value);
        if (count == 0)
            return true;
        text = value.ToString();
        if (count > 1)
            problem = Problems.InvalidRequest("invalid_parameter", $"{name} is given {count} times. Give it once.");
        return problem is null;
    }

    /// <summary>
    /// The bytes of a parameter. The framework leaves escapes that are not UTF-8 undecoded, such as <c>%FF</c>, which
    /// is another text.
    /// </summary>
    public byte[] DecodedBytes(string name)
    {
        foreach (var pair in new QueryStringEnumerable(query))
        {
            if (pair.DecodeName().Span.Equals(name, StringComparison.OrdinalIgnoreCase))
                return WebUtility.UrlDecodeToBytes(
                        Encoding.UTF8.GetBytes(pair.EncodedValue.ToString()),
                        0,
                        Encoding.UTF8.GetByteCount(pair.EncodedValue.Span)
                    ) ?? [];
        }
        return [];
    }

    /// <summary>Reads an optional parameter that has one possible value.</summary>
    public bool TryReadFlag(string name, string value, out bool isSet, [NotNullWhen(false)] out Problem? problem)
    {
        problem = null;
        var count = Find(name, out var given);
        isSet = count == 1 && given.Span.SequenceEqual(value);
        if (count > 0 && !isSet)
            problem = Problems.InvalidRequest(
                "invalid_parameter",
                $"{name} is \"{Excerpt.Of(AllOf(name))}\". Supported: \"{value}\"."
            );
        return problem is null;
    }

    /// <summary>Returns how often a parameter is given, and its first value.</summary>
    int Find(string name, out ReadOnlyMemory<char> value)
    {
        value = default;
        var count = 0;
        foreach (var pair in new QueryStringEnumerable(query))
        {
            if (!pair.DecodeName().Span.Equals(name, StringComparison.OrdinalIgnoreCase))
                continue;
            if (count++ == 0)
                value = pair.DecodeValue();
        }
        return count;
    }

    /// <summary>All values of a parameter, for a message.</summary>
    string AllOf(string name)
    {
        var values = new List<string>();
        foreach (var pair in new QueryStringEnumerable(query))
        {
            if (pair.DecodeName().Span.Equals(name, StringComparison.OrdinalIgnoreCase))
                values.Add(pair.DecodeValue().ToString());
        }
        return string.Join(',', values);
    }
}

/// <summary>Finds the parameters of a request.</summary>
internal static class RequestParameters
{
    public static QueryParameters Parameters(this HttpRequest request) => new(request.QueryString.Value);
}
