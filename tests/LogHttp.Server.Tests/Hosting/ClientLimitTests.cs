using System.Buffers.Binary;
using System.Net;
using LogHttp.AspNetCore.Limits;
using LogHttp.Server.Hosting;

namespace LogHttp.Server.Tests.Hosting;

/// <summary>The limit of one client's requests.</summary>
public sealed class ClientLimitTests
{
    [Fact]
    public async Task Requests_AboveLimit_GetRetryAfterForThatClientAlone()
    {
        using var server = new TestServer(
            ("MaxClientRequestsPerSecond", "1"),
            ("MaxClientBurst", "3"),
            ("TrustedProxies", "127.0.0.1;::1")
        );
        using var refused = await ExhaustAsync(server, "192.0.2.1", least: 3);
        Assert.Equal("1", TestServer.Header(refused, "Retry-After"));
        var problem = await TestServer.ProblemAsync(
            refused,
            HttpStatusCode.TooManyRequests,
            "too_many_requests",
            "MaxClientRequestsPerSecond"
        );
        Assert.True(problem.GetProperty("retryable").GetBoolean());
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, "192.0.2.2")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync("/healthz")).StatusCode);
    }

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1", true)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    [InlineData("192.0.2.1", "::ffff:192.0.2.1", true)]
    [InlineData("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true)]
    [InlineData("2001:db8:0:1::1", "2001:db8:0:2::1", false)]
    public void NetworkOf_Address_IsIPv4AddressOrIPv6Network(string one, string other, bool isSame) =>
        Assert.Equal(
            isSame,
            ClientAddress.NetworkOf(IPAddress.Parse(one)) == ClientAddress.NetworkOf(IPAddress.Parse(other))
        );

    [Fact]
    public void Clients_AMillion_TakeBoundedMemory()
    {
        using var limiter = ClientLimit.CreateLimiter<IPAddress>(
            new ServerSettings { MaxClientRequestsPerSecond = 1 },
            static address => address
        );
        Ask(ClientLimit.Buckets);
        var beforeBytes = GC.GetTotalMemory(forceFullCollection: true);
        Ask(1_000_000);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - beforeBytes, long.MinValue, 64 << 20);

        void Ask(int clients)
        {
            Span<byte> address = stackalloc byte[16];
            for (var client = 0; client < clients; client++)
            {
                BinaryPrimitives.WriteInt32BigEndian(address[2..], client);
                using var lease = limiter.AttemptAcquire(new IPAddress(address));
            }
        }
    }

    [Fact]
    public async Task XForwardedFor_FromUntrusted_IsIgnored()
    {
        using var server = new TestServer(("MaxClientRequestsPerSecond", "1"));
        // Each request has an address of its own. If the limit went by addresses, all would be accepted.
        for (
            var client = 1;
            (await GetAsync(server, $"192.0.2.{client}")).StatusCode != HttpStatusCode.TooManyRequests;
            client++
        )
            Assert.True(client < 200, "Nobody was refused.");
    }

    [Fact]
    public async Task Requests_WithoutSetting_AreNotLimited()
    {
        using var server = new TestServer();
        for (var request = 0; request < 50; request++)
            Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, "192.0.2.1")).StatusCode);
    }

    /// <summary>
    /// Sends requests until one is refused. A bucket that gets one token a second empties in the end, however slow a
    /// request is.
    /// </summary>
    static async Task<HttpResponseMessage> ExhaustAsync(TestServer server, string client, int least)
    {
        for (var requests = 0; ; requests++)
        {
            var response = await GetAsync(server, client);
            if (response.StatusCode == HttpStatusCode.TooManyRequests)
            {
                Assert.True(requests >= least, $"refused after {requests}");
                return response;
            }
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    static Task<HttpResponseMessage> GetAsync(TestServer server, string client) =>
        server.SendAsync(HttpMethod.Get, "/topics", ("X-Forwarded-For", client));
}
