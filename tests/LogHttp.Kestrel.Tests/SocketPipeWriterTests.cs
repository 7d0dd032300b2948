using System.Buffers;
using System.IO.Pipelines;
using LogHttp.Kestrel.Tests.Support;
using LogHttp.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace LogHttp.Kestrel.Tests;

/// <summary>The writer as connection handlers, TLS and HTTP/2 use it: a PipeWriter without HTTP.</summary>
public sealed class SocketPipeWriterTests
{
    private static readonly byte[] Bytes = RandomBytes(8_000_000);

    [Fact]
    public async Task Complete_UnflushedBytes_SendsThemThenFin()
    {
        await using var host = await HandleAsync(output =>
        {
            output.Write(Bytes.AsSpan(0, 10_000));
            return Task.CompletedTask;
        });
        using var client = await RawClient.ConnectAsync(host.Host);

        Assert.Equal(Bytes[..10_000], await client.ReadToEndAsync());
    }

    [Fact]
    public async Task CompleteAsync_Twice_Succeeds()
    {
        await using var host = await HandleAsync(async output =>
        {
            output.Write("x"u8);
            await output.CompleteAsync();
            await output.CompleteAsync();
            output.Complete();
            Assert.Throws<InvalidOperationException>(() => output.GetMemory());
        });
        using var client = await RawClient.ConnectAsync(host.Host);

        Assert.Equal("x"u8.ToArray(), await client.ReadToEndAsync());
    }

    [Fact]
    public async Task Complete_SlowReader_SendsAllBeforeClose()
    {
        var time = new SimulatedTime(DateTimeOffset.UnixEpoch);
        await using var host = await HandleAsync(
            output =>
            {
                output.Write(Bytes);
                output.Complete();
                return Task.CompletedTask;
            },
            options: new SendFileOptions { TimeProvider = time }
        );
        using var client = await RawClient.ConnectAsync(host.Host, receiveBufferBytes: 32 * 1024);
        await host.Handled;
        await time.SendWaitsAsync();
        await AssertAllOfItArrivesAsync(client);
    }

    [Fact]
    public async Task Blocks_SlowReader_ReturnToPoolAsSent()
    {
        const int blockBytes = 16 * 1024;
        const int sizeBytes = 100 * blockBytes;
        var pool = new CountingPool(blockBytes);
        await using var host = await HandleAsync(
            async output =>
            {
                output.Write(Bytes.AsSpan(0, sizeBytes));
                await output.FlushAsync();
            },
            pool
        );
        using var client = await RawClient.ConnectAsync(host.Host, receiveBufferBytes: 32 * 1024);
        for (var received = 0; received < sizeBytes / 2; received += blockBytes)
            await client.ReadExactlyAsync(blockBytes);
        // The socket's own buffers hold as much again.
        await Eventually.TrueAsync(() => pool.Outstanding <= sizeBytes / blockBytes / 2);
        Assert.Equal(Bytes[(sizeBytes / 2)..sizeBytes], await client.ReadToEndAsync());
        await Eventually.TrueAsync(() => pool.Outstanding == 0);
    }

    [Fact]
    public async Task Complete_WithException_SendsNothingMore()
    {
        var firstArrived = new TaskCompletionSource();
        await using var host = await HandleAsync(async output =>
        {
            output.Write("x"u8);
            await output.FlushAsync();
            await firstArrived.Task;
            output.Write(Bytes.AsSpan(0, 100));
            output.Complete(new InvalidOperationException("Meant by the test."));
        });
        using var client = await RawClient.ConnectAsync(host.Host);
        await client.ReadExactlyAsync(1);
        firstArrived.SetResult();

        Assert.Equal(0, (await client.DrainAsync()).ReceivedBytes);
    }

    [Fact]
    public async Task Flush_StoppedReader_WaitsUntilItReads()
    {
        var flushing = new TaskCompletionSource<Task>();
        await using var host = await HandleAsync(async output =>
        {
            output.Write(Bytes);
            var flush = output.FlushAsync().AsTask();
            flushing.SetResult(flush);
            await flush;
        });
        using var client = await RawClient.ConnectAsync(host.Host, receiveBufferBytes: 32 * 1024);

        Assert.False((await flushing.Task).IsCompleted);
        Assert.Equal(Bytes, await client.ReadToEndAsync());
        await await flushing.Task;
    }

    [Fact]
    public async Task Flush_Cancelled_ReturnsWhileBytesAreSentInOrder()
    {
        var cancelled = new TaskCompletionSource();
        await using var host = await HandleAsync(async output =>
        {
            output.Write(Bytes.AsSpan(0, 7_000_000));
            var flush = output.FlushAsync().AsTask();
            output.CancelPendingFlush();
            cancelled.SetResult();
            Assert.True((await flush).IsCanceled);

            // Queued behind the bytes that the pump still sends.
            output.Write(Bytes.AsSpan(7_000_000));
            var result = await output.FlushAsync();
            Assert.False(result.IsCanceled || result.IsCompleted);
        });
        using var client = await RawClient.ConnectAsync(host.Host, receiveBufferBytes: 32 * 1024);

        await cancelled.Task;
        await AssertAllOfItArrivesAsync(client);
    }

    [Fact]
    public async Task Flush_TokenCancelled_ThrowsWhileBytesAreSent()
    {
        var cancelled = new TaskCompletionSource();
        await using var host = await HandleAsync(async output =>
        {
            using var cancel = new CancellationTokenSource();
            output.Write(Bytes);
            var flush = output.FlushAsync(cancel.Token).AsTask();
            await cancel.CancelAsync();
            cancelled.SetResult();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => flush);
        });
        using var client = await RawClient.ConnectAsync(host.Host, receiveBufferBytes: 32 * 1024);

        await cancelled.Task;
        await AssertAllOfItArrivesAsync(client);
    }

    [Fact]
    public async Task CancelPendingFlush_BeforeFlush_CancelsNextWithoutLoss()
    {
        await using var host = await HandleAsync(async output =>
        {
            output.CancelPendingFlush();
            output.Write("ab"u8);
            Assert.True((await output.FlushAsync()).IsCanceled);
            Assert.False((await output.FlushAsync()).IsCanceled);
        });
        using var client = await RawClient.ConnectAsync(host.Host);

        Assert.Equal("ab"u8.ToArray(), await client.ReadToEndAsync());
    }

    [Fact]
    public async Task UnflushedBytes_BeforeFlush_AreCounted()
    {
        await using var host = await HandleAsync(async output =>
        {
            Assert.True(output.CanGetUnflushedBytes);
            output.Write(Bytes.AsSpan(0, 10_000));
            Assert.Equal(10_000, output.UnflushedBytes);
            await output.FlushAsync();
            Assert.Equal(0, output.UnflushedBytes);
        });
        using var client = await RawClient.ConnectAsync(host.Host);

        Assert.Equal(Bytes[..10_000], await client.ReadToEndAsync());
    }

    [Fact]
    public async Task Memory_AnySize_StaysWithinBounds()
    {
        await using var host = await HandleAsync(async output =>
        {
            Assert.Throws<InvalidOperationException>(() => output.Advance(1));
            foreach (var sizeBytes in new[] { 0, 1, 4_096, 4_097, 100_000, 3_000_000 })
            {
                var memory = output.GetMemory(sizeBytes);
                Assert.True(memory.Length >= Math.Max(1, sizeBytes));
                Assert.Throws<ArgumentOutOfRangeException>(() => output.Advance(memory.Length + 1));
                Bytes.AsMemory(0, sizeBytes).CopyTo(memory);
                output.Advance(sizeBytes);
            }

            await output.FlushAsync();
        });
        using var client = await RawClient.ConnectAsync(host.Host);

        var expected = new[] { 0, 1, 4_096, 4_097, 100_000, 3_000_000 }
            .SelectMany(sizeBytes => Bytes[..sizeBytes])
            .ToArray();
        Assert.Equal(expected, await client.ReadToEndAsync());
    }

    [Fact]
    public async Task FirstFlush_ChunkedWithoutSecond_IsSent()
    {
        var goOn = new TaskCompletionSource();
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            await context.Response.WriteAsync("first");
            await goOn.Task;
            await context.Response.WriteAsync("second");
        });
        using var client = await RawClient.ConnectAsync(host);
        for (var index = 0; index < 3; index++)
        {
            await client.GetAsync("/");
            var received = "";
            while (!received.EndsWith("5\r\nfirst\r\n", StringComparison.Ordinal))
                received += System.Text.Encoding.ASCII.GetString(await client.ReadSomeAsync(4096));
            goOn.SetResult();
            Assert.Equal(
                "6\r\nsecond\r\n0\r\n\r\n",
                System.Text.Encoding.ASCII.GetString(await client.ReadExactlyAsync(16))
            );
            goOn = new TaskCompletionSource();
        }
    }

    [Fact]
    public async Task FirstFlush_ChunkedResponses_KeepsOrder()
    {
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            // Some pieces at once, some from another thread, with flushes close to one another or not.
            for (var piece = 0; piece < 5; piece++)
            {
                await context.Response.WriteAsync($"{context.Request.Query["n"]}.{piece} ");
                if (piece % 2 == 1)
                    await Task.Yield();
            }
        });
        using var client = await RawClient.ConnectAsync(host);
        var requests = string.Concat(
            Enumerable.Range(0, 200).Select(static number => $"GET /?n={number} HTTP/1.1\r\nHost: test\r\n\r\n")
        );
        await client.SendAsync(requests);
        for (var number = 0; number < 200; number++)
            Assert.Equal(
                $"{number}.0 {number}.1 {number}.2 {number}.3 {number}.4 ",
                System.Text.Encoding.ASCII.GetString((await client.ReadResponseAsync()).Body)
            );
    }

    [Fact]
    public async Task Flush_ClientDisconnected_IsCompleted()
    {
        var completed = new TaskCompletionSource<FlushResult>();
        await using var host = await HandleAsync(async output =>
        {
            FlushResult result;
            do
            {
                output.Write(Bytes.AsSpan(0, 100_000));
                result = await output.FlushAsync();
            } while (!result.IsCompleted);
            completed.SetResult(result);
        });
        var client = await RawClient.ConnectAsync(host.Host);
        await client.ReadExactlyAsync(1_000_000);
        client.Vanish();

        await completed.Task.WaitAsync(TimeSpan.FromSeconds(20));
    }

    /// <summary>
    /// Starts a listener whose connections <paramref name="handler"/> writes to. Its failed assertions fail the test
    /// when the host is disposed.
    /// </summary>
    private static async Task<HandlingHost> HandleAsync(
        Func<PipeWriter, Task> handler,
        MemoryPool<byte>? pool = null,
        SendFileOptions? options = null
    )
    {
        var handled = new TaskCompletionSource();
        var host = await KestrelHost.StartAsync(
            _ => Task.CompletedTask,
            listen: endpoint =>
                WithPool(endpoint, pool)
                    .UseSendFile(options)
                    .Run(async connection =>
                    {
                        try
                        {
                            await handler(connection.Transport.Output);
                            handled.SetResult();
                        }
                        catch (Exception exception)
                        {
                            handled.SetException(exception);
                        }
                    })
        );
        return new HandlingHost(host, handled.Task);
    }

    private static ListenOptions WithPool(ListenOptions endpoint, MemoryPool<byte>? pool)
    {
        if (pool is not null)
        {
            endpoint.Use(next =>
                connection =>
                {
                    connection.Features.Set<IMemoryPoolFeature>(new PoolFeature(pool));
                    connection.Features.Get<IConnectionSocketFeature>()!.Socket.SendBufferSize = 64 * 1024;
                    return next(connection);
                }
            );
        }

        return endpoint;
    }

    private sealed record PoolFeature(MemoryPool<byte> MemoryPool) : IMemoryPoolFeature;

    /// <summary>Counts its blocks that are in use.</summary>
    private sealed class CountingPool(int blockBytes) : MemoryPool<byte>
    {
        private int _outstanding;

        internal int Outstanding => Volatile.Read(ref _outstanding);

        public override int MaxBufferSize => blockBytes;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            Interlocked.Increment(ref _outstanding);
            return new Block(this, blockBytes);
        }

        protected override void Dispose(bool disposing) { }

        private sealed class Block(CountingPool pool, int blockBytes) : IMemoryOwner<byte>
        {
            public Memory<byte> Memory { get; } = new byte[blockBytes];

            public void Dispose() => Interlocked.Decrement(ref pool._outstanding);
        }
    }

    private sealed record HandlingHost(KestrelHost Host, Task Handled) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Handled.WaitAsync(TimeSpan.FromSeconds(20));
            await Host.DisposeAsync();
        }
    }

    private static async Task AssertAllOfItArrivesAsync(RawClient client)
    {
        var received = await client.ReadToEndAsync();
        Assert.Equal(Bytes.Length, received.Length);
        Assert.True(Bytes.AsSpan().SequenceEqual(received));
    }

    private static byte[] RandomBytes(int lengthBytes)
    {
        var bytes = new byte[lengthBytes];
        new Random(11).NextBytes(bytes);
        return bytes;
    }
}
