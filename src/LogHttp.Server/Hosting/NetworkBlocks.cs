using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Options;

namespace LogHttp.Server.Hosting;

/// <summary>
/// The memory that connections receive into and that responses are written to. With Kestrel's own blocks of 4 KiB, a
/// body of 1 MiB takes 256 calls of recv(2), each of which may wake its reader. A quarter of the calls saves half of a
/// millisecond of processor time (docs/PERFORMANCE.md). A connection that has nothing unread and nothing unsent holds
/// no block.
/// </summary>
/// <remarks>
/// All pools share one bound on the bytes that were received and are not read yet. At the bound, a connection that
/// sends more is closed. Each connection counts the blocks of its TLS, HTTP/2 and responses itself
/// (<see cref="ConnectionMemory"/>).
/// </remarks>
internal sealed class NetworkBlocks(IOptions<ServerSettings> settings) : IMemoryPoolFactory<byte>, IDisposable
{
    /// <summary>
    /// The most unread bytes of one connection. Kestrel receives no more than this into its buffer for the socket. The
    /// bytes may be a body, or requests that a client sends behind a long poll. Headers have to fit.
    /// </summary>
    public static int MaxUnreadBytes(ServerSettings settings) =>
        Math.Max(64 << 10, Math.Max(settings.MaxRequestLineBytes, settings.MaxRequestHeadersBytes));

    // One for all queues of the transport, which asks for a pool for each. Otherwise each would keep idle blocks.
    readonly BlockPool _pool = new(new ReceivedBytes(settings.Value.MaxUnreadBytes));

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => _pool;

    public void Dispose() => _pool.Dispose();
}

/// <summary>
/// Bounds the memory of bytes that were received and are not read yet, over all connections. Any thread.
/// </summary>
internal sealed class ReceivedBytes(long maxBytes) : IBlockCounter
{
    long _takenBytes;

    public long TakenBytes => Volatile.Read(ref _takenBytes);

    /// <exception cref="IOException">There is no room, so the connection ends.</exception>
    public void Take(int sizeBytes)
    {
        if (Interlocked.Add(ref _takenBytes, sizeBytes) <= maxBytes)
            return;
        Release(sizeBytes);
        throw new IOException(
            $"All connections together hold {maxBytes} bytes that were received and are not read yet "
                + $"({nameof(ServerSettings.MaxUnreadBytes)})."
        );
    }

    public void Release(int sizeBytes) => Interlocked.Add(ref _takenBytes, -sizeBytes);
}

/// <summary>Counts the blocks in use. Any thread.</summary>
internal interface IBlockCounter
{
    void Take(int sizeBytes);

    void Release(int sizeBytes);
}

/// <summary>
/// Blocks of one size that the collector does not move, so that a system call need not pin them. Any thread.
/// </summary>
internal sealed class BlockPool : MemoryPool<byte>
{
    const int BlockBytes = 16 << 10;

    /// <summary>The number of blocks kept for reuse. The collector takes the others.</summary>
    const int MaxIdleBlocks = 256;

    readonly ReceivedBytes _received;
    readonly ConcurrentQueue<Block> _idle = new();
    int _idleCount;

    public BlockPool(ReceivedBytes received) => _received = received;

    /// <summary>The same blocks, counted by <paramref name="counter"/> and not as received bytes.</summary>
    public IMemoryPoolFeature CreateCountedPool(IBlockCounter counter) => new CountedPool(this, counter);

    public override int MaxBufferSize => BlockBytes;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
        _received.Take(BlockBytes);
        return Rent(_received);
    }

    /// <summary>Drops the idle blocks. Other listeners may go on with the pool.</summary>
    protected override void Dispose(bool disposing)
    {
        while (_idle.TryDequeue(out _))
            Interlocked.Decrement(ref _idleCount);
    }

    Block Rent(IBlockCounter counter)
    {
        if (_idle.TryDequeue(out var block))
            Interlocked.Decrement(ref _idleCount);
        else
            block = new Block(this);
        block.Take(counter);
        return block;
    }

    /// <summary>Keeps the block for reuse. Returns false if there are enough.</summary>
    bool TryReturn(Block block)
    {
        if (Interlocked.Increment(ref _idleCount) <= MaxIdleBlocks)
        {
            _idle.Enqueue(block);
            return true;
        }
        Interlocked.Decrement(ref _idleCount);
        return false;
    }

    sealed class Block(BlockPool pool) : IMemoryOwner<byte>
    {
        readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true);
        IBlockCounter? _counter;
        int _isOut;

        /// <summary>
        /// Gives a block back to its counter if it is still out. Some connections never end in Kestrel, and return no
        /// block (<see cref="ConnectionMemory"/>). Their bytes are not used again, because a pipe may still refer to
        /// them. The pool refers to its idle blocks, so they cost nothing here.
        /// </summary>
        ~Block()
        {
            if (Interlocked.Exchange(ref _isOut, 0) != 0)
                _counter!.Release(BlockBytes);
        }

        public Memory<byte> Memory => MemoryMarshal.CreateFromPinnedArray(_bytes, 0, BlockBytes);

        public void Take(IBlockCounter counter)
        {
            _counter = counter;
            Volatile.Write(ref _isOut, 1);
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isOut, 0) == 0)
                return;
            _counter!.Release(BlockBytes);
            _counter = null;
            // A finalizer would keep the bytes for one more collection.
            if (!pool.TryReturn(this))
                GC.SuppressFinalize(this);
        }
    }

    sealed class CountedPool(BlockPool pool, IBlockCounter counter) : MemoryPool<byte>, IMemoryPoolFeature
    {
        public override int MaxBufferSize => BlockBytes;

        public MemoryPool<byte> MemoryPool => this;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
            counter.Take(BlockBytes);
            return pool.Rent(counter);
        }

        protected override void Dispose(bool disposing) { }
    }
}
