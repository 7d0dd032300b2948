using System.Net;
using LogHttp.Kestrel.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;

namespace LogHttp.Kestrel.Tests;

public sealed class SecureAndHttp2Tests
{
    private const int LengthBytes = 1_234_567;

    public static TheoryData<string, string, bool> Transports =>
        new()
        {
            { "plain", "1.1", true },
            { "plain", "2.0", false },
            { "UseSendFile then UseHttps", "1.1", false },
            { "UseSendFile then UseHttps", "2.0", false },
            { "UseHttps then UseSendFile", "1.1", false },
            { "UseHttps then UseSendFile", "2.0", false },
            { "no UseSendFile", "1.1", false },
        };

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Region_AnyTransport_HasSameBytes(string transport, string version, bool bySendfile)
    {
        using var file = new TempFile(2_000_000);
        await using var host = await KestrelHost.StartAsync(
            Handlers.Region(file, 777, LengthBytes),
            listen: endpoint => Listen(endpoint, transport, version)
        );
        using var client = host.NewClient(Version.Parse(version));

        // Twice: the state left by the first response must not disturb the second.
        for (var times = 1; times <= 2; times++)
        {
            Assert.Equal(file.Bytes[777..(777 + LengthBytes)], await client.GetByteArrayAsync("/"));
            Assert.Equal(bySendfile ? times * LengthBytes : 0, (await host.SettledAsync()).SendFile);
            Assert.Equal(bySendfile ? 0 : times * LengthBytes, (await host.SettledAsync()).Copy);
        }
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task SmallRegionsAndHead_AnyTransport_AreTheSame(string transport, string version, bool bySendfile)
    {
        using var file = new TempFile(2_000);
        await using var host = await KestrelHost.StartAsync(
            Handlers.Region(file, 7, 1_000),
            listen: endpoint => Listen(endpoint, transport, version)
        );
        using var client = host.NewClient(Version.Parse(version));

        using var head = await client.SendAsync(
            new(HttpMethod.Head, "/")
            {
                Version = client.DefaultRequestVersion,
                VersionPolicy = client.DefaultVersionPolicy,
            }
        );
        Assert.Equal(1_000, head.Content.Headers.ContentLength);
        Assert.Equal(file.Bytes[7..1_007], await client.GetByteArrayAsync("/"));
        Assert.Equal(bySendfile ? 1_000 : 0, (await host.SettledAsync()).Buffer);
    }

    [Fact]
    public async Task Regions_ConcurrentHttp2Streams_StaySeparate()
    {
        using var file = new TempFile(1_000_000);
        await using var host = await KestrelHost.StartAsync(
            Handlers.RegionsOfQuery(file),
            listen: endpoint => Listen(endpoint, "UseSendFile then UseHttps", "2.0")
        );
        using var client = host.NewClient(HttpVersion.Version20);

        await Task.WhenAll(
            Enumerable
                .Range(0, 40)
                .Select(async index =>
                    Assert.Equal(
                        file.Bytes[(index * 999)..(index * 999 + 400_000)],
                        await client.GetByteArrayAsync($"/?r={index * 999}-400000")
                    )
                )
        );
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Region_CutShortOverTls_FailsAtClient(string version)
    {
        using var file = new TempFile(100_000);
        await using var host = await KestrelHost.StartAsync(
            Handlers.Region(file, 0, 200_000),
            listen: endpoint => Listen(endpoint, "UseSendFile then UseHttps", version)
        );
        using var client = host.NewClient(Version.Parse(version));

        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetByteArrayAsync("/"));
        await host.Logs.WaitForAsync(3);
    }

    [Fact]
    public async Task Region_UnderTestServer_IsCopied()
    {
        using var file = new TempFile(300_000);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseTestServer();
        builder.Services.AddMetrics();
        await using var app = builder.Build();
        using var counted = new CountedBytes(
            app.Services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>()
        );
        app.UseSendFile();
        app.Run(Handlers.Region(file, 5, 200_000));
        await app.StartAsync();

        using var client = ((TestServer)app.Services.GetRequiredService<IServer>()).CreateClient();
        Assert.Equal(file.Bytes[5..200_005], await client.GetByteArrayAsync("/"));
        await Eventually.TrueAsync(() => counted.Copy == 200_000);
    }

    private static void Listen(ListenOptions endpoint, string transport, string version)
    {
        endpoint.Protocols = version == "2.0" ? HttpProtocols.Http2 : HttpProtocols.Http1;
        if (transport is "plain" or "UseSendFile then UseHttps")
            endpoint.UseSendFile();
        if (transport.Contains("UseHttps", StringComparison.Ordinal))
            endpoint.UseHttps(TestCertificate.Instance);
        if (transport == "UseHttps then UseSendFile")
            endpoint.UseSendFile();
    }
}
