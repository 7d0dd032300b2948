using System.Runtime.ExceptionServices;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Documentation;
using LogHttp.AspNetCore.Endpoints;
using LogHttp.AspNetCore.Threads;
using LogHttp.Kestrel;
using LogHttp.Server.Documentation;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.Server.Hosting;

/// <summary>The steps that every request passes before its endpoint.</summary>
internal static class RequestPipeline
{
    public static void UseRequestPipeline(this WebApplication app)
    {
        var guard = app.Services.GetRequiredService<SiteGuard>();
        var heads = app.Services.GetRequiredService<RequestHeads>();
        app.Lifetime.ApplicationStarted.Register(() => WarnIfExposed(app));
        app.UseSendFile();
        var respondToException = CreateExceptionHandler(app);
        app.UseTrustedProxies();
        // One step for everything that all requests need, because each step costs the hot paths.
        app.Use(next =>
            context =>
            {
                Task handling;
                try
                {
                    SecurityHeaders.Apply(context.Response.Headers);
                    ConnectionMemory.Of(context)?.BeginRequest(context);
                    var problem = heads.TryHold(context) ? guard.Check(context) : Problems.TooManyHeads();
                    handling =
                        problem is not null ? problem.ExecuteAsync(context)
                        : MethodCase.DiffersFromEndpoint(context) ? Task.CompletedTask
                        : InlineRequests.MayStay(context) ? RunInline(next, context)
                        : RunOnPoolAsync(next, context);
                }
                catch (Exception exception)
                {
                    handling = Task.FromException(exception);
                }
                return handling.IsCompletedSuccessfully && !LacksProblem(context.Response)
                    ? Task.CompletedTask
                    : FinishAsync(handling, context, respondToException);
            }
        );
        if (guard.AllowsOrigins)
            app.UseCors();
        app.UseClientLimit();
        app.UseSwaggerPages();
    }

    /// <summary>
    /// Builds the framework's handler of exceptions. Only requests that threw pass it, because around each request it
    /// would allocate 150 bytes and add a hop.
    /// </summary>
    static RequestDelegate CreateExceptionHandler(WebApplication app)
    {
        var handler = ((IApplicationBuilder)app).New();
        handler.UseExceptionHandler(
            new ExceptionHandlerOptions
            {
                // A client's mistake is not logged, nor is a topic that is being deleted. Damage and failing disks are.
                SuppressDiagnosticsCallback = static context =>
                    Problems.Of(context.Exception) is { Status: not StatusCodes.Status500InternalServerError },
            }
        );
        handler.Run(static context =>
        {
            context.Features.GetRequiredFeature<ExceptionDispatchInfo>().Throw();
            return Task.CompletedTask;
        });
        return handler.Build();
    }

    /// <summary>
    /// Whether the framework responds with a status alone, as routing does for an unknown path. UseStatusCodePages
    /// would handle it as well, but creates a feature and a dictionary of items for every request. That was a fifth of
    /// the bytes that a fetch allocated.
    /// </summary>
    static bool LacksProblem(HttpResponse response) =>
        response.StatusCode is >= 400 and < 600
        && !response.HasStarted
        && response.ContentLength is null
        && string.IsNullOrEmpty(response.ContentType);

    static Task RunInline(RequestDelegate next, HttpContext context)
    {
        ReceivingThreadWatch.SetEndpoint(context.GetEndpoint());
        return next(context);
    }

    static async Task RunOnPoolAsync(RequestDelegate next, HttpContext context)
    {
        await ReceivingThread.LeaveAsync();
        await next(context);
    }

    /// <summary>Awaits the handling of a request, and responds with a problem if nothing else has responded.</summary>
    static async Task FinishAsync(Task handling, HttpContext context, RequestDelegate respondToException)
    {
        try
        {
            await handling;
        }
        catch (Exception exception)
        {
            context.Features.Set(ExceptionDispatchInfo.Capture(exception));
        }
        if (context.Features[typeof(ExceptionDispatchInfo)] is not null)
            await respondToException(context);
        else if (LacksProblem(context.Response))
            await Problems.Of(context.Response).ExecuteAsync(context);
    }

    /// <summary>Describes the server to programs, and redirects browsers to the API's page.</summary>
    public static void MapRoot(this IEndpointRouteBuilder routes) =>
        routes
            .MapMethods(
                "/",
                [HttpMethods.Get, HttpMethods.Head],
                static (HttpContext context) =>
                    ServerEndpoint.Handle(context, CommandLine.Version, "swagger/index.html")
            )
            .DescribedBy(ServerEndpoint.Handle);

    static void WarnIfExposed(WebApplication app)
    {
        var addresses =
            app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
        var exposed = addresses.Where(ListeningAddresses.IsExposed).ToArray();
        if (exposed.Length > 0)
            ListeningAddresses.Exposed(app.Logger, string.Join(", ", exposed));
    }
}
