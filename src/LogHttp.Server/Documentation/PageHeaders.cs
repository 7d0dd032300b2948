namespace LogHttp.Server.Documentation;

/// <summary>The security headers of the API's page.</summary>
internal static class PageHeaders
{
    /// <summary>The pages at /swagger bring their own scripts and styles, and connect to this server alone.</summary>
    public static void Apply(IHeaderDictionary headers) =>
        headers.ContentSecurityPolicy =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}
