using LogHttp.AspNetCore.Settings;

namespace LogHttp.AspNetCore.Contract;

/// <summary>The values of <c>Cache-Control</c> (api/PROTOCOL.md §6).</summary>
internal static class CachePolicy
{
    public const string NoStore = "no-store";

    // What it holds stays true, and whoever follows Link misses nothing, so a copy does no harm: it is as if all had
    // asked when the first one did. Without it a cache passes polls of one place on one after the other, or all at
    // once. Seconds, and not a year: who comes later gets a larger page. Nothing in a browser's own cache, where nobody
    // shares it.
    public const string Shared = "public, max-age=0, s-maxage=5";

    /// <summary>
    /// Whether an answer at a URL that means the same for ever may be given to others who ask the same.
    /// </summary>
    public static bool IsShared(HttpContext context, LogHttpSettings settings) =>
        settings.CacheMaxAge > TimeSpan.Zero && !IsAuthenticated(context.Request);

    /// <summary>Whether a request names its user, so that only that user's own cache may keep the response.</summary>
    public static bool IsAuthenticated(HttpRequest request) =>
        request.Headers.Authorization.Count > 0 || request.HttpContext.User.Identity is { IsAuthenticated: true };
}
