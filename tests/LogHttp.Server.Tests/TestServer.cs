using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using LogHttp.AspNetCore.Limits;
using LogHttp.AspNetCore.Producing;
using LogHttp.Server.Hosting;
using LogHttp.Server.Tests.Documentation;
using LogHttp.Testing;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Serilog;
using Serilog.Core;
using Serilog.Extensions.Logging;

namespace LogHttp.Server.Tests;

/// <summary>The program itself, in this process, on real Kestrel with a data directory of its own.</summary>
sealed class TestServer : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly Dictionary<string, string> _settings;
    readonly X509Certificate2? _certificate;
    readonly ILogEventSink? _log;
    readonly Action<IServiceCollection>? _services;
    Factory _factory;

    public TestServer(params (string Name, string Value)[] settings)
        : this(null, null, settings) { }

    /// <summary>Starts a server that also listens for HTTPS if there is a certificate.</summary>
    public TestServer(X509Certificate2? certificate, params (string Name, string Value)[] settings)
        : this(certificate, null, settings) { }

    /// <summary>
    /// Starts a server that logs to <paramref name="log"/>, at the levels of its own settings, and not to the console.
    /// </summary>
    public TestServer(ILogEventSink log, params (string Name, string Value)[] settings)
        : this(null, log, settings) { }

    /// <summary>Starts a server with some of its services replaced.</summary>
    public TestServer(Action<IServiceCollection> services, params (string Name, string Value)[] settings)
        : this(null, null, settings, services) { }

    /// <summary>Starts a server with any of these.</summary>
    public TestServer(
        X509Certificate2? certificate,
        ILogEventSink? log,
        (string Name, string Value)[] settings,
        Action<IServiceCollection>? services = null
    )
    {
        (_certificate, _log, _services) = (certificate, log, services);
        _settings = settings.ToDictionary(setting => $"LogHttp:{setting.Name}", setting => setting.Value);
        _settings.TryAdd("LogHttp:DataDirectory", _directory.Path);
        (_factory, Client) = Start();
    }

    /// <summary>
    /// Replaces the server's clock. Its watch over accepting keeps the machine's: it looks at real threads, and ends
    /// the process if they stand still for a time that a test can pass in one step.
    /// </summary>
    public static void SetTime(IServiceCollection services, TimeProvider time) =>
        services
            .RemoveAll<TimeProvider>()
            .AddSingleton(time)
            .RemoveAll<IConnectionListenerFactory>()
            .AddSingleton<IConnectionListenerFactory>(static provider =>
                ActivatorUtilities.CreateInstance<AcceptWatch>(provider, TimeProvider.System)
            );

    public HttpClient Client { get; private set; }

    /// <summary>The address of a scheme.</summary>
    public Uri AddressOf(string scheme) => AddressOf(_factory, scheme);

    /// <summary>The number of requests that wait for records.</summary>
    public int Waiting => _factory.Services.GetRequiredService<WaitingRequests>().Count;

    /// <summary>The options that the program runs with.</summary>
    public T Options<T>()
        where T : class => _factory.Services.GetRequiredService<Microsoft.Extensions.Options.IOptions<T>>().Value;

    /// <summary>The bytes of memory held by bodies that are being read.</summary>
    public long ReadingBytes => _factory.Services.GetRequiredService<BodyBudget>().ReadingBytes;

    /// <summary>A service of the program.</summary>
    public T Service<T>()
        where T : notnull => _factory.Services.GetRequiredService<T>();

    /// <summary>The bytes that the large heads of running requests hold.</summary>
    public long HeldHeadBytes => _factory.Services.GetRequiredService<RequestHeads>().HeldBytes;

    /// <summary>The bytes that connections hold besides their requests.</summary>
    public long ConnectionBytes =>
        _factory.Services.GetRequiredService<LogHttp.Server.Hosting.ConnectionBudget>().HeldBytes;

    /// <summary>The bytes that copied responses hold.</summary>
    public long FollowingBytes => _factory.Services.GetRequiredService<FollowBudget>().TakenBytes;

    /// <summary>Waits for a change in the server that no response shows.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        for (var started = Stopwatch.StartNew(); !condition(); )
        {
            Assert.True(started.Elapsed < TimeSpan.FromSeconds(30), "The condition was not true within 30 s.");
            await Task.Delay(1);
        }
    }

    /// <summary>Stops the server as SIGTERM does.</summary>
    public Task StopAsync() => _factory.Services.GetRequiredService<IHost>().StopAsync();

    public string DataDirectory => _settings["LogHttp:DataDirectory"];

    public void Restart(Action? meanwhile = null)
    {
        Stop();
        meanwhile?.Invoke();
        (_factory, Client) = Start();
    }

    public async Task<HttpResponseMessage> PostAsync(
        string path,
        string contentType,
        byte[] body,
        params (string Name, string Value)[] headers
    )
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        if (contentType.Length > 0)
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        foreach (var (name, value) in headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
                request.Content.Headers.TryAddWithoutValidation(name, value);
        }
        return await Client.SendAsync(request);
    }

    public Task<HttpResponseMessage> PostAsync(
        string path,
        string contentType,
        string body,
        params (string Name, string Value)[] headers
    ) => PostAsync(path, contentType, Encoding.UTF8.GetBytes(body), headers);

    public Task<HttpResponseMessage> SendAsync(
        HttpMethod method,
        string path,
        params (string Name, string Value)[] headers
    ) => SendAsync(method, path, body: null, headers);

    /// <summary>Sends a request. A body is sent as by `curl -d`.</summary>
    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method,
        string path,
        string? body,
        params (string Name, string Value)[] headers
    )
    {
        var request = new HttpRequestMessage(method, path);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, "application/x-www-form-urlencoded");
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await Client.SendAsync(request);
    }

    public async Task<string> TopicIdAsync(string topic) =>
        (await JsonAsync(await Client.GetAsync($"/topics/{topic}"))).GetProperty("id").GetString()!;

    /// <summary>
    /// Returns a response's only value of a header, including the body's headers. Null if it has none.
    /// </summary>
    public static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) || response.Content.Headers.TryGetValues(name, out values)
            ? Assert.Single(values)
            : null;

    /// <summary>Expects a problem: its status, its code, and a word of its text.</summary>
    public static async Task<JsonElement> ProblemAsync(
        HttpResponseMessage response,
        HttpStatusCode status,
        string code,
        string mentions = ""
    )
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(
            response.Content.Headers.ContentType?.MediaType == "application/problem+json",
            $"{(int)response.StatusCode} {text}"
        );
        var problem = JsonDocument.Parse(text).RootElement;
        Assert.Equal((status, code), (response.StatusCode, problem.GetProperty("code").GetString()));
        Assert.Contains(mentions, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        return problem;
    }

    public static async Task<JsonElement> JsonAsync(HttpResponseMessage response) =>
        JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync()).RootElement;

    /// <summary>Reads all records of a topic, along the links.</summary>
    public async Task<List<JsonElement>> ReadAllAsync(string topic, string query = "")
    {
        var records = new List<JsonElement>();
        for (var path = $"/topics/{topic}/earliest{query}"; ; )
        {
            using var response = await Client.GetAsync(path);
            if (response.StatusCode == HttpStatusCode.NoContent)
                return records;
            response.EnsureSuccessStatusCode();
            var text = await response.Content.ReadAsStringAsync();
            records.AddRange(
                text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                    .Select(line => JsonDocument.Parse(line).RootElement)
            );
            path = NextLink(response);
        }
    }

    /// <summary>Returns the reference in <c>Link</c>, resolved against the URL of the request.</summary>
    public static string NextLink(HttpResponseMessage response)
    {
        var link = Assert.Single(response.Headers.GetValues("Link"));
        Assert.Matches("^<[^/>][^>]*>; rel=\"next\"$", link);
        return Resolve(response, link[1..link.IndexOf('>', StringComparison.Ordinal)]);
    }

    /// <summary>Returns a reference in a response as path and query.</summary>
    public static string Resolve(HttpResponseMessage response, string reference) =>
        new Uri(response.RequestMessage!.RequestUri!, reference).PathAndQuery;

    public static long Number(HttpResponseMessage response, string header) =>
        long.Parse(Assert.Single(response.Headers.GetValues(header)), CultureInfo.InvariantCulture);

    public void Dispose()
    {
        Stop();
        _directory.Dispose();
    }

    void Stop()
    {
        Client.Dispose();
        _factory.Dispose();
    }

    (Factory, HttpClient) Start()
    {
        var factory = new Factory(_settings, _log, _services);
        // Not UseKestrel(port): that writes the address while the program, on its own thread, may be starting already.
        factory.UseKestrel(Listen);
        factory.StartServer();
        return (factory, new HttpClient(new DescribedAnswers()) { BaseAddress = AddressOf(factory, "http") });
    }

    void Listen(KestrelServerOptions kestrel)
    {
        kestrel.Listen(IPAddress.Loopback, 0);
        if (_certificate is not null)
            kestrel.Listen(IPAddress.Loopback, 0, endpoint => endpoint.UseHttps(_certificate));
    }

    static Uri AddressOf(Factory factory, string scheme) =>
        new(
            factory
                .Services.GetRequiredService<IServer>()
                .Features.GetRequiredFeature<IServerAddressesFeature>()
                .Addresses.Single(address => address.StartsWith(scheme + ":", StringComparison.Ordinal))
        );

    sealed class Factory(Dictionary<string, string> settings, ILogEventSink? log, Action<IServiceCollection>? services)
        : WebApplicationFactory<Program>
    {
        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            builder.UseContentRoot(AppContext.BaseDirectory);
            foreach (var (name, value) in settings)
                builder.UseSetting(name, value);
            if (services is not null)
                builder.ConfigureTestServices(services);
            if (log is not null)
                builder.ConfigureTestServices(services =>
                    services
                        .RemoveAll<ILoggerProvider>()
                        .AddSingleton<ILoggerProvider>(
                            new SerilogLoggerProvider(
                                new LoggerConfiguration().MinimumLevel.Verbose().WriteTo.Sink(log).CreateLogger(),
                                dispose: true
                            )
                        )
                );
        }
    }
}
