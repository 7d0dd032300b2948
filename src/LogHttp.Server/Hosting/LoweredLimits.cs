using Microsoft.Extensions.Options;

namespace LogHttp.Server.Hosting;

/// <summary>Logs the settings that were lowered to the limits of the process, before the log is opened.</summary>
internal sealed partial class LoweredLimits(IOptions<ServerSettings> settings, ILogger<LoweredLimits> logger)
    : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (settings.Value.HandleLimit is { } limit)
            HandlesLowered(limit, settings.Value.MaxConnections, settings.Value.MaxOpenSegments);
        if (settings.Value.ConnectionMemoryLimit is { } limitBytes)
            ConnectionsLowered(limitBytes, settings.Value.MaxConnections);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

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
        "The process may use {Limit} bytes of memory, so MaxConnections is lowered to {MaxConnections}. "
            + "Raise the limit of the container or the heap for more"
    )]
    partial void ConnectionsLowered(long limit, int maxConnections);
}
