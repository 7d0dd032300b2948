namespace LogHttp.Kestrel;

// File regions. The server never sees the bytes. It gets scratch memory that nobody reads, and counts.
//   idle --BeginRegion--> armed --Advance(length)--> queued --pump--> idle (outcome)
//                           +------EndRegionAsync (nothing advanced)--> idle (Discarded)
internal sealed partial class SocketPipeWriter
{
    private readonly byte[] _scratch;
    private FileRegion _region;
    private RegionState _regionState;
    private RegionOutcome _regionOutcome;
    private TaskCompletionSource? _regionReleased;

    private enum RegionState
    {
        Idle,
        Armed,
        Queued,
    }

    /// <summary>Why the last region <see cref="RegionOutcome.Failed"/>.</summary>
    internal Exception? RegionError { get; private set; }

    private bool RegionIsArmed => _regionState == RegionState.Armed;

    /// <summary>
    /// Whether <paramref name="memory"/>, which the response handed out, is this writer's own. Behind TLS, HTTP/2, the
    /// server's chunking or a wrapped body, it is other memory. So this comparison alone tells whether a raw region is
    /// possible.
    /// </summary>
    internal bool IsWritingInto(Memory<byte> memory) =>
        _tail is { } tail && memory.Equals(tail.Memory[tail.LengthBytes..]);

    /// <summary>
    /// From here on, GetMemory hands out scratch memory of at least the region's length, and Advance of exactly that
    /// many bytes queues the region. The caller must call <see cref="EndRegionAsync"/> in any case.
    /// </summary>
    internal void BeginRegion(FileRegion region)
    {
        if (_regionState != RegionState.Idle)
            throw new InvalidOperationException("A region is being sent already.");
        _region = region;
        RegionError = null;
        _regionState = RegionState.Armed;
    }

    internal bool IsScratch(Memory<byte> memory) =>
        memory.Length >= _region.LengthBytes && memory.Equals(_scratch.AsMemory());

    /// <summary>Completes when nothing uses the file any more, however the flush ended.</summary>
    internal ValueTask<RegionOutcome> EndRegionAsync()
    {
        lock (_sync)
        {
            if (_regionState == RegionState.Armed)
            {
                _regionState = RegionState.Idle;
                _region = default;
                return new ValueTask<RegionOutcome>(
                    _isConnectionGone ? RegionOutcome.ConnectionGone : RegionOutcome.Discarded
                );
            }

            if (_regionState == RegionState.Queued && !_pumping)
            {
                // The server counted the bytes but never flushed them, because it had given up the connection in
                // between.
                _isConnectionGone = true;
                ReleaseQueued();
            }

            if (_regionState == RegionState.Idle)
                return new ValueTask<RegionOutcome>(_regionOutcome);

            // A cancelled flush returned while the pump still sends.
            _regionReleased = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return AwaitReleaseAsync(_regionReleased.Task);
        }
    }

    private async ValueTask<RegionOutcome> AwaitReleaseAsync(Task released)
    {
        await released.ConfigureAwait(false);
        return _regionOutcome;
    }

    private Memory<byte> ScratchFor(int sizeHint)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sizeHint, _scratch.Length);
        return _scratch;
    }

    private void AdvanceRegion(int bytes)
    {
        if (bytes == 0)
            return;
        if (bytes != _region.LengthBytes)
            throw new InvalidOperationException("A region is advanced over whole.");
        lock (_sync)
        {
            SealTail();
            _queued.Add(OutputBlock.Region);
            _regionState = RegionState.Queued;
            _regionOutcome = RegionOutcome.ConnectionGone;
        }
    }

    /// <summary>
    /// Returns a block to its pool, or reports the end of a region to its waiter. Call with <c>_sync</c> held.
    /// </summary>
    private void ReleaseBlock(OutputBlock block)
    {
        block.Release();
        if (!block.IsRegion)
            return;
        _regionState = RegionState.Idle;
        _region = default;
        _regionReleased?.SetResult();
        _regionReleased = null;
    }
}
