using System.Net;
using System.Threading.RateLimiting;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Limits;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Options;

namespace LogHttp.Server.Hosting;

/// <summary>
/// How many requests a client may send: a bucket of tokens for each address, an IPv6 network of 64 bits counting as
/// one. Off unless a setting says how many, and then not in the way of any request (api/PROTOCOL.md §9).
/// </summary>
internal static class ClientLimit
{
    /// <summary>
    /// How often tokens come back; so a refused client need not wait longer than this for one, and is told a second.
    /// </summary>
    static readonly TimeSpan ReplenishmentPeriod = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Clients are counted in so many buckets, so that no number of them takes memory: a table by address took 277 MB
    /// for a million.
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

    /// <summary>Has requests that come by way of a trusted proxy count as their client's.</summary>
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
        // The hash is another in each process: nobody can find out beforehand with whom they share.
        return PartitionedRateLimiter.Create<T, int>(request =>
            RateLimitPartition.GetTokenBucketLimiter(
                HashCode.Combine(ClientAddress.NetworkOf(addressOf(request))) & (Buckets - 1),
                _ => bucket
            )
        );
    }
}
