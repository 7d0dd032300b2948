using System.Globalization;
using LogHttp.Server.Hosting;
using LogHttp.Storage;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace LogHttp.Server.Fetching;

/// <summary>
/// Who may keep an answer, and for how long (api/PROTOCOL.md §6): a page that can never change for a year, one that can
/// grow after asking again, what moves with the log not at all.
/// </summary>
internal static class Caching
{
    public const string NoStore = "no-store";
    const string AskAgain = "no-cache";

    /// <summary>Writes the headers of a page, and says whether the client has it already.</summary>
    public static bool WriteHeaders(HttpContext context, LogAddress address, FetchResult page, string tag, LogHttpSettings settings)
    {
        var headers = context.Response.Headers;
        if (!address.Place.IsNumeric)
        {
            headers.CacheControl = NoStore;
            return false;
        }
        headers.CacheControl = page.IsFinal && address.IsPermanent && settings.CacheMaxAgeSeconds > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{(IsAuthenticated(context.Request) ? "private" : "public")}, max-age={settings.CacheMaxAgeSeconds}, immutable")
            : AskAgain;
        // After a power cut other records may stand there, under the same offsets.
        if (!page.IsDurable)
            return false;
        var etag = string.Create(CultureInfo.InvariantCulture, $"\"{address.Topic.Id}.{page.FirstOffset}.{page.NextOffset}{tag}\"");
        headers.ETag = etag;
        return context.Request.Headers.IfNoneMatch.Count > 0 && Matches(context.Request.Headers.IfNoneMatch, etag);
    }

    static bool Matches(StringValues given, string etag) =>
        EntityTagHeaderValue.TryParseList([.. given.OfType<string>()], out var tags)
        // Weak comparison, as RFC 9110 §13.1.2 has it: a proxy may have made the tag a weak one.
        && tags.Any(tag => tag == EntityTagHeaderValue.Any || tag.Tag == etag);

    static bool IsAuthenticated(HttpRequest request) => request.Headers.Authorization.Count > 0 || request.HttpContext.User.Identity is { IsAuthenticated: true };
}
