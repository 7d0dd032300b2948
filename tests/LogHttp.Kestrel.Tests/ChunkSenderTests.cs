using System.Text;
using LogHttp.Kestrel.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace LogHttp.Kestrel.Tests;

/// <summary>Chunks that a response sends past the server's buffers, between chunks of the server.</summary>
public sealed class ChunkSenderTests
{
    private const int ChunkBytes = 100_000;

    private static byte[] ChunkOf(int sizeBytes, char letter) =>
        Encoding.ASCII.GetBytes($"{sizeBytes:x}\r\n{new string(letter, sizeBytes)}\r\n");

    private static IChunkSender? SenderOf(HttpContext context) =>
        context.Features.Get<IHttpSendFileFeature>()!.ChunkSender;

    /// <summary>Sends a chunk by whatever way takes it.</summary>
    private static async Task SendAsync(IChunkSender sender, byte[] chunk)
    {
        var sentBytes = sender.TrySend(chunk);
        if (sentBytes < chunk.Length)
            Assert.True(await sender.SendRestAsync(chunk.AsMemory(sentBytes), CancellationToken.None));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Chunks_AmongServersOwn_ArriveInOrder(bool framesItself)
    {
        await using var host = await KestrelHost.StartAsync(
            async context =>
            {
                if (framesItself)
                    context.Response.Headers.TransferEncoding = "chunked";
                await WriteAsync("first");
                var sender = SenderOf(context)!;
                for (var i = 0; i < 20; i++)
                {
                    await SendAsync(sender, ChunkOf(ChunkBytes, (char)('a' + i)));
                    await WriteAsync($"-{i}-");
                }
                if (framesItself)
                    await context.Response.WriteAsync("0\r\n\r\n");

                async Task WriteAsync(string text)
                {
                    await context.Response.WriteAsync(framesItself ? $"{text.Length:x}\r\n{text}\r\n" : text);
                    await context.Response.BodyWriter.FlushAsync();
                }
            },
            listen: Handlers.SmallBuffers()
        );
        using var client = host.NewClient(new Version(1, 1));

        var expected = new StringBuilder("first");
        for (var i = 0; i < 20; i++)
            expected.Append((char)('a' + i), ChunkBytes).Append($"-{i}-");
        // Twice, by one connection.
        for (var times = 0; times < 2; times++)
            Assert.Equal(expected.ToString(), await client.GetStringAsync("/"));
    }

    [Fact]
    public async Task TrySend_SlowReader_TakesPartAndRestFollows()
    {
        var parts = new TaskCompletionSource<int>();
        var chunk = ChunkOf(5_000_000, 'x');
        await using var host = await KestrelHost.StartAsync(
            async context =>
            {
                await context.Response.StartAsync();
                await context.Response.BodyWriter.FlushAsync();
                var sender = SenderOf(context)!;
                // The head may still wait for its turn on the pool, and nothing may overtake it.
                int sentBytes;
                while ((sentBytes = sender.TrySend(chunk)) == 0)
                    await Task.Yield();
                parts.SetResult(sentBytes);
                Assert.True(await sender.SendRestAsync(chunk.AsMemory(sentBytes), CancellationToken.None));
            },
            listen: Handlers.SmallBuffers()
        );
        using var client = await RawClient.ConnectAsync(host, receiveBufferBytes: 32 * 1024);

        await client.GetAsync("/");
        await client.ReadHeadersAsync();
        Assert.InRange(await parts.Task.WaitAsync(TimeSpan.FromSeconds(30)), 1, chunk.Length - 1);
        Assert.Equal(chunk, await client.ReadExactlyAsync(chunk.Length));
    }

    [Fact]
    public async Task TrySend_ClientGone_SendsNothing()
    {
        var outcome = new TaskCompletionSource<(int Sent, bool IsConnected)>();
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            await context.Response.StartAsync();
            await context.Response.BodyWriter.FlushAsync();
            var sender = SenderOf(context)!;
            var gone = new TaskCompletionSource();
            await using var registration = context.RequestAborted.Register(gone.SetResult);
            await gone.Task;
            var chunk = ChunkOf(10, 'x');
            // The kernel may take bytes once more before it reports the reset.
            while (sender.TrySend(chunk) > 0)
                await Task.Yield();
            while (await sender.SendRestAsync(chunk, CancellationToken.None))
                await Task.Yield();
            outcome.SetResult((sender.TrySend(chunk), await sender.SendRestAsync(chunk, CancellationToken.None)));
        });
        using var client = await RawClient.ConnectAsync(host);

        await client.GetAsync("/");
        await client.ReadHeadersAsync();
        client.Vanish();
        Assert.Equal((0, false), await outcome.Task.WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Theory]
    [InlineData("before the start")]
    [InlineData("with a length")]
    [InlineData("wrapped body")]
    [InlineData("HTTP/2")]
    public async Task ChunkSender_OtherResponses_IsNull(string kind)
    {
        var found = new TaskCompletionSource<IChunkSender?>();
        await using var host = await KestrelHost.StartAsync(
            async context =>
            {
                if (kind == "with a length")
                    context.Response.ContentLength = 1;
                if (kind == "wrapped body")
                    context.Response.Body = new BufferedStream(context.Response.Body);
                if (kind != "before the start")
                    await context.Response.StartAsync();
                found.SetResult(SenderOf(context));
                await context.Response.WriteAsync("x");
            },
            listen: endpoint =>
            {
                endpoint.Protocols = kind == "HTTP/2" ? HttpProtocols.Http2 : HttpProtocols.Http1;
                endpoint.UseSendFile();
            }
        );
        using var client = host.NewClient(kind == "HTTP/2" ? new Version(2, 0) : new Version(1, 1));

        using var response = await client.GetAsync("/", HttpCompletionOption.ResponseHeadersRead);
        Assert.Null(await found.Task.WaitAsync(TimeSpan.FromSeconds(30)));
    }
}
