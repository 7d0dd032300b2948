using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Records;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// The request headers that describe a single record: <c>Record-Key</c>, <c>Record-Timestamp</c>,
/// <c>Record-Header-*</c>.
/// </summary>
internal static class RecordHeaders
{
    const string Key = "Record-Key";
    const string Timestamp = "Record-Timestamp";
    const string HeaderPrefix = "Record-Header-";
    const string RecordPrefix = "Record-";

    /// <summary>Reads the headers of a single record. Also finds those of a CloudEvent, in the same loop.</summary>
    public static bool TryRead(
        IHeaderDictionary headers,
        BodyType bodyType,
        long latestTimestampMs,
        out RecordMetadata metadata,
        out bool describeEvent,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        (metadata, describeEvent, problem) = (default, false, null);
        // Headers given for the record override those that follow from its body.
        List<KeyValuePair<string, string>>? recordHeaders = bodyType.RecordHeaders is { } given
            ? [.. given.Where(header => !headers.ContainsKey(HeaderPrefix + header.Key))]
            : null;
        var hasOwn = false;
        long? timestampMs = null;
        var (keys, timestamps) = (headers[Key], headers[Timestamp]);
        foreach (var (name, values) in headers)
        {
            if (
                !name.StartsWith(RecordPrefix, StringComparison.OrdinalIgnoreCase)
                || name.Equals(Key, StringComparison.OrdinalIgnoreCase)
                || name.Equals(Timestamp, StringComparison.OrdinalIgnoreCase)
            )
            {
                describeEvent |= CloudEventHeaders.IsAttribute(name);
                continue;
            }
            if (
                !name.StartsWith(HeaderPrefix, StringComparison.OrdinalIgnoreCase)
                || name.Length == HeaderPrefix.Length
            )
            {
                problem = Problems.InvalidRequest(
                    "invalid_header",
                    $"\"{Excerpt.Of(name)}\" is not a header of records. "
                        + $"Supported: {Key}, {Timestamp}, {HeaderPrefix}<name>."
                );
                return false;
            }
            hasOwn = true;
            foreach (var value in values)
                (recordHeaders ??= []).Add(new(name[HeaderPrefix.Length..], value ?? ""));
        }
        if (bodyType.IgnoresRecordHeaders && (keys.Count > 0 || timestamps.Count > 0 || hasOwn))
            problem = Problems.InvalidRequest(
                "invalid_header",
                $"{Key}, {Timestamp} and {HeaderPrefix}* need a body of a single record, and this body can have many."
            );
        else if (keys.Count > 1)
            problem = Problems.InvalidRequest(
                "invalid_key",
                $"{Key} is given {keys.Count} times. A record has one key."
            );
        else if (timestamps.Count > 0 && (timestampMs = ParseTimestamp(timestamps, latestTimestampMs)) is null)
            problem = Problems.InvalidRequest(
                "invalid_timestamp",
                $"{Timestamp} is \"{Excerpt.Of(timestamps.ToString())}\"; "
                    + "it must be Unix milliseconds, or a time such as 2026-11-22T10:00:00Z, at most an hour ahead."
            );
        if (problem is not null)
            return false;
        metadata = new RecordMetadata
        {
            Key = keys.Count == 1 ? keys[0] : null,
            Headers = recordHeaders,
            TimestampMs = timestampMs,
        };
        return true;
    }

    /// <summary>Parses Unix milliseconds or an ISO time. Null if it is neither, or too late.</summary>
    public static long? ParseTimestamp(string? text, long latestTimestampMs)
    {
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var timestampMs))
        {
            if (!TimeText.TryParse(text, out timestampMs))
                return null;
        }
        return timestampMs >= 0 && timestampMs <= latestTimestampMs ? timestampMs : null;
    }
}
