using LogHttp.AspNetCore.Contract;
using Microsoft.AspNetCore.Mvc;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary><c>GET /healthz</c>: the process runs and responds.</summary>
internal static class HealthEndpoint
{
    /// <summary>Check that the server is alive</summary>
    /// <remarks>
    /// Returns 200 while the server runs and the log is open.
    ///
    /// `HEAD` returns the same without the body.
    /// </remarks>
    /// <response code="200">The server is alive.</response>
    /// <response code="304">The request has `If-None-Match: *`.</response>
    [Operation("health"), Tags("Server")]
    [ProducesResponseType<Health>(200)]
    [ResponseHeaders("No-Store", 200, 304)]
    [FailsWith("untagged_condition_failed")]
    public static IResult Handle(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        return Preconditions.CheckUntagged(context)
            ?? new JsonResponse<Health>(StatusCodes.Status200OK, new Health("ok"), ResponseJson.Readable.Health);
    }
}

/// <summary>The server is alive.</summary>
/// <param name="Status">`ok`</param>
internal sealed record Health(string Status);
