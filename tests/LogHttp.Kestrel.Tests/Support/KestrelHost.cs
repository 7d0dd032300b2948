using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace LogHttp.Kestrel.Tests.Support;

/// <summary>A real Kestrel on a free port of the loopback, with one handler behind <c>app.UseSendFile()</c>.</summary>
internal sealed class KestrelHost : IAsyncDisposable
{
    private readonly CountedBytes _counted;
    private readonly RunningRequests _running;

    private KestrelHost(WebApplication app, CountedBytes counted, RecordedLogs logs, RunningRequests running)
    {
        App = app;
        _counted = counted;
        _running = running;
        Logs = logs;
        Address = new Uri(app.Urls.First());
    }

    internal WebApplication App { get; }

    internal RecordedLogs Logs { get; }

    internal Uri Address { get; }

    internal static async Task<KestrelHost> StartAsync(
        RequestDelegate handler,
        SendFileOptions? options = null,
        Action<ListenOptions>? listen = null,
        Action<KestrelServerOptions>? server = null,
        Action<WebApplication>? configure = null
    )
    {
        // Empty: there are no configuration files, whose watchers would watch the whole temporary directory.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        var logs = new RecordedLogs();
        builder.Logging.AddProvider(logs).SetMinimumLevel(LogLevel.Debug);
        builder.Services.AddRouting();
        builder
            .WebHost.UseKestrelCore()
            .UseKestrelHttpsConfiguration()
            .ConfigureKestrel(kestrel =>
            {
                server?.Invoke(kestrel);
                kestrel.Listen(IPAddress.Loopback, 0, listen ?? (endpoint => endpoint.UseSendFile(options)));
            });
        var app = builder.Build();
        var counted = new CountedBytes(app.Services.GetRequiredService<IMeterFactory>());
        var running = new RunningRequests();
        app.Use(running.TrackAsync);
        app.UseSendFile(options);
        configure?.Invoke(app);
        app.Run(handler);
        await app.StartAsync();
        return new KestrelHost(app, counted, logs, running);
    }

    /// <summary>
    /// Returns the counts once no request runs. A client may have its last byte before the server has counted it.
    /// </summary>
    internal async Task<CountedBytes> SettledAsync()
    {
        await Eventually.TrueAsync(() => _running.Count == 0);
        return _counted;
    }

    internal HttpClient NewClient(Version? version = null) =>
        new(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = TestCertificate.IsTrusted } })
        {
            BaseAddress = Address,
            DefaultRequestVersion = version ?? HttpVersion.Version11,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = TimeSpan.FromSeconds(30),
        };

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        _counted.Dispose();
    }
}
