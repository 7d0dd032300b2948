using LogHttp.Storage;
using LogHttp.Storage.Files;
using LogHttp.Storage.Topics;
using Microsoft.Extensions.Options;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Opens the log before the server listens, and closes it after the last request: hosted services start in the order
/// they were added, the web server after them all, and stop in reverse.
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
    PhysicalFileSystem? _fileSystem;
    TopicCatalog? _catalog;

    public TopicCatalog Catalog => _catalog ?? throw new InvalidOperationException("The log is not open.");

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (settings.Value.HandleLimit is { } limit)
            HandlesLowered(limit, settings.Value.MaxConnections, settings.Value.MaxOpenSegments);
        if (settings.Value.MemoryLimit is { } memory)
            BoundsLowered(
                memory,
                settings.Value.MaxConnections,
                settings.Value.MaxBodyBytes,
                settings.Value.MaxBatchBytes,
                settings.Value.MaxReadingBytes
            );
        _fileSystem = new PhysicalFileSystem(options.Directory);
        _catalog = TopicCatalog.Open(
            new StorageEnvironment
            {
                FileSystem = _fileSystem,
                Time = time,
                Logger = loggers.CreateLogger("LogHttp.Storage"),
            },
            options
        );
        // What was read to open the topics is garbage, as much again as they hold: once, and before anybody is served.
        // For 10,000 topics it takes 29 ms and leaves 2.1 KiB of each instead of 4.3; without any, 5 ms.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        // Who waits for records is answered at once: the server stops when the last request is done.
        lifetime.ApplicationStopping.Register(static catalog => ((TopicCatalog)catalog!).StopWaiting(), _catalog);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_catalog is not null)
            await _catalog.DisposeAsync();
    }

    public void Dispose() => _fileSystem?.Dispose();

    [LoggerMessage(
        1,
        LogLevel.Warning,
        "The process may open {Limit} files, so MaxConnections is lowered to {MaxConnections} and "
            + "MaxOpenSegments to {MaxOpenSegments}. Raise the limit (ulimit -n) for more"
    )]
    partial void HandlesLowered(long limit, int maxConnections, int maxOpenSegments);

    [LoggerMessage(
        2,
        LogLevel.Warning,
        "The process may use {Limit} bytes of memory, so MaxConnections is {MaxConnections}, "
            + "MaxBodyBytes {MaxBodyBytes}, MaxBatchBytes {MaxBatchBytes} and MaxReadingBytes {MaxReadingBytes}. "
            + "Raise the limit of the container or the heap for more"
    )]
    partial void BoundsLowered(
        long limit,
        int maxConnections,
        long maxBodyBytes,
        int maxBatchBytes,
        long maxReadingBytes
    );
}
