using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text;
using LogHttp.Server.Endpoints;
using LogHttp.Storage;
using LogHttp.Storage.Records;
using Microsoft.AspNetCore.WebUtilities;

namespace LogHttp.Server.Fetching;

/// <summary>What a fetch's query says, but for the partition (<see cref="LogAddress"/>).</summary>
/// <param name="MaxBytes">The page size asked for.</param>
/// <param name="Key">The key that records must have.</param>
/// <param name="ShowsValues">Whether only the values are wanted.</param>
internal sealed record FetchQuery(long? MaxBytes, RecordKey? Key, bool ShowsValues)
{
    /// <summary>How much one request for a key looks through, unless it says otherwise: what the disk gives in a fraction of a second.</summary>
    static readonly PageSize ScanSize = PageSize.AtMost(16 << 20);

    public PageSize PageSize => MaxBytes is { } maxBytes ? PageSize.AtMost(maxBytes) : Key is null ? PageSize.Default : ScanSize;

    public static bool TryRead(HttpRequest request, [NotNullWhen(true)] out FetchQuery? read, [NotNullWhen(false)] out Problem? problem)
    {
        read = null;
        var query = request.Query;
        if (!query.HasOnly(["partition", "maxBytes", "key", "keyBase64", "view", "v"], out problem)
            || !query.TryReadNumber("maxBytes", 1, long.MaxValue, out var maxBytes, out problem)
            || !TryReadKey(request, out var key, out problem)
            || !query.TryReadFlag("view", "values", out var showsValues, out problem))
            return false;
        read = new(maxBytes, key, showsValues);
        return true;
    }

    /// <summary>The URL of the page that follows.</summary>
    public string NextUrl(LogAddress address, long offset)
    {
        var url = string.Create(CultureInfo.InvariantCulture, $"/topics/{address.Topic.Name}/{offset}?partition={address.Partition.Number}&v={address.Topic.Id}");
        if (MaxBytes is { } maxBytes)
            url = string.Create(CultureInfo.InvariantCulture, $"{url}&maxBytes={maxBytes}");
        if (ShowsValues)
            url += "&view=values";
        if (Key is not null)
            url += Key.IsText ? $"&key={Uri.EscapeDataString(Key.ToString())}" : $"&keyBase64={Uri.EscapeDataString(Convert.ToBase64String(Key.Bytes.Span))}";
        return url;
    }

    static byte[] DecodedBytes(QueryString query, string name)
    {
        foreach (var pair in new QueryStringEnumerable(query.Value))
        {
            if (pair.DecodeName().Span.Equals(name, StringComparison.OrdinalIgnoreCase))
                return WebUtility.UrlDecodeToBytes(Encoding.UTF8.GetBytes(pair.EncodedValue.ToString()), 0, Encoding.UTF8.GetByteCount(pair.EncodedValue.Span)) ?? [];
        }
        return [];
    }

    static bool TryReadKey(HttpRequest request, out RecordKey? key, [NotNullWhen(false)] out Problem? problem)
    {
        key = null;
        var query = request.Query;
        if (!query.TryReadText("key", out var text, out problem) || !query.TryReadText("keyBase64", out var base64, out problem))
            return false;
        if (text is not null && base64 is not null)
            problem = Problems.InvalidRequest("invalid_parameter", "key and keyBase64 are two ways to say one thing; give one.");
        else if (text is not null)
        {
            // The framework leaves what is not UTF-8 as it was written, "%FF", which is another key.
            key = RecordKey.Of(DecodedBytes(request.QueryString, "key"));
            if (!key.IsText)
                problem = Problems.InvalidRequest("invalid_parameter", "key is not UTF-8 once decoded; bytes go into keyBase64.");
        }
        else if (base64 is not null)
        {
            // A plus that was not escaped arrives as a space.
            var bytes = new byte[base64.Length];
            if (Convert.TryFromBase64String(base64.Replace(' ', '+'), bytes, out var length))
                key = RecordKey.Of(bytes.AsSpan(0, length));
            else
                problem = Problems.InvalidRequest("invalid_parameter", $"keyBase64 is \"{base64}\", which is no Base64.");
        }
        return problem is null;
    }
}
