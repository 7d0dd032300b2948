using LogHttp.Kestrel;
using LogHttp.Server.Confluent;
using LogHttp.Server.Documentation;
using LogHttp.Server.Fetching;
using LogHttp.Server.Following;
using LogHttp.Server.Hosting;
using LogHttp.Server.Producing;
using LogHttp.Storage;
using LogHttp.Storage.Topics;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace LogHttp.Server.Endpoints;

/// <summary>The whole URL map (api/PROTOCOL.md §1), and what surrounds it.</summary>
internal static class Routes
{
    static readonly string[] Read = [HttpMethods.Get, HttpMethods.Head];

    public static void UseLogHttp(this WebApplication app)
    {
        var guard = app.Services.GetRequiredService<SiteGuard>();
        var heads = app.Services.GetRequiredService<RequestHeads>();
        app.Lifetime.ApplicationStarted.Register(() => WarnIfExposed(app));
        app.UseSendFile();
        app.UseExceptionHandler(
            new ExceptionHandlerOptions
            {
                ExceptionHandler = static context =>
                {
                    SecurityHeaders.Apply(context.Response.Headers);
                    ConnectionMemory.Of(context)?.EndRequest();
                    return Problems
                        .Of(context.Features.GetRequiredFeature<IExceptionHandlerFeature>().Error)
                        .ExecuteAsync(context);
                },
                // A client's mistake is the client's, and a topic that goes is no news; damage and failing disks are.
                SuppressDiagnosticsCallback = static context =>
                    Problems.Of(context.Exception) is { Status: not StatusCodes.Status500InternalServerError },
            }
        );
        app.UseTrustedProxies();
        // One step for all that every request passes: each costs the hot paths.
        app.Use(next =>
            context =>
            {
                SecurityHeaders.Apply(context.Response.Headers);
                var connection = ConnectionMemory.Of(context);
                connection?.BeginRequest();
                var problem = heads.TryHold(context) ? guard.Check(context) : Problems.TooManyHeads();
                var answered =
                    problem is not null ? problem.ExecuteAsync(context)
                    : IsMethodInOtherCase(context) ? Task.CompletedTask
                    : next(context);
                if (!answered.IsCompletedSuccessfully || LacksProblem(context.Response))
                    return AddProblemAsync(answered, context, connection);
                connection?.EndRequest();
                return Task.CompletedTask;
            }
        );
        if (guard.AllowsOrigins)
            app.UseCors();
        app.UseClientLimit();
        app.UseSwaggerPages();
    }

    /// <summary>
    /// Whether the framework answers with a status alone, as routing does where there is no such path.
    /// UseStatusCodePages would see to it as well, but makes a feature and a dictionary of items for every request: a
    /// fifth of what a fetch allocated.
    /// </summary>
    static bool LacksProblem(HttpResponse response) =>
        response.StatusCode is >= 400 and < 600
        && !response.HasStarted
        && response.ContentLength is null
        && string.IsNullOrEmpty(response.ContentType);

    static async Task AddProblemAsync(Task answered, HttpContext context, ConnectionMemory? connection)
    {
        await answered;
        if (LacksProblem(context.Response))
            await Problems.Of(context.Response).ExecuteAsync(context);
        connection?.EndRequest();
    }

    /// <summary>
    /// Methods are case-sensitive, but routing takes "head" for HEAD, and so do handlers that ask HttpMethods: they
    /// then leave out a body that Kestrel, which does not, waits for.
    /// </summary>
    static bool IsMethodInOtherCase(HttpContext context)
    {
        if (
            context.GetEndpoint()?.Metadata.GetMetadata<IHttpMethodMetadata>() is not { } takes
            || Takes(takes.HttpMethods, context.Request.Method)
        )
            return false;
        // A preflight is answered in the place of the endpoint.
        if (takes.AcceptCorsPreflight && HttpMethods.IsOptions(context.Request.Method))
            return false;
        context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        context.Response.Headers.Allow = string.Join(", ", takes.HttpMethods);
        return true;

        static bool Takes(IReadOnlyList<string> methods, string method)
        {
            // An enumerator is an object for each request.
            for (var i = 0; i < methods.Count; i++)
            {
                if (methods[i] == method)
                    return true;
            }
            return false;
        }
    }

    public static void MapLogHttp(this IEndpointRouteBuilder routes)
    {
        // The hot paths, and what does not end, take what they need from the program's services: a request's own cost a
        // scope each time.
        var services = routes.ServiceProvider;
        routes
            .MapPost(
                "/topics/{topic}",
                (HttpContext context, string topic) =>
                    ProduceEndpoint.HandleAsync(
                        context,
                        topic,
                        Get<TopicCatalog>(),
                        Get<StorageOptions>(),
                        Get<BodyBudget>(),
                        Get<TimeProvider>(),
                        Get<IOptions<LogHttpSettings>>(),
                        Get<IHostApplicationLifetime>()
                    )
            )
            .WithMetadata(RecordOperations.Produce);
        routes
            .MapPost("/topics/{topic}/partitions/{partition:int:min(0)}", ConfluentEndpoint.HandlePartitionAsync)
            .WithMetadata(RecordOperations.ProduceToPartition);
        routes
            .MapMethods(
                "/topics/{topic}/{place}",
                Read,
                (HttpContext context, string topic, string place) =>
                    FetchEndpoint.HandleAsync(
                        context,
                        topic,
                        place,
                        Get<TopicCatalog>(),
                        Get<LongPoll>(),
                        Get<FollowServices>(),
                        Get<TimeProvider>(),
                        Get<IOptions<LogHttpSettings>>().Value
                    )
            )
            .WithMetadata(RecordOperations.Fetch);
        routes
            .MapMethods("/topics/{topic}/{place}/value", Read, ValueEndpoint.HandleAsync)
            .WithMetadata(RecordOperations.FetchValue);
        routes
            .MapMethods("/topics/{topic}/producers/{**id}", Read, ProducerEndpoint.Get)
            .WithMetadata(RecordOperations.GetProducer);
        routes
            .MapMethods(
                "/stream",
                Read,
                (Delegate)(
                    (HttpContext context) =>
                        FollowEndpoint.HandleManyAsync(context, Get<TopicCatalog>(), Get<FollowServices>())
                )
            )
            .WithMetadata(StreamOperations.Follow);
        routes.MapMethods("/topics", Read, TopicEndpoints.List).WithMetadata(TopicOperations.List);
        routes.MapMethods("/topics/{topic}", Read, TopicEndpoints.Get).WithMetadata(TopicOperations.Get);
        routes.MapPut("/topics/{topic}", TopicEndpoints.PutAsync).WithMetadata(TopicOperations.Put);
        routes.MapPatch("/topics/{topic}", TopicEndpoints.PatchAsync).WithMetadata(TopicOperations.Patch);
        routes.MapDelete("/topics/{topic}", TopicEndpoints.DeleteAsync).WithMetadata(TopicOperations.Delete);
        routes.MapDelete("/topics/{topic}/records", TrimEndpoint.HandleAsync).WithMetadata(TopicOperations.Trim);
        routes.MapPost("/topics/{topic}/verify", VerifyEndpoint.HandleAsync).WithMetadata(TopicOperations.Verify);
        routes.MapMethods("/", Read, static () => TypedResults.Redirect("swagger/index.html")).ExcludeFromDescription();
        routes
            .MapMethods("/healthz", Read, HealthEndpoint.Handle)
            .WithMetadata(TopicOperations.Health, new AnyHost())
            .DisableRateLimiting();

        T Get<T>()
            where T : notnull => services.GetRequiredService<T>();
    }

    static void WarnIfExposed(WebApplication app)
    {
        var addresses =
            app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
        var exposed = addresses.Where(ListeningAddresses.IsExposed).ToArray();
        if (exposed.Length > 0)
            ListeningAddresses.Exposed(app.Logger, string.Join(", ", exposed));
    }
}
