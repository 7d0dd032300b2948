using System.Diagnostics.CodeAnalysis;
using LogHttp.AspNetCore.Contract;
using Microsoft.Net.Http.Headers;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>The part of an immutable response that <c>Range</c> asks for (RFC 9110 §14).</summary>
/// <param name="First">The first byte, from 0 on.</param>
/// <param name="LengthBytes">The number of bytes.</param>
internal readonly record struct ByteRange(long First, long LengthBytes)
{
    const string Unit = "bytes";

    /// <summary>
    /// Reads <c>Range</c> and <c>If-Range</c>, and writes the status and headers. Without a range, or with several,
    /// selects the whole response.
    /// </summary>
    public static bool TrySelect(
        HttpContext context,
        long lengthBytes,
        out ByteRange range,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        (range, problem) = (new(0, lengthBytes), null);
        var (request, headers) = (context.Request, context.Response.Headers);
        headers.AcceptRanges = Unit;
        if (
            request.Headers.Range.Count == 0
            || !HttpMethods.IsGet(request.Method)
            || !IsCurrent(request, headers.ETag.ToString())
            || !RangeHeaderValue.TryParse(request.Headers.Range.ToString(), out var given)
            || !given.Unit.Equals(Unit, StringComparison.OrdinalIgnoreCase)
            || given.Ranges.Count != 1
        )
            return true;
        if (Resolve(given.Ranges.First(), lengthBytes) is not { } resolved)
        {
            headers.ContentRange = new ContentRangeHeaderValue(lengthBytes).ToString();
            problem = Problems.RangeNotSatisfiable(request.Headers.Range.ToString(), lengthBytes);
            return false;
        }
        range = resolved;
        context.Response.StatusCode = StatusCodes.Status206PartialContent;
        headers.ContentRange = new ContentRangeHeaderValue(
            range.First,
            range.First + range.LengthBytes - 1,
            lengthBytes
        ).ToString();
        return true;
    }

    /// <summary>Returns null for a range that begins behind the end, or is empty.</summary>
    static ByteRange? Resolve(RangeItemHeaderValue item, long lengthBytes)
    {
        var first = item.From ?? Math.Max(0, lengthBytes - item.To!.Value);
        var last = item.From is null ? lengthBytes - 1 : Math.Min(item.To ?? long.MaxValue, lengthBytes - 1);
        return first <= last ? new(first, last - first + 1) : null;
    }

    /// <summary>
    /// Whether <c>If-Range</c> allows a part. Its tag is compared strongly. Responses have no date to compare.
    /// </summary>
    static bool IsCurrent(HttpRequest request, string etag) =>
        request.Headers.IfRange.Count == 0
        || (
            RangeConditionHeaderValue.TryParse(request.Headers.IfRange.ToString(), out var condition)
            && condition.EntityTag is { IsWeak: false } tag
            && tag.Tag == etag
        );
}
