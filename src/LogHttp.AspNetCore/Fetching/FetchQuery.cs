using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>The query of a fetch, except the partition (<see cref="LogAddress"/>).</summary>
/// <param name="MaxBytes">The requested page size.</param>
/// <param name="Key">The key that records must have.</param>
/// <param name="ShowsValues">Whether only the values are wanted.</param>
/// <param name="Wait">How long to wait for records if there are none. Null means not at all.</param>
/// <param name="MinBytes">The number of available bytes that ends the wait.</param>
/// <param name="Cursor">Numbers the long polls at one position, as in <c>Link</c>.</param>
/// <param name="Follows">Whether the response does not end.</param>
/// <param name="Search">
/// The offset at which the search for a key continues in each partition, as in <c>Link</c>. The place counts for the
/// partition that the request names. Null at the start, or without a search.
/// </param>
/// <param name="Bounds">Where the read ends, or null.</param>
internal readonly record struct FetchQuery(
    long? MaxBytes,
    RecordKey? Key,
    bool ShowsValues,
    TimeSpan? Wait,
    long MinBytes,
    long Cursor,
    bool Follows,
    IReadOnlyList<long>? Search,
    FetchBounds? Bounds
)
{
    /// <summary>
    /// The most bytes that one request for a key searches, unless it names another number. A disk reads as much in a
    /// fraction of a second.
    /// </summary>
    static readonly PageSize ScanSize = PageSize.AtMost(16 << 20);

    /// <summary>Allows any Unix second, and the number after it.</summary>
    const long MaxCursor = 1L << 53;

    /// <summary>Whether the link to the next page has no parameter of this query but <c>maxBytes</c>.</summary>
    public bool IsPlain => Key is null && !ShowsValues && Wait is null && MinBytes == 1 && Bounds is null;

    public PageSize PageSize =>
        MaxBytes is { } maxBytes ? PageSize.AtMost(maxBytes)
        : Key is null ? PageSize.Default
        : ScanSize;

    /// <summary>The bounds of the page. Those of a search for a key do not count records.</summary>
    public ReadBounds? PageBounds => Key is null ? Bounds?.OfPage : Bounds?.OfSearch;

    public static bool TryRead(
        HttpRequest request,
        TimeSpan maxWait,
        TimeProvider clock,
        out FetchQuery read,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        read = default;
        var query = request.Parameters();
        if (
            !query.HasOnly(
                [QueryNames.Partition, QueryNames.TopicId, "maxBytes"],
                [
                    QueryNames.Limit,
                    QueryNames.Until,
                    "key",
                    "keyBase64",
                    "view",
                    "wait",
                    "minBytes",
                    "cursor",
                    "follow",
                    "search",
                    QueryNames.LastEventId,
                ],
                out var hasOthers,
                out problem
            ) || !query.TryReadNumber("maxBytes", 1, long.MaxValue, out var maxBytes, out problem)
        )
            return false;
        if (!hasOthers)
        {
            read = new(
                maxBytes,
                Key: null,
                ShowsValues: false,
                Wait: null,
                MinBytes: 1,
                Cursor: 0,
                Follows: false,
                Search: null,
                Bounds: null
            );
            return true;
        }
        if (
            !TryReadKey(request, out var key, out problem)
            || !query.TryReadFlag("view", "values", out var showsValues, out problem)
            || !query.TryReadFlag("follow", "true", out var follows, out problem)
            || !query.TryReadNumber("minBytes", 1, PageSize.LargestBytes, out var minBytes, out problem)
            || !query.TryReadNumber("cursor", 0, MaxCursor, out var cursor, out problem)
            || !TryReadWait(query, maxWait, out var wait, out problem)
            || !TryReadSearch(query, out var search, out problem)
            || !FetchBounds.TryRead(query, clock, out var bounds, out problem)
        )
            return false;
        read = new(maxBytes, key, showsValues, wait, minBytes ?? 1, cursor ?? 0, follows, search, bounds);
        if (minBytes is not null && wait is null)
            problem = Problems.InvalidRequest("invalid_parameter", "minBytes needs wait, such as wait=30s.");
        else if (cursor is not null && wait is null)
            problem = Problems.InvalidRequest("invalid_parameter", "cursor needs wait, such as wait=30s.");
        else if (follows && (key is not null || showsValues || wait is not null))
            problem = Problems.InvalidRequest(
                "invalid_parameter",
                "follow=true sends all records as they come, so it can't be combined with key, view or wait."
            );
        return problem is null;
    }

    /// <summary>
    /// The reference to continue with after a response without records. That of a long poll must differ from the one
    /// just requested, or a cache that collapses polls would serve the same response again. All clients that got the
    /// response continue at one URL.
    /// </summary>
    public string NextPollReference(in LogAddress address, long offset, DateTimeOffset now)
    {
        var url = NextReference(address, offset);
        // After the largest accepted cursor, a new one begins.
        var cursor = Cursor < MaxCursor ? Math.Max(now.ToUnixTimeSeconds(), Cursor + 1) : now.ToUnixTimeSeconds();
        return Wait is null ? url : string.Create(CultureInfo.InvariantCulture, $"{url}&cursor={cursor}");
    }

    /// <summary>The next page, as a reference that replaces the last segment of this page's path.</summary>
    public string NextReference(in LogAddress address, long offset)
    {
        var url = string.Create(
            CultureInfo.InvariantCulture,
            $"{offset}?partition={address.Partition.Number}&v={address.Topic.Id}"
        );
        if (MaxBytes is { } maxBytes)
            url = string.Create(CultureInfo.InvariantCulture, $"{url}&maxBytes={maxBytes}");
        if (Wait is { } wait)
            url = string.Create(CultureInfo.InvariantCulture, $"{url}&wait={wait.TotalMilliseconds}ms");
        if (MinBytes > 1)
            url = string.Create(CultureInfo.InvariantCulture, $"{url}&minBytes={MinBytes}");
        if (Bounds is not null)
            url += Bounds.NextParameters;
        if (ShowsValues)
            url += "&view=values";
        if (Key is not null)
            url += Key.IsText
                ? $"&key={Uri.EscapeDataString(Key.ToString())}"
                : $"&keyBase64={Uri.EscapeDataString(Convert.ToBase64String(Key.Bytes.Span))}";
        if (Search is not null)
            url += $"&search={string.Join('.', Search)}";
        return url;
    }

    /// <summary>Reads <c>43.7.0</c>.</summary>
    static bool TryReadSearch(
        QueryParameters query,
        out IReadOnlyList<long>? search,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        search = null;
        if (!query.TryReadText("search", out var text, out problem) || text is null)
            return problem is null;
        // Counted first, so that nothing is allocated for a text that a client made up.
        if (text.AsSpan().Count('.') < TopicConfiguration.MaxPartitions)
        {
            var offsets = new List<long>();
            foreach (var part in text.Split('.'))
            {
                if (!long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var offset))
                    break;
                offsets.Add(offset);
            }
            if (offsets.Count == text.AsSpan().Count('.') + 1)
            {
                search = offsets;
                return true;
            }
        }
        problem = Problems.InvalidRequest(
            "invalid_parameter",
            $"search is \"{Excerpt.Of(text)}\"; it must be the offset of each partition, with dots between, as in Link."
        );
        return false;
    }

    static bool TryReadWait(
        QueryParameters query,
        TimeSpan maxWait,
        out TimeSpan? wait,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        wait = null;
        if (!query.TryReadText("wait", out var text, out problem))
            return false;
        if (text is null)
            return true;
        if (DurationText.TryParse(text, out var parsed) && parsed <= maxWait)
            wait = parsed;
        else
            problem = Problems.InvalidRequest(
                "invalid_parameter",
                $"wait is \"{Excerpt.Of(text)}\"; it must be a time from 0 to {DurationText.Format(maxWait)} "
                    + "(MaxWait) such as \"500ms\" or \"30s\"."
            );
        return problem is null;
    }

    static bool TryReadKey(HttpRequest request, out RecordKey? key, [NotNullWhen(false)] out Problem? problem)
    {
        key = null;
        var query = request.Parameters();
        if (
            !query.TryReadText("key", out var text, out problem)
            || !query.TryReadText("keyBase64", out var base64, out problem)
        )
            return false;
        if (text is not null && base64 is not null)
            problem = Problems.InvalidRequest("invalid_parameter", "key and keyBase64 both give the key. Send one.");
        else if (text is not null)
        {
            key = RecordKey.Of(request.Parameters().DecodedBytes("key"));
            if (!key.IsText)
                problem = Problems.InvalidRequest(
                    "invalid_parameter",
                    "key is not UTF-8 once decoded. Send bytes as keyBase64."
                );
        }
        else if (base64 is not null)
        {
            // A plus that was not escaped arrives as a space.
            var bytes = new byte[base64.Length];
            if (Convert.TryFromBase64String(base64.Replace(' ', '+'), bytes, out var length))
                key = RecordKey.Of(bytes.AsSpan(0, length));
            else
                problem = Problems.InvalidRequest(
                    "invalid_parameter",
                    $"keyBase64 is \"{Excerpt.Of(base64)}\", which is not Base64."
                );
        }
        return problem is null;
    }
}
