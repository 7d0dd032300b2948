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
            // What has an answer of its own is no news with a stack: a client's mistake is the client's, and Storage logs its own.
            SuppressDiagnosticsCallback = static context => Problems.Of(context.Exception).Code is not (Problems.InternalError or Problems.StorageError),
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
