using System.Globalization;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Reading;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>
/// The texts of a page's headers that depend only on the page. A page that never changes keeps them, so that its next
/// readers need not format them again: they are a third of the bytes that a small fetch allocates. Any thread.
/// </summary>
internal sealed class PageHeaders
{
    readonly long? _maxBytes;

    PageHeaders(in LogAddress address, in FetchQuery query, FetchResult page)
    {
        (FirstOffset, NextOffset) = (Text(page.FirstOffset), Text(page.NextOffset));
        EntityTag = EntityTagOf(address, page, tag: "");
        _maxBytes = query.MaxBytes;
        Link = LinkTo(query.NextReference(address, page.NextOffset), prefix: "");
    }

    public string FirstOffset { get; }

    public string NextOffset { get; }

    /// <summary>The <c>ETag</c> of the records as they are stored.</summary>
    public string EntityTag { get; }

    string Link { get; }

    /// <summary>Returns the texts that an earlier reader of the page left, or formats them.</summary>
    public static PageHeaders Of(in LogAddress address, in FetchQuery query, FetchResult page)
    {
        if (page.Companion is PageHeaders kept && query.IsPlain && kept._maxBytes == query.MaxBytes)
            return kept;
        var headers = new PageHeaders(address, query, page);
        if (query.IsPlain)
            page.Companion = headers;
        return headers;
    }

    /// <summary>The <c>Link</c> to the next page, relative to the request's path.</summary>
    public string LinkFor(HttpRequest request) =>
        RelativeReference.PrefixOf(request) is { Length: > 0 } prefix
            ? string.Concat("<", prefix, Link.AsSpan(1))
            : Link;

    /// <summary>The <c>ETag</c> of one form of a page.</summary>
    /// <param name="address">The page's partition.</param>
    /// <param name="page">The page.</param>
    /// <param name="tag">Tells the forms of a page apart.</param>
    public static string EntityTagOf(in LogAddress address, FetchResult page, string tag) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"\"{address.Topic.Id}.{page.FirstOffset}.{page.NextOffset}{tag}\""
        );

    /// <summary>A <c>Link</c> to a reference that replaces the last segment of the request's path.</summary>
    public static string LinkTo(string reference, string prefix) =>
        string.Concat("<", prefix, reference, ">; rel=\"next\"");

    public static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
