using System.Net;
using System.Text.Json;
using LogHttp.AspNetCore.Settings;
using LogHttp.Storage.Topics;
using LogHttp.Testing;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.Swagger;

namespace LogHttp.AspNetCore.Tests;

/// <summary>An application of the tests' own, without sendfile and without authentication.</summary>
public sealed class LogHttpExtensionsTests : IAsyncDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly HttpClient _client = new();
    WebApplication? _app;

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        if (_app is not null)
            await _app.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Settings_SectionAndDelegate_AreCombined()
    {
        await StartAsync(static settings => settings.Partitions = 3, ("LogHttp:MaxTopics", "7"));
        var settings = _app!.Services.GetRequiredService<IOptions<LogHttpSettings>>().Value;
        Assert.Equal((3, 7), (settings.Partitions, settings.MaxTopics));
    }

    [Theory]
    [InlineData("LogHttp:MaxTopic", "7", "LogHttp:MaxTopic is not a setting")]
    [InlineData("LogHttp:AllowedHosts", "*", "LogHttp:AllowedHosts is not a setting")]
    [InlineData("LogHttp:MaxTopics", "0", "LogHttp:MaxTopics is 0. Allowed: 1 to 1000000")]
    public async Task Settings_Invalid_FailStart(string name, string value, string message)
    {
        var exception = await Assert.ThrowsAsync<OptionsValidationException>(() => StartAsync(null, (name, value)));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_SeveralFaults_AreReportedOnce()
    {
        var exception = await Assert.ThrowsAsync<OptionsValidationException>(() =>
            StartAsync(
                static settings =>
                {
                    settings.MaxColdReads = 0;
                    settings.BodyTimeout = TimeSpan.FromDays(1);
                },
                ("LogHttp:Flush", "sometimes"),
                // Others are derived from it, or have to be smaller.
                ("LogHttp:MaxAppendingBytes", "-1"),
                ("LogHttp:MaxQueuedBytes", "1000")
            )
        );
        Assert.Equal(
            [
                "LogHttp:BodyTimeout is 1d. Allowed: 1s to 1h",
                "LogHttp:Flush is \"sometimes\". Allowed: always, os, or a time from 1ms to 1h",
                "LogHttp:MaxAppendingBytes is -1. Allowed: 0, or 1 to 1099511627776",
                "LogHttp:MaxColdReads is 0. Allowed: 1 to 1024",
                "LogHttp:MaxQueuedBytes is 1000. Allowed: 67108864 (MaxBatchBytes) or more",
            ],
            exception.Failures.Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public void MapLogHttp_WithoutAddLogHttp_Throws()
    {
        var app = WebApplication.CreateSlimBuilder().Build();
        Assert.Throws<InvalidOperationException>(() => app.MapLogHttp());
    }

    [Fact]
    public async Task Catalog_InHostedServiceConstructor_IsOpen()
    {
        await StartAsync(null);
        Assert.Same(
            _app!.Services.GetRequiredService<TopicCatalog>(),
            _app.Services.GetServices<IHostedService>().OfType<Service>().Single().Catalog
        );
    }

    [Fact]
    public async Task Fetch_WithoutSendFile_ReturnsSameBytes()
    {
        await StartAsync(null);
        var value = $"\"{new string('x', 100_000)}\"";
        using var appended = await _client.PostAsync("topics/t", new StringContent(value, null, "application/json"));
        Assert.Equal(HttpStatusCode.Created, appended.StatusCode);
        Assert.Contains(value, await _client.GetStringAsync("topics/t/earliest"), StringComparison.Ordinal);
        Assert.Equal(100_000, (await _client.GetStringAsync("topics/t/0/value")).Length);
    }

    [Fact]
    public async Task Endpoint_Throws_ReturnsProblem()
    {
        await StartAsync(null, ("LogHttp:MaxTopics", "1"));
        using var first = await _client.PutAsync("topics/one", null);
        using var second = await _client.PutAsync("topics/two", null);
        Assert.Equal(
            (HttpStatusCode.TooManyRequests, "application/problem+json"),
            (second.StatusCode, second.Content.Headers.ContentType?.MediaType)
        );
        Assert.Equal("nosniff", Assert.Single(second.Headers.GetValues("X-Content-Type-Options")));
        using var document = JsonDocument.Parse(await second.Content.ReadAsStringAsync());
        Assert.Equal("too_many_topics", document.RootElement.GetProperty("code").GetString());
    }

    [Fact]
    public async Task GetProducer_SlashInIdBelowPrefix_IsFound()
    {
        await StartAsync(null);
        var request = new HttpRequestMessage(HttpMethod.Post, "topics/t") { Content = new StringContent("1") };
        request.Headers.Add("Producer-Id", "shop/7");
        request.Headers.Add("Producer-Epoch", "0");
        request.Headers.Add("Producer-Seq", "0");
        using var appended = await _client.SendAsync(request);
        Assert.Equal(HttpStatusCode.Created, appended.StatusCode);
        Assert.Contains(
            "shop/7",
            await _client.GetStringAsync("topics/t/producers/shop%2F7"),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Document_OfEmbeddingApp_HasBothKindsOfOperations()
    {
        await StartAsync(null);
        var document = _app!.Services.GetRequiredService<ISwaggerProvider>().GetSwagger("v1");
        var text = await document.SerializeAsJsonAsync(OpenApiSpecVersion.OpenApi3_0);
        using var json = JsonDocument.Parse(text);
        var paths = json.RootElement.GetProperty("paths");
        Assert.True(paths.TryGetProperty("/log/topics/{topic}", out var topic));
        Assert.Equal("produce", topic.GetProperty("post").GetProperty("operationId").GetString());
        // From the library's XML file, beside the application.
        Assert.Equal("Append records", topic.GetProperty("post").GetProperty("summary").GetString());
        Assert.True(paths.TryGetProperty("/own", out _));
        // This application does not have the program's checks of hosts and origins.
        Assert.DoesNotContain("cross_site", text, StringComparison.Ordinal);
        Assert.DoesNotContain("invalid_host", text, StringComparison.Ordinal);
    }

    async Task StartAsync(Action<LogHttpSettings>? configure, params (string Name, string Value)[] configuration)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration["LogHttp:DataDirectory"] = _directory.Path;
        foreach (var (name, value) in configuration)
            builder.Configuration[name] = value;
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        // Before the log's own service.
        builder.Services.AddHostedService<Service>();
        builder.Services.AddLogHttp(configure);
        builder.Services.AddEndpointsApiExplorer();
        builder.Services.AddSwaggerGen(static options =>
        {
            options.SwaggerDoc("v1", new OpenApiInfo { Title = "An app", Version = "v1" });
            options.DescribeLogHttp();
        });
        _app = builder.Build();
        _app.MapLogHttp("/log");
        _app.MapGet("/own", static () => "own");
        await _app.StartAsync();
        _client.BaseAddress = new Uri($"{_app.Urls.Single()}/log/");
    }

    sealed class Service(TopicCatalog catalog) : IHostedService
    {
        public TopicCatalog Catalog => catalog;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
