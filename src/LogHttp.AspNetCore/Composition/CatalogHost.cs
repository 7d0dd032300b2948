using LogHttp.AspNetCore.Settings;
using LogHttp.Storage;
using LogHttp.Storage.Files;
using LogHttp.Storage.Topics;
using Microsoft.Extensions.Options;

namespace LogHttp.AspNetCore.Composition;

/// <summary>
/// Opens the log before the server listens, and closes it after the last request. Hosted services start in the order of
/// their registration, then the web server starts. They stop in reverse order.
/// </summary>
internal sealed partial class CatalogHost(
    StorageOptions options,
    IOptions<LogHttpSettings> settings,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    ILogger<CatalogHost> logger,
    ILoggerFactory loggers
) : IHostedService, IDisposable
{
    readonly Lock _opening = new();
    PhysicalFileSystem? _fileSystem;
    TopicCatalog? _catalog;

    /// <summary>
    /// The open log. A service that takes it in its constructor opens it, because the host creates all hosted services
    /// before it starts the first one.
    /// </summary>
    public TopicCatalog Catalog
    {
        get
        {
            lock (_opening)
                return _catalog ??= Open();
        }
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _ = Catalog;
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_catalog is not null)
            await _catalog.DisposeAsync();
    }

    public void Dispose() => _fileSystem?.Dispose();

    TopicCatalog Open()
    {
        if (settings.Value.MemoryLimit is { } memory)
            BodiesLowered(
                memory,
                settings.Value.MaxBodyBytes,
                settings.Value.MaxBatchBytes,
                settings.Value.MaxReadingBytes
            );
        _fileSystem = new PhysicalFileSystem(options.Directory);
        var catalog = TopicCatalog.Open(
            new StorageEnvironment
            {
                FileSystem = _fileSystem,
                Time = time,
                Logger = loggers.CreateLogger("LogHttp.Storage"),
            },
            options
        );
        // Opening the topics leaves as much garbage as the topics hold. One collection before the first request removes
        // it. For 10,000 topics it takes 29 ms and leaves 2.1 KiB of each instead of 4.3. Without topics it takes 5 ms.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        // Ends the waits for records at once, because the server stops when the last request is done.
        lifetime.ApplicationStopping.Register(static catalog => ((TopicCatalog)catalog!).StopWaiting(), catalog);
        return catalog;
    }

    [LoggerMessage(
        2,
        LogLevel.Warning,
        "The process may use {Limit} bytes of memory, so MaxBodyBytes is {MaxBodyBytes}, "
            + "MaxBatchBytes {MaxBatchBytes} and MaxReadingBytes {MaxReadingBytes}. "
            + "Raise the limit of the container or the heap for more"
    )]
    partial void BodiesLowered(long limit, long maxBodyBytes, int maxBatchBytes, long maxReadingBytes);
}
