namespace LogHttp.AspNetCore.Contract;

/// <summary>What every answer tells browsers: take types as they are said, load nothing, be framed by nobody.</summary>
internal static class SecurityHeaders
{
    const string Policy = "default-src 'none'; frame-ancestors 'none'";

    public static void Apply(IHeaderDictionary headers)
    {
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = Policy;
    }

    /// <summary>
    /// What comes from strangers runs no script and reads nothing of this site, and other sites can't take it for an
    /// image or a script of theirs.
    /// </summary>
    public static void ApplySandbox(IHeaderDictionary headers)
    {
        headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }
}
