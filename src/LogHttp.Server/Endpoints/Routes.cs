using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.Server.Endpoints;

/// <summary>The whole URL map (api/PROTOCOL.md §1), and what surrounds it.</summary>
internal static class Routes
{
    public static void UseLogHttp(this WebApplication app)
    {
        app.UseSendFile();
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            ExceptionHandler = static context => Problems.Of(context.Features.GetRequiredFeature<IExceptionHandlerFeature>().Error).ExecuteAsync(context),
            // A client's mistake is the client's news, not the operator's.
            SuppressDiagnosticsCallback = static context => Problems.Of(context.Exception).Status < StatusCodes.Status500InternalServerError,
        });
        app.UseStatusCodePages(static context => Problems.Of(context.HttpContext.Response.StatusCode).ExecuteAsync(context.HttpContext));
    }

    public static void MapLogHttp(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/topics/{topic}", ProduceEndpoint.HandleAsync);
        routes.MapMethods("/topics/{topic}/{place}", [HttpMethods.Get, HttpMethods.Head], FetchEndpoint.HandleAsync);
        routes.MapMethods("/healthz", [HttpMethods.Get, HttpMethods.Head], HealthEndpoint.Handle);
    }
}
