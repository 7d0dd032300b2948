using LogHttp.AspNetCore.Settings;
using LogHttp.Storage;
using LogHttp.Storage.Topics;
using Microsoft.Extensions.ObjectPool;
using Microsoft.Extensions.Options;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// The services that a POST of records needs. They are singletons, because a scope would cost each request.
/// </summary>
internal sealed class ProduceServices(
    TopicCatalog catalog,
    StorageOptions options,
    BodyBudget budget,
    TimeProvider time,
    IOptions<LogHttpSettings> settings,
    IHostApplicationLifetime lifetime
) : PooledObjectPolicy<ProduceState>
{
    /// <summary>The most states that are kept, with 2 KiB each.</summary>
    const int MaxKeptStates = 1 << 10;

    public TopicCatalog Catalog => catalog;

    public StorageOptions Options => options;

    public BodyBudget Budget => budget;

    public TimeProvider Time => time;

    public LogHttpSettings Settings { get; } = settings.Value;

    public CancellationToken Stopping => lifetime.ApplicationStopping;

    /// <summary>The states of requests that have ended.</summary>
    public ObjectPool<ProduceState> States => field ??= new DefaultObjectPool<ProduceState>(this, MaxKeptStates);

    public override ProduceState Create() => new(budget, time);

    public override bool Return(ProduceState state) => state.TryReset();
}
