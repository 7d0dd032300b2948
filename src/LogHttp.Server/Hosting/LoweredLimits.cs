using Microsoft.Extensions.Options;

namespace LogHttp.Server.Hosting;

/// <summary>Logs which settings were lowered to the limit on open files, before the log is opened.</summary>
internal sealed partial class LoweredLimits(IOptions<ServerSettings> settings, ILogger<LoweredLimits> logger)
    : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (settings.Value.HandleLimit is { } limit)
            HandlesLowered(limit, settings.Value.MaxConnections, settings.Value.MaxOpenSegments);
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
}
