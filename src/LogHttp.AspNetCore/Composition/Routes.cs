using LogHttp.AspNetCore.Confluent;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Documentation;
using LogHttp.AspNetCore.Endpoints;
using LogHttp.AspNetCore.Fetching;
using LogHttp.AspNetCore.Following;
using LogHttp.AspNetCore.Producing;
using LogHttp.AspNetCore.Settings;
using LogHttp.AspNetCore.Threads;
using LogHttp.Storage.Topics;
using Microsoft.Extensions.Options;

namespace LogHttp.AspNetCore.Composition;

/// <summary>The URL map of the log (api/PROTOCOL.md §1).</summary>
internal static class Routes
{
    static readonly string[] Read = [HttpMethods.Get, HttpMethods.Head];

    public static void Map(IEndpointRouteBuilder routes)
    {
        // The hot paths and the endless responses take their services from the root provider. A request's own scope
        // would cost each of them.
        var services = routes.ServiceProvider;
        // Found by the first request, because the catalog is opened after the routes are made.
        ProduceServices? produceServices = null;
        // Groups join patterns when they are built. No request passes them.
        var topicsRoutes = routes.MapGroup("/topics");
        var topicRoutes = topicsRoutes.MapGroup("/{topic}");
#pragma warning disable ASP0005 // The lambda lacks the attributes of the method it calls. DescribedBy adds them.
        topicRoutes
            .MapPost(
                "",
                (HttpContext context, string topic) =>
                    ProduceEndpoint.HandleAsync(context, topic, produceServices ??= Get<ProduceServices>())
            )
            .DescribedBy(ProduceEndpoint.HandleAsync)
            .WithMetadata(new InlineRequests(ProduceEndpoint.MayRunInline));
#pragma warning restore ASP0005
        topicRoutes.MapPost("/partitions/{partition:int:min(0)}", ConfluentEndpoint.HandlePartitionAsync);
        topicRoutes
            .MapMethods(
                "/{place}",
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
            .DescribedBy(FetchEndpoint.HandleAsync)
            .WithMetadata(new InlineRequests(FetchEndpoint.MayRunInline));
        topicRoutes.MapMethods("/{place}/value", Read, ValueEndpoint.HandleAsync);
        topicRoutes.MapMethods("/producers/{**id}", Read, ProducerEndpoint.Get);
        topicsRoutes.MapMethods("", Read, TopicEndpoints.List);
        var wholeTopicRoutes = topicRoutes.MapGroup("").AddEndpointFilter<RouteGroupBuilder, NoParameters>();
        wholeTopicRoutes.MapMethods("", Read, TopicEndpoints.Get);
        wholeTopicRoutes.MapPut("", TopicEndpoints.PutAsync);
        wholeTopicRoutes.MapPatch("", TopicEndpoints.PatchAsync);
        wholeTopicRoutes.MapDelete("", TopicEndpoints.DeleteAsync);
        topicRoutes.MapDelete("/records", TrimEndpoint.HandleAsync);
        topicRoutes.MapPost("/verify", VerifyEndpoint.HandleAsync);
        routes
            .MapMethods(
                "/stream",
                Read,
                (Delegate)(
                    (HttpContext context) =>
                        FollowEndpoint.HandleManyAsync(context, Get<TopicCatalog>(), Get<FollowServices>())
                )
            )
            .DescribedBy(FollowEndpoint.HandleManyAsync);
        routes
            .MapMethods("/healthz", Read, HealthEndpoint.Handle)
            .WithMetadata(new AnyHost(), new InlineRequests(static _ => true))
            .DisableRateLimiting();

        T Get<T>()
            where T : notnull => services.GetRequiredService<T>();
    }
}
