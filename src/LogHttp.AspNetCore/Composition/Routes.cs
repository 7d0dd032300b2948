using LogHttp.AspNetCore.Confluent;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Documentation;
using LogHttp.AspNetCore.Endpoints;
using LogHttp.AspNetCore.Fetching;
using LogHttp.AspNetCore.Following;
using LogHttp.AspNetCore.Producing;
using LogHttp.AspNetCore.Settings;
using LogHttp.Storage;
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
        routes
            .MapMethods("/healthz", Read, HealthEndpoint.Handle)
            .WithMetadata(TopicOperations.Health, new AnyHost())
            .DisableRateLimiting();

        T Get<T>()
            where T : notnull => services.GetRequiredService<T>();
    }
}
