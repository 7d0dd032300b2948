namespace LogHttp.Kestrel;

// File regions. The server never sees the bytes: it is given scratch memory nobody reads, and counts.
//
//   idle --BeginRegion--> armed --Advance(length)--> queued --pump--> idle (outcome)
//                           +------EndRegionAsync (nothing advanced)--> idle (NotTaken)
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
    /// Whether what is written to <paramref name="memory"/>, which the response handed out, comes to this writer as
    /// it is. Behind TLS, HTTP/2, the server's chunking, or a body somebody wrapped, it is other memory; so this one
    /// question tells where a raw region may stand, without knowing any of them.
    /// </summary>
    internal bool IsWritingInto(Memory<byte> memory) =>
        _tail is { } tail && memory.Equals(tail.Memory[tail.LengthBytes..]);

    /// <summary>
    /// From here on GetMemory hands out scratch memory of at least the region's length, and Advance of exactly that
    /// many bytes queues the region. <see cref="EndRegionAsync"/> must follow, whatever happens.
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

    /// <summary>Completes when nothing will touch the file any more, however the flush ended.</summary>
    internal ValueTask<RegionOutcome> EndRegionAsync()
    {
        lock (_sync)
        {
            if (_regionState == RegionState.Armed)
            {
                _regionState = RegionState.Idle;
                _region = default;
                return new ValueTask<RegionOutcome>(_gone ? RegionOutcome.ConnectionGone : RegionOutcome.NotTaken);
            }

            if (_regionState == RegionState.Queued && !_pumping)
            {
                // The server counted the bytes but never flushed them: it had given the connection up in between.
                _gone = true;
                ReleaseQueued();
            }

            if (_regionState == RegionState.Idle)
                return new ValueTask<RegionOutcome>(_regionOutcome);

            // A cancelled flush came back while the pump is still at it.
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

    /// <summary>Gives a block back, and the region to whoever waits for its end. Call with <c>_sync</c> held.</summary>
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
