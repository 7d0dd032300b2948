using LogHttp.Storage;
using LogHttp.Storage.Files;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Opens the log before the server listens, and closes it after the last request: hosted services start in the order
/// they were added, the web server after them all, and stop in reverse.
/// </summary>
internal sealed class CatalogHost(StorageOptions options, TimeProvider time, ILoggerFactory loggers) : IHostedService, IDisposable
{
    PhysicalFileSystem? _fileSystem;
    TopicCatalog? _catalog;

    public TopicCatalog Catalog => _catalog ?? throw new InvalidOperationException("The log is not open.");

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _fileSystem = new PhysicalFileSystem(options.Directory);
        _catalog = TopicCatalog.Open(
            new StorageEnvironment { FileSystem = _fileSystem, Time = time, Logger = loggers.CreateLogger("LogHttp.Storage") },
            options);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_catalog is not null)
            await _catalog.DisposeAsync();
    }

    public void Dispose() => _fileSystem?.Dispose();
}
