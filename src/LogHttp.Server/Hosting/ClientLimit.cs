using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using LogHttp.Server.Endpoints;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Options;

namespace LogHttp.Server.Hosting;

/// <summary>
/// How many requests a client may send: a bucket of tokens for each address, an IPv6 network of 64 bits counting as one. Off
/// unless a setting says how many, and then not in the way of any request (api/PROTOCOL.md §9).
/// </summary>
internal static class ClientLimit
{
    /// <summary>How often tokens come back; so a refused client need not wait longer than this for one, and is told a second.</summary>
    static readonly TimeSpan ReplenishmentPeriod = TimeSpan.FromSeconds(1);

    const int NetworkBytesOfIPv6 = 8;

    public static void AddClientLimit(this IServiceCollection services)
    {
        services.AddOptions<ForwardedHeadersOptions>().Configure<IOptions<LogHttpSettings>>(static (forwarded, settings) =>
        {
            forwarded.ForwardedHeaders = ForwardedHeaders.XForwardedFor;
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            foreach (var proxy in settings.Value.TrustedProxyList)
                forwarded.KnownProxies.Add(proxy);
        });
        services.AddRateLimiter(static _ => { });
        services.AddOptions<Microsoft.AspNetCore.RateLimiting.RateLimiterOptions>().Configure<IOptions<LogHttpSettings>>(static (limiter, settings) =>
        {
            var perSecond = settings.Value.MaxClientRequestsPerSecond;
            limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, IPAddress>(context => RateLimitPartition.GetTokenBucketLimiter(ClientOf(context), _ => new TokenBucketRateLimiterOptions
            {
                TokenLimit = Math.Max(1, Math.Max(perSecond, settings.Value.MaxClientBurst)),
                TokensPerPeriod = Math.Max(1, perSecond),
                ReplenishmentPeriod = ReplenishmentPeriod,
            }));
            limiter.OnRejected = (context, _) => new(Problems.TooManyRequests(perSecond).ExecuteAsync(context.HttpContext));
        });
    }

    public static void UseClientLimit(this WebApplication app)
    {
        var settings = app.Services.GetRequiredService<IOptions<LogHttpSettings>>().Value;
        if (settings.TrustedProxyList.Length > 0)
            app.UseForwardedHeaders();
        if (settings.MaxClientRequestsPerSecond > 0)
            app.UseRateLimiter();
    }

    /// <summary>Whose request it is: a subscriber of IPv6 has a whole network of addresses.</summary>
    static IPAddress ClientOf(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress ?? IPAddress.None;
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(NetworkBytesOfIPv6).Clear();
        return new IPAddress(bytes);
    }
}
