namespace LogHttp.AspNetCore.Contract;

/// <summary>
/// The headers that tell browsers how to treat each response: trust its type, load nothing, allow no frame.
/// </summary>
internal static class SecurityHeaders
{
    const string Policy = "default-src 'none'; frame-ancestors 'none'";

    public static void Apply(IHeaderDictionary headers)
    {
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = Policy;
    }

    /// <summary>
    /// Content from strangers runs no script and reads nothing of this site. Other sites can't load it as an image or a
    /// script of theirs.
    /// </summary>
    public static void ApplySandbox(IHeaderDictionary headers)
    {
        headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }
}
