using LogHttp.AspNetCore.Contract;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.Extensions.Options;

namespace LogHttp.Server.Hosting;

/// <summary>
/// The rights that CORS grants pages of other sites by their origin: reading, or reading and writing. Any thread.
/// </summary>
internal sealed class SitePolicies(IOptions<ServerSettings> settings, SiteGuard guard) : ICorsPolicyProvider
{
    /// <summary>The response headers that pages may read.</summary>
    static readonly string[] ExposedHeaders =
    [
        "Accept-Ranges",
        "Content-Range",
        "ETag",
        "Link",
        "Location",
        "Retry-After",
        LogHeaders.TopicId,
        LogHeaders.FirstOffset,
        LogHeaders.NextOffset,
        LogHeaders.EndOffset,
        LogHeaders.EarliestOffset,
        "Producer-Epoch",
        "Producer-Expected-Seq",
    ];

    readonly CorsPolicy _reading = Policy(settings.Value.AllowedOrigins)
        .WithMethods(HttpMethods.Get, HttpMethods.Head)
        .Build();
    readonly CorsPolicy _writing = Policy(settings.Value.AllowedWriteOrigins).AllowAnyMethod().Build();

    public Task<CorsPolicy?> GetPolicyAsync(HttpContext context, string? policyName) =>
        Task.FromResult<CorsPolicy?>(guard.MayWrite(context.Request.Headers.Origin.ToString()) ? _writing : _reading);

    static CorsPolicyBuilder Policy(string[] origins) =>
        new CorsPolicyBuilder(origins).AllowAnyHeader().WithExposedHeaders(ExposedHeaders);
}
