using LogHttp.Kestrel.Tests.Support;
using LogHttp.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace LogHttp.Kestrel.Tests;

/// <summary>
/// Readers that are slow, stop, or vanish. Sockets are small here, so that they take effect within seconds.
/// </summary>
public sealed class ReaderTests
{
    private const int ReceiveBufferBytes = 32 * 1024;

    // A rate that no reader here would meet. A response completes only because the rate does not apply to regions.
    private static readonly MinDataRate ServersRate = new(
        bytesPerSecond: 100_000_000,
        gracePeriod: TimeSpan.FromSeconds(1.01)
    );

    [Fact]
    public async Task SlowReader_KeepsReading_GetsWholeRegion()
    {
        // 100 KB/s for 100 MB, scaled. The region takes 4 s. That is twice the server's patience with its rate, and
        // four times LogHttp's own with a reader that takes nothing.
        const int regionBytes = 2_000_000;
        const int pieceBytes = 50_000;
        using var file = new TempFile(regionBytes);
        var options = new SendFileOptions { StalledReaderTimeout = TimeSpan.FromSeconds(1) };
        await using var host = await KestrelHost.StartAsync(
            Handlers.Region(file, 0, regionBytes),
            options,
            Handlers.SmallBuffers(options),
            server => server.Limits.MinResponseDataRate = ServersRate
        );
        using var client = await RawClient.ConnectAsync(host, ReceiveBufferBytes);

        await client.GetAsync("/");
        await client.ReadHeadersAsync();
        var received = new MemoryStream();
        while (received.Length < regionBytes)
        {
            received.Write(await client.ReadExactlyAsync(pieceBytes));
            await Task.Delay(100);
        }

        Assert.Equal(file.Bytes, received.ToArray());
        Assert.Equal(0, (await host.SettledAsync()).StalledReaders);
    }

    [Fact]
    public async Task SlowReader_SliceLongerThanTimeout_CountsAsProgress()
    {
        // One sendfile call for all of it, which takes longer than the limit. Only the peer's acknowledgements show
        // that it reads.
        const int regionBytes = 1_500_000;
        using var file = new TempFile(regionBytes);
        var options = new SendFileOptions
        {
            StalledReaderTimeout = TimeSpan.FromMilliseconds(600),
            SliceBytes = 4 * 1024 * 1024,
        };
        await using var host = await KestrelHost.StartAsync(
            Handlers.Region(file, 0, regionBytes),
            options,
            Handlers.SmallBuffers(options)
        );
        using var client = await RawClient.ConnectAsync(host, ReceiveBufferBytes);

        await client.GetAsync("/");
        await client.ReadHeadersAsync();
        for (var received = 0; received < regionBytes; received += 50_000)
        {
            await client.ReadExactlyAsync(50_000);
            await Task.Delay(50);
        }

        Assert.Equal(0, (await host.SettledAsync()).StalledReaders);
    }

    [Theory]
    [InlineData(50_000, true)]
    [InlineData(100, false)]
    public async Task SlowReader_BelowMinimumRate_IsDropped(int minBytesPerSecond, bool isDropped)
    {
        const int regionBytes = 8_000_000;
        using var file = new TempFile(regionBytes);
        var time = new SimulatedTime(DateTimeOffset.UnixEpoch);
        var options = new SendFileOptions
        {
            StalledReaderTimeout = TimeSpan.FromSeconds(20),
            MinReaderBytesPerSecond = minBytesPerSecond,
            SlowReaderWindow = TimeSpan.FromSeconds(8),
            TimeProvider = time,
        };
        await using var host = await KestrelHost.StartAsync(
            Handlers.Region(file, 0, regionBytes),
            options,
            Handlers.SmallBuffers(options)
        );
        using var client = await RawClient.ConnectAsync(host, ReceiveBufferBytes);
        await client.GetAsync("/");
        await client.ReadHeadersAsync();
        bool IsDropped() => host.Logs.Ours.Any(static entry => entry.EventId == 8);
        var received = 0;
        // Some bytes every second: the reader never stalls.
        for (var seconds = 0; seconds < (isDropped ? 30 : 14) && !IsDropped(); seconds++)
        {
            received += (await client.ReadExactlyAsync(20_000)).Length;
            await time.SendWaitsAsync();
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(isDropped, IsDropped());
        if (isDropped)
            Assert.True((await client.DrainAsync()).ReceivedBytes < regionBytes / 2);
        else
            await client.ReadExactlyAsync(regionBytes - received);
    }

    [Fact]
    public async Task OrdinaryResponse_AfterRegion_IgnoresServerRate()
    {
        using var file = new TempFile(500_000);
        await using var host = await KestrelHost.StartAsync(
            context =>
                context.Request.Path == "/region"
                    ? Handlers.Region(file, 0, 500_000)(context)
                    : context.Response.WriteAsync(new string('j', 300_000)),
            listen: Handlers.SmallBuffers(),
            server: server => server.Limits.MinResponseDataRate = ServersRate
        );
        using var client = await RawClient.ConnectAsync(host, ReceiveBufferBytes);

        await client.GetAsync("/region");
        await client.GetAsync("/json");
        Assert.Equal(file.Bytes, (await client.ReadResponseAsync()).Body);
        await Task.Delay(3_000);
        Assert.Equal(300_000, (await client.ReadResponseAsync()).Body.Length);
    }

    [Fact]
    public async Task StoppedReader_OfRegion_IsDroppedByTimeout()
    {
        using var file = new TempFile(4_000_000);
        var options = new SendFileOptions { StalledReaderTimeout = TimeSpan.FromMilliseconds(400) };
        var ended = new TaskCompletionSource();
        await using var host = await KestrelHost.StartAsync(
            Ending(ended, Handlers.Region(file, 0, 4_000_000)),
            options,
            Handlers.SmallBuffers(options)
        );
        using var client = await RawClient.ConnectAsync(host, ReceiveBufferBytes);

        await client.GetAsync("/");
        var logged = await host.Logs.WaitForAsync(2);
        Assert.Contains(nameof(SendFileOptions.StalledReaderTimeout), logged.Message, StringComparison.Ordinal);
        Assert.Equal(1, (await host.SettledAsync()).StalledReaders);

        // The file is released, and a reader that returns sees that the response was incomplete.
        await ended.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.True((await client.DrainAsync()).ReceivedBytes < 4_000_000);
    }

    [Fact]
    public async Task StoppedReader_OfOrdinaryResponse_IsDroppedByServerRate()
    {
        await using var host = await KestrelHost.StartAsync(
            context => context.Response.WriteAsync(new string('x', 4_000_000)),
            listen: Handlers.SmallBuffers(),
            server: server => server.Limits.MinResponseDataRate = ServersRate
        );
        using var client = await RawClient.ConnectAsync(host, ReceiveBufferBytes);

        await client.GetAsync("/");
        await Eventually.TrueAsync(() =>
            host.Logs.Entries.Any(entry =>
                entry.Message.Contains("minimum data rate", StringComparison.OrdinalIgnoreCase)
            )
        );
        Assert.True((await client.DrainAsync()).ReceivedBytes < 4_000_000);
        Assert.Equal(0, (await host.SettledAsync()).StalledReaders);
    }

    [Fact]
    public async Task StoppedReader_WithoutServerRate_IsDroppedByTimeout()
    {
        var options = new SendFileOptions { StalledReaderTimeout = TimeSpan.FromMilliseconds(400) };
        await using var host = await KestrelHost.StartAsync(
            context => context.Response.WriteAsync(new string('x', 4_000_000)),
            options,
            Handlers.SmallBuffers(options),
            server => server.Limits.MinResponseDataRate = null
        );
        using var client = await RawClient.ConnectAsync(host, ReceiveBufferBytes);

        await client.GetAsync("/");
        await host.Logs.WaitForAsync(2);
        Assert.True((await client.DrainAsync()).ReceivedBytes < 4_000_000);
    }

    [Fact]
    public async Task Client_DisconnectsWithinRegion_LeavesNothingBehind()
    {
        using var file = new TempFile(4_000_000);
        var ended = new TaskCompletionSource();
        await using var host = await KestrelHost.StartAsync(
            Ending(ended, Handlers.Region(file, 0, 4_000_000)),
            listen: Handlers.SmallBuffers()
        );
        var client = await RawClient.ConnectAsync(host, ReceiveBufferBytes);

        await client.GetAsync("/");
        await client.ReadExactlyAsync(100_000);
        client.Vanish();
        await ended.Task.WaitAsync(TimeSpan.FromSeconds(20));

        // The event is expected, so it is logged at Debug, and the next client is served.
        Assert.DoesNotContain(host.Logs.Ours, entry => entry.Level > LogLevel.Debug);
        using var next = host.NewClient();
        Assert.Equal(file.Bytes, await next.GetByteArrayAsync("/"));
    }

    [Fact]
    public async Task Clients_DisconnectAnywhere_LeaveNothingBehind()
    {
        using var file = new TempFile(1_000_000);
        await using var host = await KestrelHost.StartAsync(
            Handlers.RegionsOfQuery(file),
            new() { SliceBytes = 16 * 1024 }
        );

        var random = new Random(7);
        await Task.WhenAll(
            Enumerable
                .Range(0, 100)
                .Select(_ => random.Next(600_000))
                .ToArray()
                .Select(async readBytes =>
                {
                    var client = await RawClient.ConnectAsync(host, ReceiveBufferBytes);
                    await client.GetAsync("/?r=0-200000,100-10,5-300000,9-100000");
                    await client.ReadExactlyAsync(readBytes);
                    client.Vanish();
                })
        );
        await host.SettledAsync();
        Assert.DoesNotContain(host.Logs.Ours, entry => entry.Level > LogLevel.Debug);
    }

    [Theory]
    [InlineData(2_000_000)]
    [InlineData(20_000)]
    public async Task File_ShorterThanRegion_AbortsConnection(int lengthBytes)
    {
        using var file = new TempFile(lengthBytes - 1);
        var thrown = new TaskCompletionSource<Exception?>();
        await using var host = await KestrelHost.StartAsync(async context =>
            thrown.SetResult(await Record.ExceptionAsync(() => Handlers.Region(file, 0, lengthBytes)(context)))
        );
        using var client = await RawClient.ConnectAsync(host);

        await client.GetAsync("/");
        var (receivedBytes, wasReset) = await client.DrainAsync();
        Assert.True(wasReset);
        Assert.True(receivedBytes < lengthBytes + 200);
        Assert.IsType<EndOfStreamException>(await thrown.Task);
        Assert.Equal(LogLevel.Error, (await host.Logs.WaitForAsync(3)).Level);
    }

    [Theory]
    [InlineData(64 * 1024)]
    [InlineData(4 * 1024 * 1024)]
    public async Task File_TruncatedWithinRegion_AbortsConnection(int sliceBytes)
    {
        var options = new SendFileOptions { SliceBytes = sliceBytes };
        using var file = new TempFile(4_000_000);
        var thrown = new TaskCompletionSource<Exception?>();
        await using var host = await KestrelHost.StartAsync(
            async context =>
                thrown.SetResult(await Record.ExceptionAsync(() => Handlers.Region(file, 0, 4_000_000)(context))),
            options,
            Handlers.SmallBuffers(options)
        );
        using var client = await RawClient.ConnectAsync(host, ReceiveBufferBytes);

        await client.GetAsync("/");
        await client.ReadHeadersAsync();
        Assert.Equal(file.Bytes[..100_000], await client.ReadExactlyAsync(100_000));
        file.Truncate(2_000_000);
        Assert.True((await client.DrainAsync()).ReceivedBytes <= 1_900_000);
        Assert.IsType<EndOfStreamException>(await thrown.Task);
    }

    [Fact]
    public async Task Region_CancelledWithin_AbortsConnection()
    {
        using var file = new TempFile(4_000_000);
        using var cancel = new CancellationTokenSource();
        var thrown = new TaskCompletionSource<Exception?>();
        await using var host = await KestrelHost.StartAsync(
            async context =>
            {
                await using var stream = file.Open();
                context.Response.ContentLength = 4_000_000;
                thrown.SetResult(
                    await Record.ExceptionAsync(() => context.SendRegionAsync(stream, 0, 4_000_000, cancel.Token))
                );
            },
            listen: Handlers.SmallBuffers()
        );
        using var client = await RawClient.ConnectAsync(host, ReceiveBufferBytes);

        await client.GetAsync("/");
        await client.ReadExactlyAsync(100_000);
        await cancel.CancelAsync();
        Assert.IsAssignableFrom<OperationCanceledException>(await thrown.Task);
        Assert.True((await client.DrainAsync()).ReceivedBytes < 3_900_000);
    }

    [Fact]
    public async Task Region_CancelledBefore_LeavesResponseToHandler()
    {
        using var file = new TempFile(4_000);
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            await using var stream = file.Open();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
                context.SendRegionAsync(stream, 0, 4_000, new CancellationToken(true))
            );
            await context.Response.WriteAsync("something else");
        });
        using var client = host.NewClient();

        Assert.Equal("something else", await client.GetStringAsync("/"));
    }

    [Fact]
    public async Task Server_StoppedWithinRegion_EndsRegion()
    {
        using var file = new TempFile(4_000_000);
        var ended = new TaskCompletionSource();
        await using var host = await KestrelHost.StartAsync(
            Ending(ended, Handlers.Region(file, 0, 4_000_000)),
            listen: Handlers.SmallBuffers()
        );
        using var client = await RawClient.ConnectAsync(host, ReceiveBufferBytes);

        await client.GetAsync("/");
        await client.ReadExactlyAsync(100_000);
        using var hurry = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await host.App.StopAsync(hurry.Token);
        await ended.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.True((await client.DrainAsync()).ReceivedBytes < 3_900_000);
    }

    [Fact]
    public async Task Server_StoppedGracefully_CompletesRegion()
    {
        using var file = new TempFile(4_000_000);
        await using var host = await KestrelHost.StartAsync(
            Handlers.Region(file, 0, 4_000_000),
            listen: Handlers.SmallBuffers()
        );
        using var client = await RawClient.ConnectAsync(host, ReceiveBufferBytes);

        await client.GetAsync("/");
        await client.ReadHeadersAsync();
        var first = await client.ReadExactlyAsync(100_000);
        var stopping = host.App.StopAsync();
        Assert.Equal(file.Bytes, first.Concat(await client.ReadExactlyAsync(3_900_000)).ToArray());
        await stopping;
        Assert.Empty(await client.ReadToEndAsync());
    }

    private static RequestDelegate Ending(TaskCompletionSource ended, RequestDelegate handler) =>
        async context =>
        {
            try
            {
                await handler(context);
            }
            finally
            {
                ended.TrySetResult();
            }
        };
}
