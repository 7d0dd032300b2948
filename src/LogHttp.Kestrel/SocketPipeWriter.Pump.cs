using System.Buffers;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace LogHttp.Kestrel;

// The pump sends the queued blocks and regions in order, until none is left.
internal sealed partial class SocketPipeWriter
{
    // Blocks of this size and more are sent one by one, so that each returns to the pool as soon as the reader has it.
    // For a reader of 1 KB/s, the connection held 48 KiB until the last byte was taken.
    private const int LargeBlockBytes = 8 * 1024;

    // Linux takes 1,024 vectors at most (IOV_MAX) and copies up to 8 of them to its stack (UIO_FASTIOV).
    private const int MaxGatheredBlocks = 16;

    // A head and a short body are two sends, which are cheaper than a vector. 64 KiB in blocks of 4 took 1.35 times as
    // long.
    private const int MaxSentOneByOne = 2;

    private List<ArraySegment<byte>>? _gathered;
    private List<OutputBlock> _sending = new(1);
    private SocketSender? _sender;
    private bool _copiesRegions;
    private bool _pumping;

    /// <summary>
    /// Makes the caller the sender, if there is something to send and no other sender. Call with <c>_sync</c> held.
    /// </summary>
    private bool TryBeginSending()
    {
        if (_pumping && !_isDeferred)
            return false;
        _isDeferred = false;
        if (_isConnectionGone)
            ReleaseQueued();
        _pumping = _queued.Count > 0;
        if (_pumping)
            (_sending, _queued) = (_queued, _sending);
        return _pumping;
    }

    /// <summary>
    /// Sends the blocks taken from the queue. Mostly the socket takes all of them at once. The pump sends the rest.
    /// </summary>
    private void SendQueued()
    {
        if (!TrySendNow() || TakeQueued())
            _ = PumpAsync();
    }

    /// <summary>
    /// Sends the bytes that the socket takes without waiting for its reader, and leaves the rest in <c>_sending</c>.
    /// Errors are left to the pump, which meets and reports them.
    /// </summary>
    /// <remarks>
    /// Uses the system calls directly. The runtime's sends took 420 bytes of objects for a region, and an object kept
    /// by each connection.
    /// </remarks>
    private bool TrySendNow()
    {
        var sent = 0;
        try
        {
            for (; sent < _sending.Count; sent++)
            {
                if (CountGatherable(sent) > MaxSentOneByOne)
                    return false;
                var rest = _sending[sent].IsRegion ? SendRegionNow() : SendBlockNow(sent);
                if (rest is { } left)
                {
                    _sending[sent] = left;
                    return false;
                }
            }

            return true;
        }
        catch (ObjectDisposedException)
        {
            // The socket failed, or the region's file.
            return false;
        }
        finally
        {
            lock (_sync)
            {
                for (var index = 0; index < sent; index++)
                    ReleaseBlock(_sending[index]);
            }

            _sending.RemoveRange(0, sent);
        }
    }

    private OutputBlock? SendBlockNow(int index)
    {
        var block = _sending[index];
        var sentBytes = SystemCalls.SendNow(_socketHandle, block.Written.Span, hasMore: index + 1 < _sending.Count);
        return sentBytes < block.LengthBytes ? block.After(sentBytes) : null;
    }

    private OutputBlock? SendRegionNow()
    {
        var sentBytes = SystemCalls.SendFileNow(_socketHandle, _region.Handle, _region.Position, _region.LengthBytes);
        _meter.SentByFile(sentBytes);
        if (sentBytes < _region.LengthBytes)
        {
            _region = _region with
            {
                Position = _region.Position + sentBytes,
                LengthBytes = _region.LengthBytes - sentBytes,
            };
            return OutputBlock.Region;
        }

        _regionOutcome = RegionOutcome.Sent;
        return null;
    }

    /// <summary>
    /// Sends the rest in <c>_sending</c>, waiting for the reader, and then anything queued meanwhile.
    /// </summary>
    private async Task PumpAsync()
    {
        do
        {
            var sent = false;
            try
            {
                sent = await SendAsync().ConfigureAwait(false);
            }
            catch (ObjectDisposedException) when (_regionState != RegionState.Queued || !_region.Handle.IsClosed)
            {
                // The socket was disposed: the server aborted the connection and logged why.
                SendFileLog.ConnectionGone(_logger, _connection.ConnectionId, SocketError.OperationAborted);
            }
            catch (NotSupportedException) when (!_socket.Connected)
            {
                // SendPacketsAsync throws this if a receive met the reset first. Every other send reports an error.
                SendFileLog.ConnectionGone(_logger, _connection.ConnectionId, SocketError.NotConnected);
            }
            catch (Exception exception)
            {
                FailUnexpectedly(exception);
            }

            ReleaseUnsent(sent);
        } while (TakeQueued());
    }

    private bool TakeQueued()
    {
        lock (_sync)
        {
            if (_isConnectionGone)
                ReleaseQueued();
            if (_queued.Count > 0)
            {
                (_sending, _queued) = (_queued, _sending);
                return true;
            }

            _pumping = false;
            CompleteFlush(isCanceled: false);
            _drained?.TrySetResult();
            return false;
        }
    }

    private void ReleaseSent(int count)
    {
        lock (_sync)
        {
            for (var index = 0; index < count; index++)
                ReleaseBlock(_sending[index]);
        }

        _sending.RemoveRange(0, count);
    }

    private void ReleaseUnsent(bool sent)
    {
        lock (_sync)
        {
            if (!sent)
                _isConnectionGone = true;
        }

        ReleaseSent(_sending.Count);
    }

    /// <returns>False if the connection is of no more use.</returns>
    private async ValueTask<bool> SendAsync()
    {
        _sender ??= new SocketSender(_socket);
        try
        {
            while (_sending.Count > 0)
            {
                var isRegion = _sending[0].IsRegion;
                var blocks = isRegion ? 1 : CountGatherable(0);
                var sent = isRegion
                    ? await SendRegionAsync().ConfigureAwait(false)
                    : await SendBlocksAsync(blocks).ConfigureAwait(false);
                if (!sent)
                    return false;
                ReleaseSent(blocks);
            }

            return true;
        }
        finally
        {
            _sender.ReleaseBuffers();
        }
    }

    /// <summary>
    /// How many blocks from <paramref name="first"/> on go into one send: one large block, or several small ones.
    /// </summary>
    private int CountGatherable(int first)
    {
        var last = first;
        while (
            last < _sending.Count
            && last - first < MaxGatheredBlocks
            && !_sending[last].IsRegion
            && _sending[last].LengthBytes < LargeBlockBytes
        )
            last++;
        return Math.Max(1, last - first);
    }

    private async ValueTask<bool> SendBlocksAsync(int count)
    {
        ValueTask<SocketError> send;
        if (count == 1)
        {
            send = _sender!.SendAsync(_sending[0].Written);
        }
        else
        {
            _gathered ??= [];
            _gathered.Clear();
            for (var index = 0; index < count; index++)
                _gathered.Add(SegmentOf(_sending[index].Written));
            send = _sender!.SendAsync(_gathered);
        }

        return IsSuccess(await AwaitWatchedAsync(send).ConfigureAwait(false));
    }

    private async ValueTask<bool> SendRegionAsync()
    {
        var region = _region;
        if (_copiesRegions)
            return await CopyRegionAsync(region).ConfigureAwait(false);
        var error = await AwaitWatchedAsync(_sender!.SendFileAsync(region.File, region.Position, region.LengthBytes))
            .ConfigureAwait(false);
        var sentBytes = _sender.BytesTransferred;
        _meter.SentByFile(sentBytes);
        if (sentBytes == region.LengthBytes)
        {
            _regionOutcome = RegionOutcome.Sent;
            return true;
        }

        // If the file ended before the call, the runtime reports invalid arguments. If it ended during the call, the
        // call succeeds with fewer bytes. sendfile(2) rejects files of some file systems (EINVAL), and a disk can fail.
        // A copy tells all these cases apart.
        var rest = region with
        {
            Position = region.Position + sentBytes,
            LengthBytes = region.LengthBytes - sentBytes,
        };
        if (IsEndOfConnection(error))
            return IsSuccess(error);
        // After a failure the runtime takes the socket for disconnected, and rejects its own sendfile from then on.
        _copiesRegions = error != SocketError.Success;
        return await CopyRegionAsync(rest).ConfigureAwait(false);
    }

    /// <summary>
    /// Sends a region through memory if sendfile(2) does not take its file. A file that ends first is cut short.
    /// </summary>
    private async ValueTask<bool> CopyRegionAsync(FileRegion region)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Min(region.LengthBytes, _options.CopyBufferBytes));
        try
        {
            for (var copied = 0; copied < region.LengthBytes; )
            {
                var wanted = buffer.AsMemory(0, Math.Min(buffer.Length, region.LengthBytes - copied));
                var read = await RandomAccess
                    .ReadAsync(region.Handle, wanted, region.Position + copied)
                    .ConfigureAwait(false);
                if (read == 0)
                {
                    _regionOutcome = RegionOutcome.CutShort;
                    return false;
                }

                if (!IsSuccess(await AwaitWatchedAsync(_sender!.SendAsync(wanted[..read])).ConfigureAwait(false)))
                    return false;
                copied += read;
                _meter.SentByCopy(read);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        _regionOutcome = RegionOutcome.Sent;
        return true;
    }

    /// <summary>
    /// Awaits a send. A send that does not end at once waits for the reader, and is watched meanwhile.
    /// </summary>
    private async ValueTask<SocketError> AwaitWatchedAsync(ValueTask<SocketError> send)
    {
        if (send.IsCompleted)
            return await send.ConfigureAwait(false);
        _watch ??= new StalledReaderWatch(_connection, _socket, _options, _meter, _logger);
        _watch.Start();
        try
        {
            return await send.ConfigureAwait(false);
        }
        finally
        {
            _watch.Stop();
        }
    }

    private bool IsSuccess(SocketError error)
    {
        if (error == SocketError.Success)
            return true;

        if (!IsEndOfConnection(error))
            throw new SocketException((int)error);
        SendFileLog.ConnectionGone(_logger, _connection.ConnectionId, error);
        return false;
    }

    /// <summary>
    /// Whether an error is an ordinary end of a connection: a reset, a lost network, an abort of our own server. Such
    /// ends need no log message.
    /// </summary>
    private static bool IsEndOfConnection(SocketError error) =>
        error
            is SocketError.ConnectionReset
                or SocketError.ConnectionAborted
                or SocketError.Shutdown
                or SocketError.Disconnecting
                or SocketError.OperationAborted
                or SocketError.Interrupted
                or SocketError.NotConnected
                or SocketError.TimedOut
                or SocketError.HostUnreachable
                or SocketError.HostDown
                or SocketError.NetworkUnreachable
                or SocketError.NetworkDown
                or SocketError.NetworkReset;

    private void FailUnexpectedly(Exception exception)
    {
        SendFileLog.SendFailed(_logger, _connection.ConnectionId, exception);
        RegionError = exception;
        _regionOutcome = RegionOutcome.Failed;
        _connection.Abort(
            new Microsoft.AspNetCore.Connections.ConnectionAbortedException("Sending failed.", exception)
        );
    }

    private static ArraySegment<byte> SegmentOf(ReadOnlyMemory<byte> memory) =>
        MemoryMarshal.TryGetArray(memory, out var segment) ? segment : memory.ToArray();
}
