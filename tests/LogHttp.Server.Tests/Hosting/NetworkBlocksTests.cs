using System.Buffers;
using System.Runtime.CompilerServices;
using LogHttp.Server.Hosting;

namespace LogHttp.Server.Tests.Hosting;

public class NetworkBlocksTests
{
    [Fact]
    public void Rent_AfterReturn_ReusesBlock()
    {
        using var blocks = Blocks().Create();
        var first = blocks.Rent();
        var second = blocks.Rent(blocks.MaxBufferSize);
        Assert.Equal((blocks.MaxBufferSize, blocks.MaxBufferSize), (first.Memory.Length, second.Memory.Length));
        first.Dispose();
        using var third = blocks.Rent(1);
        Assert.Same(first, third);
        second.Dispose();
    }

    [Fact]
    public void Rent_UnreadLimitReached_FailsUntilReturn()
    {
        var blocks = Blocks(maxUnreadBytes: 2 * (16 << 10));
        using var first = blocks.Create();
        using var second = blocks.Create();
        using var unread = first.Rent();
        using (second.Rent())
        {
            Assert.Contains(
                "MaxUnreadBytes",
                Assert.Throws<IOException>(() => second.Rent()).Message,
                StringComparison.Ordinal
            );
            // Blocks that a connection counts have limits of their own.
            var counter = new Counter();
            var block = ((BlockPool)first).CreateCountedPool(counter).MemoryPool.Rent();
            Assert.Equal(first.MaxBufferSize, counter.Bytes);
            block.Dispose();
            block.Dispose();
            Assert.Equal(0, counter.Bytes);
        }
        second.Rent().Dispose();
    }

    [Fact]
    public void Block_Lost_IsReleased()
    {
        using var blocks = Blocks(maxUnreadBytes: 16 << 10).Create();
        var counter = new Counter();
        Lose(blocks, counter);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.Equal(0, counter.Bytes);
        blocks.Rent().Dispose();
    }

    /// <summary>A method of its own, because a local variable may keep a block.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Lose(MemoryPool<byte> blocks, Counter counter)
    {
        blocks.Rent();
        ((BlockPool)blocks).CreateCountedPool(counter).MemoryPool.Rent();
        Assert.Equal(blocks.MaxBufferSize, counter.Bytes);
    }

    sealed class Counter : IBlockCounter
    {
        public int Bytes { get; private set; }

        public void Take(int sizeBytes) => Bytes += sizeBytes;

        public void Release(int sizeBytes) => Bytes -= sizeBytes;
    }

    [Theory]
    [InlineData(65_536, 65_536)]
    [InlineData(4_096, 65_536)]
    [InlineData(1_000_000, 1_000_000)]
    public void Connections_ReceiveBuffer_StaysWithinLimit(int maxRequestHeadersBytes, long most)
    {
        using var server = new TestServer(("MaxRequestHeadersBytes", $"{maxRequestHeadersBytes}"));
        // The transport's own limit bounds the bytes sent behind a long poll. The other one is for TLS.
        Assert.Equal(
            most,
            server
                .Options<Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets.SocketTransportOptions>()
                .MaxReadBufferSize
        );
        var limits = server.Options<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions>().Limits;
        Assert.Equal((most, 128 << 10), (limits.MaxRequestBufferSize, limits.Http2.InitialConnectionWindowSize));
    }

    static NetworkBlocks Blocks(long maxUnreadBytes = 1 << 30) =>
        new(Microsoft.Extensions.Options.Options.Create(new ServerSettings { MaxUnreadBytes = maxUnreadBytes }));

    [Fact]
    public void Rent_MoreThanOneBlock_Throws()
    {
        using var blocks = Blocks().Create();
        Assert.Throws<ArgumentOutOfRangeException>(() => blocks.Rent(blocks.MaxBufferSize + 1));
    }

    [Fact]
    public void Dispose_Twice_ReturnsBlockOnce()
    {
        using var blocks = Blocks().Create();
        var first = blocks.Rent();
        first.Dispose();
        first.Dispose();
        using var second = blocks.Rent();
        using var third = blocks.Rent();
        Assert.NotSame(second, third);
    }
}
