using LogHttp.AspNetCore.Settings;

namespace LogHttp.AspNetCore.Contract;

/// <summary>The values of <c>Cache-Control</c> (api/PROTOCOL.md §6).</summary>
internal static class CachePolicy
{
    public const string NoStore = "no-store";

    // A shared copy does no harm: its records stay true, and a client that follows Link misses nothing. It is as if all
    // clients had asked when the first one did. Without it, a cache forwards polls of one position one after the other,
    // or all at once. It lives for seconds and not a year, because a later client gets a larger page. A browser's own
    // cache keeps nothing, because no other client uses it.
    public const string Shared = "public, max-age=0, s-maxage=5";

    /// <summary>
    /// Whether a response at a permanent URL may be given to other clients that send the same request.
    /// </summary>
    public static bool IsShared(HttpContext context, LogHttpSettings settings) =>
        settings.CacheMaxAge > TimeSpan.Zero && !IsAuthenticated(context.Request);

    /// <summary>Whether a request names its user. Then only that user's own cache may keep the response.</summary>
    public static bool IsAuthenticated(HttpRequest request) =>
        request.Headers.Authorization.Count > 0 || request.HttpContext.User.Identity is { IsAuthenticated: true };
}
