using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace LogHttp.Kestrel;

/// <summary>The services that all connections of a listener, or all requests of an application, share.</summary>
internal sealed class SendFileServices
{
    internal SendFileServices(IServiceProvider services, SendFileOptions? options)
    {
        Options = (
            options ?? services.GetService<IOptions<SendFileOptions>>()?.Value ?? new SendFileOptions()
        ).Validated();
        Logger = new GuardedLogger(
            services.GetService<ILoggerFactory>()?.CreateLogger(SendFileLog.Category) ?? NullLogger.Instance
        );
        Meter = new SendFileMeter(services, Logger);
        PageCache = new PageCache(Options.MaxColdSlices, Options.ColdReadBytes);
    }

    internal SendFileOptions Options { get; }

    internal SendFileMeter Meter { get; }

    internal ILogger Logger { get; }

    internal PageCache PageCache { get; }
}
