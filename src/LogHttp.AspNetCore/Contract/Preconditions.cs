using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace LogHttp.AspNetCore.Contract;

/// <summary>
/// The conditions of RFC 9110 §13.1 that are not evaluated elsewhere. On POST, <c>If-Match</c> is an offset
/// (api/PROTOCOL.md §11).
/// </summary>
internal static class Preconditions
{
    /// <summary>Whether <c>If-Match</c> holds for a page or value, compared strongly.</summary>
    /// <param name="request">The request.</param>
    /// <param name="etag">The tag of the response, or empty if it has none.</param>
    public static bool Match(HttpRequest request, string? etag)
    {
        var given = request.Headers.IfMatch;
        return given.Count == 0
            || (
                EntityTagHeaderValue.TryParseList([.. given.OfType<string>()], out var tags)
                && tags.Any(tag => tag == EntityTagHeaderValue.Any || (!tag.IsWeak && tag.Tag == etag))
            );
    }

    /// <summary>
    /// Whether the conditions hold for a topic. A topic has no tags, and <c>*</c> matches one that exists.
    /// </summary>
    public static bool MatchTopic(HttpRequest request, bool exists) =>
        IfMatchHolds(request, exists) && !(exists && RequiresAbsence(request));

    /// <summary>
    /// Evaluates the conditions of a GET or HEAD whose response has no tag. Returns null if they hold, else 412 or 304.
    /// </summary>
    public static IResult? CheckUntagged(HttpContext context)
    {
        if (!IfMatchHolds(context.Request, exists: true))
            return Problems.UntaggedConditionFailed();
        if (!RequiresAbsence(context.Request))
            return null;
        context.Response.Headers.CacheControl = CachePolicy.NoStore;
        return TypedResults.StatusCode(StatusCodes.Status304NotModified);
    }

    static bool IfMatchHolds(HttpRequest request, bool exists) =>
        request.Headers.IfMatch is var match && (match.Count == 0 || (exists && IsAny(match)));

    /// <summary>Whether the request demands that nothing exists yet: <c>If-None-Match: *</c>.</summary>
    public static bool RequiresAbsence(HttpRequest request) =>
        request.Headers.IfNoneMatch is { Count: > 0 } tags && IsAny(tags);

    static bool IsAny(StringValues tags) => tags.ToString().Trim() == "*";
}
