namespace LogHttp.Benchmarks;

/// <summary>The link to the next page that every page has.</summary>
static class NextPage
{
    /// <summary>
    /// The path and query of the next page. The link is relative to the page's own address (api/PROTOCOL.md §1).
    /// </summary>
    public static string Of(HttpResponseMessage page)
    {
        var link = page.Headers.GetValues("Link").Single();
        var target = link[1..link.IndexOf('>', StringComparison.Ordinal)];
        return new Uri(page.RequestMessage!.RequestUri!, target).PathAndQuery;
    }
}
