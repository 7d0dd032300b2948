using System.Globalization;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Settings;
using LogHttp.Storage.Reading;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>
/// Decides which caches may keep a response, and for how long (api/PROTOCOL.md §6). A page that can never change is
/// kept for a year, and one that can grow is revalidated. A response that moves with the log is not kept. Clients with
/// the same long poll share its response.
/// </summary>
internal static class Caching
{
    const string Revalidate = "no-cache";

    /// <summary>Writes the headers of a page. Returns whether the client has the page already.</summary>
    public static bool WriteHeaders(
        HttpContext context,
        in LogAddress address,
        FetchResult page,
        string entityTag,
        bool waits,
        LogHttpSettings settings
    )
    {
        var headers = context.Response.Headers;
        if (!address.Place.IsNumeric)
        {
            headers.CacheControl = CachePolicy.NoStore;
            return Preconditions.RequiresAbsence(context.Request);
        }
        headers.CacheControl =
            page.IsFinal && address.IsPermanent && settings.CacheMaxAge > TimeSpan.Zero
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"{(CachePolicy.IsAuthenticated(context.Request) ? "private" : "public")}, "
                        + $"max-age={settings.CacheMaxAge.Ticks / TimeSpan.TicksPerSecond}, immutable"
                )
            : waits && address.IsPermanent && CachePolicy.IsShared(context, settings) ? CachePolicy.Shared
            : Revalidate;
        // After a power cut, other records may have the same offsets.
        if (!page.IsDurable)
            return Preconditions.RequiresAbsence(context.Request);
        headers.ETag = entityTag;
        return context.Request.Headers.IfNoneMatch.Count > 0 && Matches(context.Request.Headers.IfNoneMatch, entityTag);
    }

    /// <summary>Writes the headers of a response without records.</summary>
    public static void WriteEmptyHeaders(
        HttpContext context,
        in LogAddress address,
        bool waits,
        LogHttpSettings settings
    ) =>
        context.Response.Headers.CacheControl =
            waits && address.IsPermanent && CachePolicy.IsShared(context, settings)
                ? CachePolicy.Shared
                : CachePolicy.NoStore;

    static bool Matches(StringValues given, string etag) =>
        EntityTagHeaderValue.TryParseList([.. given.OfType<string>()], out var tags)
        // Weak comparison (RFC 9110 §13.1.2), because a proxy may have made the tag a weak one.
        && tags.Any(tag => tag == EntityTagHeaderValue.Any || tag.Tag == etag);
}
