using System.Net;
using LogHttp.AspNetCore.Contract;
using Microsoft.Net.Http.Headers;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Refuses requests that pages of other web sites send through a browser on this machine or network. Such pages may not
/// write, and may read only if a setting allows it. They may not use a name of their own that points here
/// (api/PROTOCOL.md §8). Any thread.
/// </summary>
internal sealed class SiteGuard(ServerSettings settings, HostNames hosts)
{
    /// <summary>Whether pages of some other sites may read.</summary>
    public bool AllowsOrigins { get; } = settings.AllowedOrigins.Length + settings.AllowedWriteOrigins.Length > 0;

    /// <summary>Says why a request is refused, or null.</summary>
    public Problem? Check(HttpContext context)
    {
        var request = context.Request;
        VaryByOrigin(context.Response);
        if (!hosts.Accepts(request.Host) && !MayNameAnyHost(context))
            return Problems.InvalidHost(request.Host, hosts.ToString());
        if (
            HttpMethods.IsGet(request.Method)
            || HttpMethods.IsHead(request.Method)
            || HttpMethods.IsOptions(request.Method)
        )
            return null;
        // The browser's own finding comes first: behind a proxy, the origin has a scheme that is not known here.
        var (site, origin) = (request.Headers["Sec-Fetch-Site"], request.Headers.Origin.ToString());
        if (site is ["same-origin" or "none"] || MayWrite(origin))
            return null;
        if (site.Count == 0 && (origin.Length == 0 || IsOwn(origin, request.Host)))
            return null;
        return Problems.CrossSite(origin.Length > 0 ? origin : "by Sec-Fetch-Site");
    }

    /// <summary>Whether pages of an origin may write here.</summary>
    public bool MayWrite(string origin) => origin.Length > 0 && Names(settings.AllowedWriteOrigins, origin);

    static bool Names(string[] origins, string origin) =>
        origins.Contains("*") || origins.Contains(origin, StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Whether a request may come under any name. A browser gives a rebound page no credentials of this server, so a
    /// valid identity shows that the request comes from no such page. Probes of load balancers send no Host, and learn
    /// nothing from /healthz.
    /// </summary>
    static bool MayNameAnyHost(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<AnyHost>() is not null
        || context.User.Identity is { IsAuthenticated: true };

    /// <summary>If some sites may read, a response depends on the origin, also for requests without one.</summary>
    void VaryByOrigin(HttpResponse response)
    {
        if (!AllowsOrigins)
            return;
        // At the start of the response, because the CORS middleware also sets Vary for some. On one line, because nginx
        // before 1.23 reads only the last.
        response.OnStarting(
            static state =>
            {
                var headers = ((HttpResponse)state).Headers;
                headers.Vary = string.Join(", ", headers.Vary.Append(HeaderNames.Origin).Distinct());
                return Task.CompletedTask;
            },
            response
        );
    }

    /// <summary>
    /// Whether a page came from here. The scheme need not be this listener's, since a proxy may have ended the TLS. An
    /// origin has no user (RFC 6454 §4).
    /// </summary>
    static bool IsOwn(string origin, HostString host) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
        && !origin.Contains('@', StringComparison.Ordinal)
        && uri.Host.Equals(host.Host, StringComparison.OrdinalIgnoreCase)
        && (host.Port is { } port ? port == uri.Port : uri.IsDefaultPort);
}

/// <summary>Tells the operator where the server listens.</summary>
internal static partial class ListeningAddresses
{
    /// <summary>Whether other machines reach an address.</summary>
    public static bool IsExposed(string address)
    {
        var binding = BindingAddress.Parse(address);
        // The file's permissions restrict the clients that can connect.
        if (binding.IsUnixPipe || binding.IsNamedPipe)
            return false;
        var isLoopback =
            binding.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(binding.Host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));
        return !isLoopback;
    }

    [LoggerMessage(
        2,
        LogLevel.Warning,
        "LISTENING BEYOND THIS MACHINE, on {Addresses}: whoever reaches it can read, append and delete; there "
            + "are no users and no passwords. Listen on 127.0.0.1, or put a proxy that authenticates in front, and "
            + "name your hosts in AllowedHosts"
    )]
    public static partial void Exposed(ILogger logger, string addresses);
}
