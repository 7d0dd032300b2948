using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;

namespace LogHttp.Server.Hosting;

/// <summary>
/// The memory that connections receive into and answers are written to. Kestrel's own blocks are 4 KiB: a body of 1 MiB takes 256
/// calls of recv(2), each of which may wake its reader. A quarter of that is half of a millisecond less of processor time
/// (docs/PERFORMANCE.md). A connection that has nothing unread and nothing unsent holds none.
/// </summary>
internal sealed class NetworkBlocks : IMemoryPoolFactory<byte>
{
    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new BlockPool();
}

/// <summary>Blocks of one size that the collector does not move, so that a system call need not hold on to them. Any thread.</summary>
internal sealed class BlockPool : MemoryPool<byte>
{
    const int BlockBytes = 16 << 10;

    /// <summary>So many are kept for the next ones; the rest is the collector's.</summary>
    const int MostIdle = 256;

    readonly ConcurrentQueue<Block> _idle = new();
    int _idleCount;

    public override int MaxBufferSize => BlockBytes;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
        if (!_idle.TryDequeue(out var block))
            return new Block(this);
        Interlocked.Decrement(ref _idleCount);
        block.Take();
        return block;
    }

    /// <summary>Blocks that are out yet come back to nobody.</summary>
    protected override void Dispose(bool disposing) => _idle.Clear();

    void Return(Block block)
    {
        if (Interlocked.Increment(ref _idleCount) <= MostIdle)
            _idle.Enqueue(block);
        else
            Interlocked.Decrement(ref _idleCount);
    }

    sealed class Block(BlockPool pool) : IMemoryOwner<byte>
    {
        readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true);
        int _isOut = 1;

        public Memory<byte> Memory => MemoryMarshal.CreateFromPinnedArray(_bytes, 0, BlockBytes);

        public void Take() => Volatile.Write(ref _isOut, 1);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isOut, 0) == 1)
                pool.Return(this);
        }
    }
}
