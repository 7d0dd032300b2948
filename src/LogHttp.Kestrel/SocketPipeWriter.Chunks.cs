namespace LogHttp.Kestrel;

// Chunks that the application frames and sends itself. The server's part of the response is flushed by then, and only
// the end of the connection may come meanwhile.
internal sealed partial class SocketPipeWriter : IChunkSender
{
    public int TrySend(ReadOnlySpan<byte> chunks)
    {
        lock (_sync)
        {
            if (_pumping || _completed || _isConnectionGone || _queued.Count > 0)
                return 0;
            _pumping = true;
        }
        var sentBytes = 0;
        try
        {
            sentBytes = SystemCalls.SendNow(_socketHandle, chunks, hasMore: false);
        }
        catch (ObjectDisposedException)
        {
            // The connection has ended. Its request gets to know by its token.
        }
        if (TakeQueued())
            _ = PumpAsync();
        return sentBytes;
    }

    public async ValueTask<bool> SendRestAsync(ReadOnlyMemory<byte> rest, CancellationToken cancellationToken)
    {
        var block = OutputBlock.Rent(_pool, rest.Length);
        rest.CopyTo(block.Memory);
        lock (_sync)
        {
            if (_completed || _isConnectionGone)
            {
                block.Release();
                return false;
            }
            _queued.Add(block with { LengthBytes = rest.Length });
        }
        var flushed = await FlushAsync(cancellationToken).ConfigureAwait(false);
        return !flushed.IsCompleted;
    }
}
