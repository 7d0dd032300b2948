using System.Net;
using LogHttp.Server.Endpoints;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Keeps other web sites' pages out, which a browser on this machine or network would carry in: they may not write, and
/// may not come under a name of their own that points here (api/PROTOCOL.md §8). Any thread.
/// </summary>
internal sealed class SiteGuard
{
    static readonly string[] LoopbackHosts = ["localhost", "127.0.0.1", "[::1]"];

    readonly LogHttpSettings _settings;

    // The last host that was answered: most requests name the same, and a look in the list is a good part of what they cost.
    volatile string? _lastAnswered;

    // Replaced once, when the server has begun to listen.
    volatile IList<StringSegment> _hosts;

    public SiteGuard(LogHttpSettings settings)
    {
        _settings = settings;
        _hosts = Segments(settings.AllowedHostList is [] ? LoopbackHosts : settings.AllowedHostList);
    }

    /// <summary>
    /// Where the settings name no hosts, whoever listens on loopback alone is asked for by loopback's names alone. Beyond
    /// that only the operator knows the names.
    /// </summary>
    public void Listens(bool onLoopbackOnly)
    {
        if (!onLoopbackOnly && _settings.AllowedHostList is [])
            _hosts = ["*"];
    }

    /// <summary>Says why a request is refused, or null.</summary>
    public Problem? Check(HttpContext context)
    {
        var request = context.Request;
        VaryByOrigin(context.Response);
        var hosts = _hosts;
        if (hosts[0] != "*" && !IsAnswered(request.Host, hosts))
            return Problems.InvalidRequest("invalid_host", $"This server is not \"{request.Host}\"; it answers for {string.Join(", ", hosts)} (allowedHosts).");
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method))
            return null;
        // What the browser itself found out comes first: behind a proxy, the origin has a scheme that is not known here.
        var (site, origin) = (request.Headers["Sec-Fetch-Site"], request.Headers.Origin.ToString());
        if (site is ["same-origin" or "none"] || IsAllowed(origin))
            return null;
        if (site.Count == 0 && (origin.Length == 0 || IsOwn(origin, request)))
            return null;
        return Problems.CrossSite($"A page of another site ({(origin.Length > 0 ? origin : "by Sec-Fetch-Site")}) may not write here, unless allowedOrigins names it.");
    }

    static StringSegment[] Segments(IEnumerable<string> hosts) => [.. hosts.Select(static host => new StringSegment(host))];

    bool IsAnswered(HostString host, IList<StringSegment> hosts)
    {
        if (host.Value is { } value && value == _lastAnswered)
            return true;
        if (host.Host is not { Length: > 0 } name || !HostString.MatchesAny(name, hosts))
            return false;
        _lastAnswered = host.Value;
        return true;
    }

    /// <summary>Whether pages of some other sites are let in.</summary>
    public bool AllowsOrigins => _settings.AllowedOriginList.Length > 0;

    /// <summary>Where some sites may read, an answer to one is not one for another, nor for no site at all.</summary>
    void VaryByOrigin(HttpResponse response)
    {
        if (!AllowsOrigins)
            return;
        // Late: the CORS middleware says it too, for some answers. On one line: nginx before 1.23 reads only the last.
        response.OnStarting(static state =>
        {
            var headers = ((HttpResponse)state).Headers;
            headers.Vary = string.Join(", ", headers.Vary.Append(HeaderNames.Origin).Distinct());
            return Task.CompletedTask;
        }, response);
    }

    bool IsAllowed(string origin) => origin.Length > 0 && (_settings.AllowedOriginList.Contains("*") || _settings.AllowedOriginList.Contains(origin, StringComparer.OrdinalIgnoreCase));

    static bool IsOwn(string origin, HttpRequest request) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri) && string.Equals(uri.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase);
}

/// <summary>Tells the guard, and the operator, where the server listens.</summary>
internal static partial class ListeningAddresses
{
    public static bool AreLoopbackOnly(IEnumerable<string> addresses) => addresses.All(static address =>
    {
        var binding = BindingAddress.Parse(address);
        var host = binding.Host;
        // Nobody reaches a Unix socket or a named pipe over a network, and the file's permissions say who may.
        return binding.IsUnixPipe || binding.IsNamedPipe || host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));
    });

    [LoggerMessage(2, LogLevel.Warning, "LISTENING BEYOND THIS MACHINE, on {Addresses}: whoever reaches it can read, append and delete; there are no users and no passwords. Listen on 127.0.0.1, or put a proxy that authenticates in front, and name your hosts in AllowedHosts")]
    public static partial void Exposed(ILogger logger, string addresses);
}
