using System.Net;
using System.Text;
using CsCheck;
using LogHttp.Kestrel.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace LogHttp.Kestrel.Tests;

public sealed class RegionTests
{
    private const int Small = 8 * 1024;
    private const int Slice = 64 * 1024;
    private static readonly SendFileOptions Options = new() { SmallRegionBytes = Small, SliceBytes = Slice };

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Small - 1)]
    [InlineData(Small)]
    [InlineData(Small + 1)]
    [InlineData(Slice - 1)]
    [InlineData(Slice)]
    [InlineData(Slice + 1)]
    [InlineData(7 * Slice + 4097)]
    public async Task Region_AnySize_ArrivesWhole(int lengthBytes)
    {
        using var file = new TempFile(8 * Slice);
        await using var host = await KestrelHost.StartAsync(Handlers.Region(file, 4_321, lengthBytes), Options);
        using var client = host.NewClient();

        Assert.Equal(file.Bytes[4_321..(4_321 + lengthBytes)], await client.GetByteArrayAsync("/"));
        Assert.Equal(lengthBytes > Small ? lengthBytes : 0, (await host.SettledAsync()).SendFile);
        Assert.Equal(lengthBytes > Small ? 0 : lengthBytes, (await host.SettledAsync()).Buffer);
        Assert.Equal(0, (await host.SettledAsync()).Copy);
    }

    [Fact]
    public async Task Region_FewMegabytesWithDefaults_ArrivesWhole()
    {
        using var file = new TempFile(5_000_000);
        await using var host = await KestrelHost.StartAsync(Handlers.Region(file, 12_345, 4_000_000));
        using var client = host.NewClient();

        Assert.Equal(file.Bytes[12_345..4_012_345], await client.GetByteArrayAsync("/"));
        Assert.Equal(4_000_000, (await host.SettledAsync()).SendFile);
    }

    [Fact]
    public async Task Region_DefaultPage_UsesSendfile()
    {
        using var file = new TempFile(64 * 1024);
        await using var host = await KestrelHost.StartAsync(Handlers.Region(file, 0, 64 * 1024));
        using var client = host.NewClient();

        await client.GetByteArrayAsync("/");
        Assert.Equal(64 * 1024, (await host.SettledAsync()).SendFile);
    }

    [Fact]
    public async Task Regions_AnyNumberPositionAndSize_ArriveInOrder()
    {
        using var file = new TempFile(600_000);
        await using var tiny = await KestrelHost.StartAsync(
            Handlers.RegionsOfQuery(file),
            new() { SmallRegionBytes = 0, SliceBytes = 4 * 1024 }
        );
        await using var usual = await KestrelHost.StartAsync(Handlers.RegionsOfQuery(file), Options);
        await using var large = await KestrelHost.StartAsync(Handlers.RegionsOfQuery(file));
        using var clients = new Clients(tiny, usual, large);

        var size = Gen.OneOf(
            Gen.Int[0, 300],
            Gen.Int[4_000, 4_200],
            Gen.Int[8_100, 8_300],
            Gen.Int[65_000, 66_000],
            Gen.Int[0, 250_000]
        );
        var region = Gen.Select(Gen.Int[0, 350_000], size);
        await Gen.Select(region.Array[1, 6], Gen.Int[0, 2], Gen.Bool)
            .SampleAsync(
                async (regions, which, chunked) =>
                {
                    var query = string.Join(',', regions.Select(one => $"{one.Item1}-{one.Item2}"));
                    var expected = regions.SelectMany(one => file.Bytes[one.Item1..(one.Item1 + one.Item2)]).ToArray();
                    Assert.Equal(
                        expected,
                        await clients[which].GetByteArrayAsync($"/?r={query}{(chunked ? "&chunked" : "")}")
                    );
                },
                iter: 150,
                threads: 2
            );
        Assert.True(
            (await tiny.SettledAsync()).SendFile > 0
                && (await usual.SettledAsync()).SendFile > 0
                && (await large.SettledAsync()).SendFile > 0
        );
        Assert.Equal(
            0,
            (await tiny.SettledAsync()).Copy + (await usual.SettledAsync()).Copy + (await large.SettledAsync()).Copy
        );
    }

    [Fact]
    public async Task Regions_InHandwrittenChunks_UseSendfile()
    {
        using var file = new TempFile(300_000);
        await using var host = await KestrelHost.StartAsync(Handlers.RegionsOfQuery(file), Options);
        using var client = await RawClient.ConnectAsync(host);

        await client.GetAsync("/?r=10-100000,200000-100000&chunked");
        var (headers, body) = await client.ReadResponseAsync();
        Assert.Contains("Transfer-Encoding: chunked", headers, StringComparison.Ordinal);
        Assert.Equal((byte[])[.. file.Bytes[10..100_010], .. file.Bytes[200_000..300_000]], body);
        Assert.Equal(200_000, (await host.SettledAsync()).SendFile);
        Assert.Equal(0, (await host.SettledAsync()).Copy);

        // The connection is kept alive.
        await client.GetAsync("/?r=0-50");
        Assert.Equal(file.Bytes[..50], (await client.ReadResponseAsync()).Body);
    }

    [Fact]
    public async Task Region_BetweenOrdinaryWrites_KeepsOrder()
    {
        using var file = new TempFile(100_000);
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            await using var stream = file.Open();
            context.Response.ContentLength = 100_010;
            await context.Response.WriteAsync("first");
            await context.SendRegionAsync(stream, 0, 100_000);
            await context.Response.WriteAsync("after");
        });
        using var client = host.NewClient();

        var body = await client.GetByteArrayAsync("/");
        Assert.Equal("first", Encoding.ASCII.GetString(body[..5]));
        Assert.Equal(file.Bytes, body[5..^5]);
        Assert.Equal("after", Encoding.ASCII.GetString(body[^5..]));
        Assert.Equal(100_000, (await host.SettledAsync()).SendFile);
    }

    [Fact]
    public async Task Region_AfterUnflushedBytes_KeepsOrder()
    {
        using var file = new TempFile(100_000);
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            await using var stream = file.Open();
            context.Response.ContentLength = 100_005;
            Encoding.ASCII.GetBytes("first").CopyTo(context.Response.BodyWriter.GetMemory(5));
            context.Response.BodyWriter.Advance(5);
            await context.SendRegionAsync(stream, 0, 100_000);
        });
        using var client = host.NewClient();

        var body = await client.GetByteArrayAsync("/");
        Assert.Equal("first", Encoding.ASCII.GetString(body[..5]));
        Assert.Equal(file.Bytes, body[5..]);
        Assert.Equal(100_000, (await host.SettledAsync()).SendFile);
    }

    [Fact]
    public async Task Region_WithoutContentLength_IsCopiedIntoServerChunks()
    {
        using var file = new TempFile(200_000);
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            await using var stream = file.Open();
            await context.SendRegionAsync(stream, 0, 200_000);
            await context.SendRegionAsync(stream, 0, 10);
        });
        using var client = host.NewClient();

        Assert.Equal((byte[])[.. file.Bytes, .. file.Bytes[..10]], await client.GetByteArrayAsync("/"));
        Assert.Equal(200_010, (await host.SettledAsync()).Copy);
        Assert.Equal(0, (await host.SettledAsync()).SendFile);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(200_000)]
    public async Task Head_OfRegion_SendsLengthAndNoBody(int lengthBytes)
    {
        using var file = new TempFile(200_000);
        await using var host = await KestrelHost.StartAsync(Handlers.Region(file, 0, lengthBytes));
        using var client = await RawClient.ConnectAsync(host);

        await client.SendAsync("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
        Assert.Contains(
            $"Content-Length: {lengthBytes}\r\n",
            await client.ReadHeadersAsync(),
            StringComparison.Ordinal
        );

        // The next response follows at once, without any byte of a body before it.
        await client.GetAsync("/");
        Assert.Equal(file.Bytes[..lengthBytes], (await client.ReadResponseAsync()).Body);
        Assert.Equal(lengthBytes, (await host.SettledAsync()).SendFile + (await host.SettledAsync()).Buffer);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(200_000)]
    public async Task Head_InLowerCase_IsOtherMethodWithBody(int lengthBytes)
    {
        using var file = new TempFile(200_000);
        await using var host = await KestrelHost.StartAsync(Handlers.Region(file, 0, lengthBytes));
        using var client = await RawClient.ConnectAsync(host);

        await client.SendAsync("head / HTTP/1.1\r\nHost: test\r\n\r\n");
        Assert.Equal(file.Bytes[..lengthBytes], (await client.ReadResponseAsync()).Body);
    }

    [Theory]
    [InlineData("GET / HTTP/1.0\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")]
    public async Task Region_BeforeConnectionClose_ArrivesWhole(string request)
    {
        using var file = new TempFile(3_000_000);
        await using var host = await KestrelHost.StartAsync(Handlers.Region(file, 0, 3_000_000));
        using var client = await RawClient.ConnectAsync(host);

        await client.SendAsync(request);
        Assert.Contains("Connection: close", await client.ReadHeadersAsync(), StringComparison.Ordinal);
        Assert.Equal(file.Bytes, await client.ReadToEndAsync());
        Assert.Equal(3_000_000, (await host.SettledAsync()).SendFile);
    }

    [Fact]
    public async Task Region_Http10WithoutContentLength_EndsWithConnection()
    {
        using var file = new TempFile(300_000);
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            await using var stream = file.Open();
            await context.SendRegionAsync(stream, 0, 300_000);
        });
        using var client = await RawClient.ConnectAsync(host);

        await client.SendAsync("GET / HTTP/1.0\r\n\r\n");
        await client.ReadHeadersAsync();
        Assert.Equal(file.Bytes, await client.ReadToEndAsync());
        Assert.Equal(300_000, (await host.SettledAsync()).SendFile);
    }

    [Theory]
    [InlineData(50)]
    [InlineData(100_000)]
    public async Task Region_LargerThanContentLength_IsRejectedByServer(int lengthBytes)
    {
        using var file = new TempFile(200_000);
        var thrown = new TaskCompletionSource<Exception?>();
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            await using var stream = file.Open();
            context.Response.ContentLength = lengthBytes - 1;
            thrown.TrySetResult(await Record.ExceptionAsync(() => context.SendRegionAsync(stream, 0, lengthBytes)));
        });
        using var client = await RawClient.ConnectAsync(host);

        await client.GetAsync("/");
        Assert.IsType<InvalidOperationException>(await thrown.Task);
        var received = Encoding.Latin1.GetString(await client.ReadToEndAsync());
        Assert.EndsWith("\r\n\r\n", received, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Region_SmallerThanContentLength_ClosesConnection()
    {
        using var file = new TempFile(200_000);
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            await using var stream = file.Open();
            context.Response.ContentLength = 100_001;
            await context.SendRegionAsync(stream, 0, 100_000);
        });
        using var client = await RawClient.ConnectAsync(host);

        await client.GetAsync("/");
        await client.ReadHeadersAsync();
        Assert.Equal(100_000, (await client.DrainAsync()).ReceivedBytes);
    }

    [Fact]
    public async Task Region_ResponseWithoutBody_IsRejectedByServer()
    {
        using var file = new TempFile(100);
        var thrown = new TaskCompletionSource<Exception?>();
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            await using var stream = file.Open();
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            thrown.TrySetResult(await Record.ExceptionAsync(() => context.SendRegionAsync(stream, 0, 100)));
        });
        using var client = host.NewClient();

        Assert.Equal(HttpStatusCode.NoContent, (await client.GetAsync("/")).StatusCode);
        Assert.IsType<InvalidOperationException>(await thrown.Task);
    }

    [Fact]
    public async Task File_NotAsynchronous_IsRejectedBeforeResponseStarts()
    {
        using var file = new TempFile(100);
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            await using var stream = new FileStream(file.Path, FileMode.Open, FileAccess.Read);
            var refused = await Assert.ThrowsAsync<ArgumentException>(() => context.SendRegionAsync(stream, 0, 100));
            await context.Response.WriteAsync(refused.Message);
        });
        using var client = host.NewClient();

        Assert.Contains("FileOptions.Asynchronous", await client.GetStringAsync("/"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task File_AfterRegion_IsOpenAndUnmoved()
    {
        using var file = new TempFile(100_000);
        await using var stream = file.Open();
        stream.Position = 17;
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            context.Response.ContentLength = 100_000;
            await context.SendRegionAsync(stream, 0, 100_000);
        });
        using var client = host.NewClient();

        await client.GetByteArrayAsync("/");
        Assert.Equal(17, stream.Position);
        Assert.Equal(file.Bytes[17], stream.ReadByte());
    }

    [Fact]
    public async Task File_ManyRequests_ServesThemAll()
    {
        using var file = new TempFile(2_000_000);
        await using var stream = file.Open();
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            var (position, length) = Handlers.ParseRegions(context.Request.Query["r"]!)[0];
            context.Response.ContentLength = length;
            await context.SendRegionAsync(stream, position, length);
        });
        using var client = host.NewClient();

        await Task.WhenAll(
            Enumerable
                .Range(0, 32)
                .Select(async index =>
                    Assert.Equal(
                        file.Bytes[(index * 1000)..(index * 1000 + 1_500_000)],
                        await client.GetByteArrayAsync($"/?r={index * 1000}-1500000")
                    )
                )
        );
    }

    private sealed class Clients(params KestrelHost[] hosts) : IDisposable
    {
        private readonly HttpClient[] _clients = [.. hosts.Select(host => host.NewClient())];

        internal HttpClient this[int index] => _clients[index];

        public void Dispose() => Array.ForEach(_clients, client => client.Dispose());
    }
}
