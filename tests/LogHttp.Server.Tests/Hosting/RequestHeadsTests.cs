using System.Net;
using LogHttp.Server.Hosting;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.Server.Tests.Hosting;

/// <summary>The memory that large request heads hold while their requests wait.</summary>
public sealed class RequestHeadsTests
{
    const int Room = 700_000;
    static readonly (string, string)[] Settings =
    [
        ("MaxHeldHeadBytes", $"{Room * 2}"),
        ("MaxClientHeldHeadBytes", $"{Room}"),
        ("TrustedProxies", "127.0.0.1;::1"),
    ];

    [Theory]
    [InlineData("/topics/t/latest?wait=60s")]
    [InlineData("/topics/t/latest?follow=true")]
    [InlineData("/stream?topics=t")]
    public async Task Get_LargeHeadsAboveLimit_RejectsFurther(string target)
    {
        using var server = new TestServer(Settings);
        (await server.PostAsync("/topics/t", "text/plain", "x")).EnsureSuccessStatusCode();
        var waiting = await FillAsync(server, target);
        Assert.InRange(server.HeldHeadBytes, 600_000, Room);

        // Other clients, and small heads of this one, have room.
        Assert.StartsWith(
            "HTTP/1.1 200",
            await SendAsync(server, "/topics", "X-Forwarded-For: 192.0.2.7\r\n" + Large),
            StringComparison.Ordinal
        );
        Assert.StartsWith("HTTP/1.1 200", await SendAsync(server, "/topics", ""), StringComparison.Ordinal);

        foreach (var connection in waiting)
            connection.Dispose();
        await TestServer.UntilAsync(() => server.HeldHeadBytes == 0);
        Assert.StartsWith("HTTP/1.1 200", await SendAsync(server, "/topics", Large), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_LargeUrl_CountsSeveralTimes()
    {
        using var server = new TestServer(Settings);
        (await server.PostAsync("/topics/t", "text/plain", "x")).EnsureSuccessStatusCode();
        using var connection = new RawRequest.Connection(server.Client.BaseAddress!);
        await connection.WriteAsync(
            $"GET /topics/t/latest?wait=60s&key={new string('k', 60_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        );
        await TestServer.UntilAsync(() => server.Waiting == 1);
        Assert.InRange(server.HeldHeadBytes, 480_000, 490_000);
    }

    [Fact]
    public async Task Get_LargeHead_ClosesConnection()
    {
        using var server = new TestServer();
        using var connection = new RawRequest.Connection(server.Client.BaseAddress!);
        await connection.WriteAsync("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Assert.Equal("HTTP/1.1 200 OK", await connection.ReadLineAsync());
        await connection.WriteAsync($"GET /healthz HTTP/1.1\r\nHost: localhost\r\n{Large}\r\n");
        Assert.Contains("Connection: close", await connection.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetOverHttp2_LargeHeadsAboveLimit_RejectsFurther()
    {
        using var certificate = TestCertificate.Create();
        using var server = new TestServer(certificate, Settings);
        (await server.PostAsync("/topics/t", "text/plain", "x")).EnsureSuccessStatusCode();
        using var handler = new SocketsHttpHandler
        {
            SslOptions =
            {
                RemoteCertificateValidationCallback = (_, shown, _, _) =>
                    shown!.GetCertHashString() == certificate.GetCertHashString(),
            },
        };
        using var client = new HttpClient(handler) { BaseAddress = server.AddressOf("https") };
        using var cancellation = new CancellationTokenSource();
        var polls = new List<Task<HttpResponseMessage>>();
        for (var waiting = 1; waiting <= 5; waiting++)
        {
            polls.Add(GetAsync("/topics/t/latest?wait=60s"));
            await TestServer.UntilAsync(() => server.Waiting == waiting);
        }
        using var refused = await GetAsync("/topics/t/latest?wait=60s");
        await TestServer.ProblemAsync(
            refused,
            HttpStatusCode.ServiceUnavailable,
            "overloaded",
            "MaxClientHeldHeadBytes"
        );
        await cancellation.CancelAsync();
        await TestServer.UntilAsync(() => server.HeldHeadBytes == 0);
        Assert.All(polls, poll => Assert.False(poll.IsCompletedSuccessfully));

        Task<HttpResponseMessage> GetAsync(string path)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, path)
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            for (var number = 0; number < 15; number++)
                request.Headers.TryAddWithoutValidation($"x-{number}", new string('x', 3_900));
            return client.SendAsync(request, cancellation.Token);
        }
    }

    [Fact]
    public async Task TryHold_RequestEnds_ReleasesHeaders()
    {
        var response = new Response();
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpResponseFeature>(response);
        context.Request.Protocol = "HTTP/2";
        context.Request.Headers.Cookie = new string('x', RequestHeads.SmallBytes);
        var heads = new RequestHeads(Room, Room);
        Assert.True(heads.TryHold(context));
        Assert.InRange(heads.HeldBytes, 2 * RequestHeads.SmallBytes, 3 * RequestHeads.SmallBytes);
        await response.CompleteAsync();
        Assert.Equal(0, heads.HeldBytes);
        Assert.Empty(context.Request.Headers);
    }

    static string Large => $"X-A: {new string('x', 60_000)}\r\n";

    /// <summary>Sends five requests that wait and a sixth that is refused. Returns the five.</summary>
    static async Task<List<RawRequest.Connection>> FillAsync(TestServer server, string target)
    {
        var waiting = new List<RawRequest.Connection>();
        while (waiting.Count < 5)
        {
            var connection = new RawRequest.Connection(server.Client.BaseAddress!);
            waiting.Add(connection);
            await connection.WriteAsync($"GET {target} HTTP/1.1\r\nHost: localhost\r\n{Large}\r\n");
            await TestServer.UntilAsync(() => server.Waiting == waiting.Count);
        }
        var answer = await SendAsync(server, target, Large).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.StartsWith("HTTP/1.1 503", answer, StringComparison.Ordinal);
        Assert.Contains("MaxClientHeldHeadBytes", answer, StringComparison.Ordinal);
        return waiting;
    }

    static Task<string> SendAsync(TestServer server, string target, string headers) =>
        RawRequest.SendAsync(
            server.Client.BaseAddress!,
            $"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        );

    sealed class Response : HttpResponseFeature
    {
        (Func<object, Task> Callback, object State)? _completed;

        public override void OnCompleted(Func<object, Task> callback, object state) => _completed = (callback, state);

        public Task CompleteAsync() => _completed!.Value.Callback(_completed.Value.State);
    }
}
