using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Text;
using System.Text.Json;
using Embedding;
using LogHttp.Kestrel;
using LogHttp.Testing;
using Microsoft.AspNetCore.Mvc.Testing;

namespace LogHttp.AspNetCore.Tests;

/// <summary>Runs docs/samples/Embedding on a socket: own authentication, a prefix, use within the process.</summary>
public sealed class EmbeddingSampleTests : IDisposable
{
    const string Key = "a key for tests";

    readonly TemporaryDirectory _directory = new();
    readonly Factory _factory;
    readonly HttpClient _stranger;
    readonly HttpClient _user;

    public EmbeddingSampleTests()
    {
        _factory = new Factory(_directory.Path);
        _factory.UseKestrel(0);
        _factory.StartServer();
        (_stranger, _user) = (_factory.CreateClient(), _factory.CreateClient());
        _user.DefaultRequestHeaders.Add("X-Api-Key", Key);
    }

    public void Dispose()
    {
        _stranger.Dispose();
        _user.Dispose();
        _factory.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("GET", "/log/topics/orders/earliest")]
    [InlineData("GET", "/log/topics")]
    [InlineData("GET", "/log/stream?topics=orders")]
    [InlineData("GET", "/log/healthz")]
    [InlineData("POST", "/log/topics/orders")]
    [InlineData("DELETE", "/log/topics/orders")]
    [InlineData("POST", "/orders")]
    public async Task Request_WithoutCredential_Returns401(string method, string path)
    {
        using var response = await _stranger.SendAsync(new HttpRequestMessage(new HttpMethod(method), path));
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task Consume_FollowAndFetch_SeesAllOrders()
    {
        using var inProcess = await _user.PostAsJsonAsync("/orders", new Order("alice", 10.5m));
        Assert.Equal(HttpStatusCode.Created, inProcess.StatusCode);
        using var overHttp = await _user.PostAsync("/log/topics/orders", Json("""{"customer":"alice","total":2}"""));
        Assert.Equal(HttpStatusCode.Created, overHttp.StatusCode);
        // A value that is not an order does not end the consumer.
        using var other = await _user.PostAsync("/log/topics/orders", Json("[1]"));
        using var last = await _user.PostAsync("/log/topics/orders", Json("""{"customer":"bob","total":1}"""));

        Dictionary<string, decimal>? totals = null;
        await UntilAsync(async () =>
        {
            totals = await _stranger.GetFromJsonAsync<Dictionary<string, decimal>>("/totals");
            return totals is { Count: 2 };
        });
        Assert.Equal((12.5m, 1m), (totals!["alice"], totals["bob"]));
    }

    [Fact]
    public async Task Link_BelowPrefix_LeadsToRecords()
    {
        using var appended = await _user.PostAsync("/log/topics/orders", Json("""{"customer":"carol","total":3}"""));
        var location = Resolved(appended, appended.Headers.Location!.OriginalString);
        Assert.StartsWith("/log/topics/orders/", location.AbsolutePath, StringComparison.Ordinal);
        using var found = await _user.GetAsync(location);
        Assert.Contains("carol", await found.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        var link = Assert.Single(found.Headers.GetValues("Link"));
        using var end = await _user.GetAsync(Resolved(found, link[1..link.IndexOf('>', StringComparison.Ordinal)]));
        Assert.Equal(HttpStatusCode.NoContent, end.StatusCode);

        using var _ = await _user.PutAsync("/log/topics/other", null);
        var topics = await _user.GetFromJsonAsync<JsonElement>("/log/topics?limit=1");
        var next = new Uri(new Uri(_user.BaseAddress!, "/log/topics?limit=1"), topics.GetProperty("next").GetString());
        Assert.Contains("\"other\"", await _user.GetStringAsync(next), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fetch_AuthenticatedUser_IsPrivateToCaches()
    {
        var value = $"{{\"text\":\"{new string('x', 5000)}\"}}";
        using var first = await _user.PostAsync("/log/topics/orders", Json(value));
        using var second = await _user.PostAsync("/log/topics/orders", Json(value));
        var topic = await _user.GetFromJsonAsync<JsonElement>("/log/topics/orders");
        using var page = await _user.GetAsync(
            $"/log/topics/orders/0?partition=0&v={topic.GetProperty("id").GetString()}&maxBytes=4096"
        );
        Assert.True(page.Headers.CacheControl is { Private: true, Public: false }, $"{page.Headers.CacheControl}");
    }

    [Fact]
    public async Task Produce_BodyAboveKestrelDefault_IsAppended()
    {
        // Kestrel's own limit is 30 MB. The log's limit is MaxBodyBytes.
        var line = Encoding.UTF8.GetBytes($"\"{new string('x', 500_000)}\"\n");
        var body = new byte[line.Length * 64];
        for (var i = 0; i < 64; i++)
            line.CopyTo(body, i * line.Length);
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new("application/x-ndjson");
        using var response = await _user.PostAsync("/log/topics/orders", content);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
    }

    [Fact]
    public async Task Fetch_SampleListener_UsesSendfile()
    {
        var (bytes, meters) = (0L, _factory.Services.GetRequiredService<IMeterFactory>());
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Name == SendFileMeter.RegionBytes && instrument.Meter.Scope == meters)
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>(
            (_, measurement, tags, _) =>
            {
                if (tags.Contains(new("path", "sendfile")))
                    Interlocked.Add(ref bytes, measurement);
            }
        );
        listener.Start();
        using var appended = await _user.PostAsync("/log/topics/orders", Json($"\"{new string('x', 200_000)}\""));
        var page = await _user.GetByteArrayAsync("/log/topics/orders/earliest");
        // The server counts after the client has the last byte. Other systems copy instead.
        if (OperatingSystem.IsLinux())
            await UntilAsync(() => Task.FromResult(Interlocked.Read(ref bytes) == page.Length));
    }

    static async Task UntilAsync(Func<Task<bool>> condition)
    {
        for (var started = Stopwatch.StartNew(); !await condition(); await Task.Delay(10))
            Assert.True(started.Elapsed < TimeSpan.FromSeconds(30), "It has not come about in 30 s.");
    }

    static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    static Uri Resolved(HttpResponseMessage response, string reference) =>
        new(response.RequestMessage!.RequestUri!, reference);

    sealed class Factory(string directory) : WebApplicationFactory<Order>
    {
        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            builder.UseContentRoot(AppContext.BaseDirectory);
            builder.UseSetting("LogHttp:DataDirectory", directory);
            builder.UseSetting("ApiKey", Key);
        }
    }
}
