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
internal static class QueryParameters
{
    /// <summary>
    /// Rejects unknown parameters. A misspelt one would be ignored, and the client would get another response than it
    /// asked for.
    /// </summary>
    public static bool HasOnly(
        this IQueryCollection query,
        ReadOnlySpan<string> names,
        [NotNullWhen(false)] out Problem? problem
    ) => query.HasOnly(names, [], out _, out problem);

    /// <summary>
    /// Does the same for parameters that most requests have, and others. A request without the others need not look for
    /// them.
    /// </summary>
    public static bool HasOnly(
        this IQueryCollection query,
        ReadOnlySpan<string> names,
        ReadOnlySpan<string> otherNames,
        out bool hasOthers,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        (hasOthers, problem) = (false, null);
        foreach (var name in query.Keys)
        {
            if (IsAmong(names, name))
                continue;
            hasOthers = true;
            if (!IsAmong(otherNames, name))
                problem = Problems.InvalidRequest(
                    "invalid_parameter",
                    $"Unknown query parameter \"{Excerpt.Of(name)}\". "
                        + $"Supported: {NamesOf([.. names, .. otherNames])}."
                );
        }
        return problem is null;
    }

    static string NamesOf(string[] names) => names.Length == 0 ? "none" : string.Join(", ", names);

    static bool IsAmong(ReadOnlySpan<string> names, string name)
    {
        foreach (var known in names)
        {
            if (name.Equals(known, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }

    /// <summary>Reads an optional whole number. It is an error if it appears twice or is anything else.</summary>
    public static bool TryReadNumber(
        this IQueryCollection query,
        string name,
        long min,
        long max,
        out long? number,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        number = null;
        problem = null;
        if (!query.TryGetValue(name, out var values))
            return true;
        // TryParse ignores NULs at the end.
        if (
            values.Count == 1
            && !values[0]!.Contains('\0', StringComparison.Ordinal)
            && long.TryParse(values[0], NumberStyles.None, CultureInfo.InvariantCulture, out var parsed)
            && parsed >= min
            && parsed <= max
        )
        {
            number = parsed;
            return true;
        }
        problem = Problems.InvalidRequest(
            "invalid_parameter",
            $"{name} is \"{Excerpt.Of(values.ToString())}\"; it must be one whole number from {min} to {max}."
        );
        return false;
    }

    /// <summary>Reads an optional text. It is an error if it appears twice.</summary>
    public static bool TryReadText(
        this IQueryCollection query,
        string name,
        out string? text,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        (text, problem) = (null, null);
        if (!query.TryGetValue(name, out var values))
            return true;
        text = values[0];
        problem =
            values.Count > 1
                ? Problems.InvalidRequest("invalid_parameter", $"{name} is given {values.Count} times. Give it once.")
                : null;
        return problem is null;
    }

    /// <summary>
    /// The bytes of a parameter. The framework leaves escapes that are not UTF-8 undecoded, such as <c>%FF</c>, which
    /// is another text.
    /// </summary>
    public static byte[] DecodedBytes(this QueryString query, string name)
    {
        foreach (var pair in new QueryStringEnumerable(query.Value))
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
    public static bool TryReadFlag(
        this IQueryCollection query,
        string name,
        string value,
        out bool isSet,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        var isThere = query.TryGetValue(name, out var values);
        isSet = isThere && values == value;
        problem =
            isThere && !isSet
                ? Problems.InvalidRequest(
                    "invalid_parameter",
                    $"{name} is \"{Excerpt.Of(values.ToString())}\". Supported: \"{value}\"."
                )
                : null;
        return problem is null;
    }
}
