namespace LogHttp.Kestrel;

// Ordinary bytes. Their blocks return to the connection's pool as soon as they are sent, so an idle connection holds
// none.
internal sealed partial class SocketPipeWriter
{
    // Mostly one block is queued. Lists of four, the default, took 240 bytes more for each of ten thousand idle
    // connections.
    private List<OutputBlock> _queued = new(1);
    private OutputBlock? _tail;
    private long _unflushedBytes;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _unflushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        ThrowIfCompleted();
        if (RegionIsArmed)
            return ScratchFor(sizeHint);

        if (_tail is { } tail)
        {
            var free = tail.Memory[tail.LengthBytes..];
            if (free.Length >= Math.Max(sizeHint, 1))
                return free;
            lock (_sync)
                SealTail();
        }

        var block = OutputBlock.Rent(_pool, sizeHint);
        _tail = block;
        return block.Memory;
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (RegionIsArmed)
        {
            AdvanceRegion(bytes);
        }
        else if (_tail is { } tail)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, tail.Memory.Length - tail.LengthBytes);
            _tail = tail with { LengthBytes = tail.LengthBytes + bytes };
        }
        else if (bytes > 0)
        {
            throw new InvalidOperationException("Advance was called without GetMemory.");
        }

        _unflushedBytes += bytes;
    }

    /// <summary>Queues the block that is being written. Call with <c>_sync</c> held.</summary>
    private void SealTail()
    {
        if (_tail is not { } tail)
            return;
        _tail = null;
        if (tail.LengthBytes > 0)
            _queued.Add(tail);
        else
            tail.Release();
    }

    /// <summary>Drops the queued blocks, which can no longer be sent. Call with <c>_sync</c> held.</summary>
    private void ReleaseQueued()
    {
        foreach (var block in _queued)
            ReleaseBlock(block);
        _queued.Clear();
        _unflushedBytes = 0;
    }

    private void ThrowIfCompleted()
    {
        if (_completed)
            throw new InvalidOperationException("Writing is not allowed after the writer was completed.");
    }
}
