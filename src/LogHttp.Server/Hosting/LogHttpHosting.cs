using System.Globalization;
using LogHttp.AspNetCore.Composition;
using LogHttp.Kestrel;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;
using Serilog;
using Serilog.Core;
using Serilog.Extensions.Logging;
using Serilog.Formatting.Compact;

namespace LogHttp.Server.Hosting;

/// <summary>Configures the web host and its services.</summary>
internal static class LogHttpHosting
{
    /// <summary>The most log messages that wait for the console.</summary>
    const int MaxQueuedLogMessages = 10_000;

    const string DefaultUrl = "http://127.0.0.1:8080";

    public static void AddLogHttp(this WebApplicationBuilder builder)
    {
        builder.Services.AddHostedService<LoweredLimits>();
        builder
            .Services.AddLogHttpSettings<ServerSettings>()
            .PostConfigure(static settings => HandleLimit.Apply(settings))
            .PostConfigure(static settings => NetworkMemory.Apply(settings));
        builder.Services.AddLogHttpServices();
        builder.Services.AddSingleton(static services =>
        {
            var settings = services.GetRequiredService<IOptions<ServerSettings>>().Value;
            return new SiteGuard(settings, new HostNames(settings.AllowedHosts, HostNames.OfThisMachine()));
        });
        builder.Services.AddSingleton(static services =>
        {
            var settings = services.GetRequiredService<IOptions<ServerSettings>>().Value;
            return new RequestHeads(settings.MaxHeldHeadBytes, settings.MaxClientHeldHeadBytes);
        });
        builder.Services.AddSingleton(static services => new ConnectionBudget(
            services.GetRequiredService<IOptions<ServerSettings>>().Value
        ));
    }

    public static void AddServer(this WebApplicationBuilder builder)
    {
        // An address from the command line or the environment wins. So does a configuration of Kestrel's own endpoints.
        var configuration = builder.Configuration;
        if (
            string.IsNullOrEmpty(configuration["urls"])
            && string.IsNullOrEmpty(configuration["http_ports"])
            && string.IsNullOrEmpty(configuration["https_ports"])
            && !configuration.GetSection("Kestrel:Endpoints").Exists()
        )
            builder.WebHost.UseUrls(DefaultUrl);
        builder
            .Services.AddOptions<HostOptions>()
            .Configure<IOptions<ServerSettings>>(
                static (host, settings) => host.ShutdownTimeout = settings.Value.ShutdownTimeout
            );
        builder
            .Services.AddOptions<SendFileOptions>()
            .Configure<IOptions<ServerSettings>>(
                static (sendFile, settings) =>
                {
                    sendFile.ColdReadBytes = settings.Value.ColdReadBytes;
                    sendFile.MinReaderBytesPerSecond = settings.Value.MinReaderBytesPerSecond;
                    sendFile.SlowReaderWindow = settings.Value.SlowReaderWindow;
                    sendFile.StalledReaderTimeout = settings.Value.StalledReaderTimeout;
                }
            );
        builder.Services.AddSingleton<Microsoft.AspNetCore.Connections.IMemoryPoolFactory<byte>, NetworkBlocks>();
        builder.Services.AddUnixSockets();
        builder.Services.AddSingleton<SocketTransportFactory>();
        builder.Services.AddHostedService<ReceivingThreadWatch>();
        // Kestrel asks the last added factory first.
        builder.Services.AddSingleton<Microsoft.AspNetCore.Connections.IConnectionListenerFactory, AcceptWatch>();
        builder.Services.AddCors();
        builder.Services.AddProblemDetails();
        builder.Services.AddExceptionHandler<ExceptionProblems>();
        builder.Services.AddSingleton<ICorsPolicyProvider, SitePolicies>();
        builder.Services.AddClientLimit();
        // The transport has a bound of its own, 1 MiB, which MaxRequestBufferSize does not change.
        builder
            .Services.AddOptions<SocketTransportOptions>()
            .Configure<IOptions<ServerSettings>>(
                static (transport, settings) =>
                {
                    transport.MaxReadBufferSize = NetworkBlocks.MaxUnreadBytes(settings.Value);
                    if (!settings.Value.SchedulesInline)
                        return;
                    // Both together save a third of the CPU time of a request without work. Either alone saves nothing.
                    // The runtime reads the variable when the first socket receives, which is later.
                    transport.UnsafePreferInlineScheduling = true;
                    Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
                }
            );
        builder
            .Services.AddOptions<KestrelServerOptions>()
            .Configure<IOptions<ServerSettings>>(
                static (kestrel, settings) =>
                {
                    kestrel.AddServerHeader = false;
                    kestrel.RequestHeaderEncodingSelector = HeaderText.EncodingOf;
                    // ReceivedBody counts instead, because Kestrel closes the connection of a too large body before its
                    // client has read the reason.
                    kestrel.Limits.MaxRequestBodySize = null;
                    kestrel.Limits.MaxConcurrentConnections = settings.Value.MaxConnections;
                    // ReceivedBody measures instead, because Kestrel's rate is an average since the body began.
                    kestrel.Limits.MinRequestBodyDataRate = null;
                    // For HTTP/2, whose clients can keep a stream's window closed while the socket takes all bytes.
                    kestrel.Limits.MinResponseDataRate =
                        settings.Value.MinReaderBytesPerSecond == 0
                            ? null
                            : new MinDataRate(
                                settings.Value.MinReaderBytesPerSecond,
                                TimeSpan.FromTicks(
                                    Math.Max(2 * TimeSpan.TicksPerSecond, settings.Value.SlowReaderWindow.Ticks)
                                )
                            );
                    kestrel.Limits.MaxRequestLineSize = settings.Value.MaxRequestLineBytes;
                    kestrel.Limits.MaxRequestBufferSize = NetworkBlocks.MaxUnreadBytes(settings.Value);
                    // A flush over HTTP/2 waits until its bytes have left the stream. Then a response holds exactly the
                    // bytes that it has counted.
                    kestrel.Limits.MaxResponseBufferSize = 0;
                    // One stream that is not read must not stop the others of its connection, so it has half of the
                    // window.
                    kestrel.Limits.Http2.InitialStreamWindowSize = 64 << 10;
                    kestrel.Limits.Http2.InitialConnectionWindowSize = 128 << 10;
                    kestrel.Limits.MaxRequestHeadersTotalSize = settings.Value.MaxRequestHeadersBytes;
                    kestrel.Limits.MaxRequestHeaderCount = settings.Value.MaxRequestHeaders;
                    kestrel.Limits.RequestHeadersTimeout = settings.Value.HeadersTimeout;
                    kestrel.Limits.KeepAliveTimeout = settings.Value.KeepAliveTimeout;
                    kestrel.ConfigureEndpointDefaults(static endpoint =>
                    {
                        ConnectionBudget.Count(endpoint);
                        endpoint.UseSendFile();
                    });
                }
            );
    }

    /// <summary>Checks the addresses to listen on, and replaces their port where the command line names one.</summary>
    public static void UsePort(this WebApplicationBuilder builder, int? port)
    {
        var configuration = builder.Configuration;
        var addresses = (configuration["urls"] ?? "").Split(
            ';',
            StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries
        );
        foreach (var address in addresses)
        {
            // Kestrel takes any unknown name for all addresses, and "127.0.0.1:80x" for a name.
            if (
                BindingAddress.Parse(address) is { IsUnixPipe: false, IsNamedPipe: false, Host: var host }
                && host[0] != '['
                && host.Contains(':', StringComparison.Ordinal)
            )
                throw new InvalidOperationException(
                    $"the address \"{address}\" has no valid port. Write it as http://127.0.0.1:8080 or "
                        + "http://[::1]:8080."
                );
        }
        if (port is null)
            return;
        if (configuration.GetSection("Kestrel:Endpoints").Exists())
            throw new InvalidOperationException(
                "--port does not go with Kestrel:Endpoints, which name the ports themselves."
            );
        if (addresses.Length > 1)
            throw new InvalidOperationException(
                $"--port does not go with several addresses: {string.Join("; ", addresses)}. Use --urls."
            );
        var configured = BindingAddress.Parse(addresses is [var one] ? one : "http://*:80");
        builder.WebHost.UseUrls(
            string.Create(CultureInfo.InvariantCulture, $"{configured.Scheme}://{configured.Host}:{port}")
        );
    }

    public static void AddLogging(this WebApplicationBuilder builder)
    {
        builder.Logging.ClearProviders();
        builder.Services.AddLogLevels();
        builder.Services.AddSingleton<ILoggerProvider>(static services => new SerilogLoggerProvider(
            CreateLogger(services),
            dispose: true
        ));
    }

    static Logger CreateLogger(IServiceProvider services)
    {
        var logger = new LoggerConfiguration()
            .MinimumLevel.Verbose()
            .ReadFrom.Configuration(LogLevels.WithoutLevels(services.GetRequiredService<IConfiguration>()));
        var isJson = services.GetRequiredService<IOptions<ServerSettings>>().Value.LogFormat == "json";
        // On a thread of its own: a write to a pipe that nobody reads waits for ever, and requests must not. Messages
        // beyond the bound are dropped.
        logger.WriteTo.Async(
            sink =>
            {
                if (isJson)
                    sink.Console(new CompactJsonFormatter());
                else
                    sink.Console(formatProvider: CultureInfo.InvariantCulture);
            },
            MaxQueuedLogMessages
        );
        return logger.CreateLogger();
    }
}
