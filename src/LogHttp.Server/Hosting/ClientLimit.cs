using System.Net;
using System.Threading.RateLimiting;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Limits;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Options;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Limits the requests of each client by a token bucket per address. An IPv6 network of 64 bits counts as one address.
/// Off by default, and then no request passes through it (api/PROTOCOL.md §9).
/// </summary>
internal static class ClientLimit
{
    /// <summary>
    /// How often tokens are added. A refused client need not wait longer for one, so its Retry-After is a second.
    /// </summary>
    static readonly TimeSpan ReplenishmentPeriod = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The number of buckets that clients are counted in. It bounds the memory: a table by address took 277 MB for a
    /// million clients.
    /// </summary>
    internal const int Buckets = 1 << 16;

    public static void AddClientLimit(this IServiceCollection services)
    {
        services
            .AddOptions<ForwardedHeadersOptions>()
            .Configure<IOptions<ServerSettings>>(
                static (forwarded, settings) =>
                {
                    forwarded.ForwardedHeaders = ForwardedHeaders.XForwardedFor;
                    forwarded.KnownProxies.Clear();
                    forwarded.KnownIPNetworks.Clear();
                    foreach (var proxy in settings.Value.TrustedProxyList)
                        forwarded.KnownProxies.Add(proxy);
                }
            );
        services.AddRateLimiter(static _ => { });
        services
            .AddOptions<Microsoft.AspNetCore.RateLimiting.RateLimiterOptions>()
            .Configure<IOptions<ServerSettings>>(
                static (limiter, settings) =>
                {
                    var perSecond = settings.Value.MaxClientRequestsPerSecond;
                    limiter.GlobalLimiter = CreateLimiter<HttpContext>(
                        settings.Value,
                        static context => context.Connection.RemoteIpAddress
                    );
                    limiter.OnRejected = (context, _) =>
                        new(Problems.TooManyRequests(perSecond).ExecuteAsync(context.HttpContext));
                }
            );
    }

    /// <summary>Counts requests that come by way of a trusted proxy as their client's.</summary>
    public static void UseTrustedProxies(this WebApplication app)
    {
        if (app.Services.GetRequiredService<IOptions<ServerSettings>>().Value.TrustedProxyList.Length > 0)
            app.UseForwardedHeaders();
    }

    public static void UseClientLimit(this WebApplication app)
    {
        if (app.Services.GetRequiredService<IOptions<ServerSettings>>().Value.MaxClientRequestsPerSecond > 0)
            app.UseRateLimiter();
    }

    internal static PartitionedRateLimiter<T> CreateLimiter<T>(ServerSettings settings, Func<T, IPAddress?> addressOf)
    {
        var perSecond = Math.Max(1, settings.MaxClientRequestsPerSecond);
        var bucket = new TokenBucketRateLimiterOptions
        {
            TokenLimit = Math.Max(perSecond, settings.MaxClientBurst),
            TokensPerPeriod = perSecond,
            ReplenishmentPeriod = ReplenishmentPeriod,
        };
        // The hash differs in each process, so that nobody can find out beforehand which clients share a bucket.
        return PartitionedRateLimiter.Create<T, int>(request =>
            RateLimitPartition.GetTokenBucketLimiter(
                HashCode.Combine(ClientAddress.NetworkOf(addressOf(request))) & (Buckets - 1),
                _ => bucket
            )
        );
    }
}
