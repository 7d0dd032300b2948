using LogHttp.AspNetCore.Contract;
using Microsoft.AspNetCore.Diagnostics;

namespace LogHttp.Server.Hosting;

/// <summary>Responds with a problem where a request threw. Any thread.</summary>
internal sealed class ExceptionProblems : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(
        HttpContext httpContext,
        Exception exception,
        CancellationToken cancellationToken
    )
    {
        // The middleware has cleared the response.
        SecurityHeaders.Apply(httpContext.Response.Headers);
        await Problems.Of(exception).ExecuteAsync(httpContext);
        return true;
    }
}
