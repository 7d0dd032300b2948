using System.Net;

namespace LogHttp.Server.Tests.Hosting;

/// <summary>How many requests a client may send.</summary>
public sealed class ClientLimitTests
{
    [Fact]
    public async Task AClientThatSendsMore_IsToldToWait_AndOthersAreNot()
    {
        using var server = new TestServer(("MaxClientRequestsPerSecond", "1"), ("MaxClientBurst", "3"), ("TrustedProxies", "127.0.0.1;::1"));
        for (var request = 0; request < 3; request++)
            Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, "192.0.2.1")).StatusCode);
        using var refused = await GetAsync(server, "192.0.2.1");
        Assert.Equal("1", TestServer.Header(refused, "Retry-After"));
        var problem = await TestServer.ProblemAsync(refused, HttpStatusCode.TooManyRequests, "too_many_requests", "maxClientRequestsPerSecond");
        Assert.True(problem.GetProperty("retryable").GetBoolean());
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, "192.0.2.2")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync("/healthz")).StatusCode);
    }

    [Fact]
    public async Task AddressesOfOneIPv6Network_AreOneClient()
    {
        using var server = new TestServer(("MaxClientRequestsPerSecond", "1"), ("TrustedProxies", "127.0.0.1;::1"));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, "2001:db8:0:1::1")).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await GetAsync(server, "2001:db8:0:1:ffff::2")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, "2001:db8:0:2::1")).StatusCode);
    }

    [Fact]
    public async Task XForwardedFor_OfAnybodyElse_SaysNothing()
    {
        using var server = new TestServer(("MaxClientRequestsPerSecond", "1"));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, "192.0.2.1")).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await GetAsync(server, "192.0.2.2")).StatusCode);
    }

    [Fact]
    public async Task WithoutTheSetting_NobodyIsCounted()
    {
        using var server = new TestServer();
        for (var request = 0; request < 50; request++)
            Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, "192.0.2.1")).StatusCode);
    }

    static Task<HttpResponseMessage> GetAsync(TestServer server, string client) => server.SendAsync(HttpMethod.Get, "/topics", ("X-Forwarded-For", client));
}
