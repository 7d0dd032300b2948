using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary><c>GET /healthz</c>: the process runs and responds.</summary>
internal static class HealthEndpoint
{
    public static IResult Handle(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        return Preconditions.CheckUntagged(context)
            ?? new Answer<Health>(StatusCodes.Status200OK, new Health("ok"), ResponseJson.Readable.Health);
    }
}

internal sealed record Health(string Status);
