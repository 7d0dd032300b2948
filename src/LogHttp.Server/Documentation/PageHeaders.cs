namespace LogHttp.Server.Documentation;

/// <summary>What the responses of the API's page tell browsers.</summary>
internal static class PageHeaders
{
    /// <summary>The pages at /swagger bring their scripts and styles along, and talk to this server alone.</summary>
    public static void Apply(IHeaderDictionary headers) =>
        headers.ContentSecurityPolicy =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}
