using System.Buffers.Binary;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace LogHttp.Kestrel;

/// <summary>
/// Drops a connection whose reader takes no byte for <see cref="SendFileOptions.StalledReaderTimeout"/> while a send
/// waits for it. Also drops one that takes fewer than <see cref="SendFileOptions.MinReaderBytesPerSecond"/> over
/// <see cref="SendFileOptions.SlowReaderWindow"/>.
/// </summary>
/// <remarks>
/// Progress is measured in the bytes that the peer's kernel acknowledged (TCP_INFO). So a reader of 1 KB/s is alive
/// though a slice of 1 MiB takes it a quarter of an hour. A peer that stopped reading closes its window and
/// acknowledges nothing. macOS and Unix sockets have no such count. There only the end of a send is progress, and the
/// rate is not judged. The rate counts the time that sends waited, one after the other: a reader of one byte in 30 s
/// kept a deleted segment forever. Start and Stop come from the pump, the timer from the pool. <c>_sync</c> guards the
/// state that both touch.
/// </remarks>
internal sealed class StalledReaderWatch(
    ConnectionContext connection,
    Socket socket,
    SendFileOptions options,
    SendFileMeter meter,
    ILogger logger
) : IDisposable
{
    // A stalled reader is found after at most one and a quarter of the timeout.
    private const int ChecksPerTimeout = 4;

    private readonly Lock _sync = new();
    private ITimer? _timer;
    private bool _isWatching;
    private long _progressTimestamp;
    private long _acknowledgedBytes;

    // The window of the rate: the time and bytes of the sends that ended, and the start and first byte of the current
    // wait.
    private TimeSpan _windowWaited;
    private long _windowBytes;
    private long _waitTimestamp;
    private long _waitFirstByte;

    internal void Start()
    {
        lock (_sync)
        {
            _isWatching = true;
            _progressTimestamp = options.TimeProvider.GetTimestamp();
            _acknowledgedBytes = AcknowledgedBytes(socket);
            (_waitTimestamp, _waitFirstByte) = (_progressTimestamp, _acknowledgedBytes);
            var interval = options.StalledReaderTimeout / ChecksPerTimeout;
            if (_timer is null)
                _timer = options.TimeProvider.CreateTimer(
                    static watch => ((StalledReaderWatch)watch!).Check(),
                    this,
                    interval,
                    interval
                );
            else
                _timer.Change(interval, interval);
        }
    }

    internal void Stop()
    {
        lock (_sync)
        {
            if (_isWatching)
            {
                _windowWaited += options.TimeProvider.GetElapsedTime(_waitTimestamp);
                _windowBytes += AcknowledgedBytes(socket) - _waitFirstByte;
            }

            _isWatching = false;
            _timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        lock (_sync)
        {
            _isWatching = false;
            _timer?.Dispose();
        }
    }

    private void Check()
    {
        var isTooSlow = false;
        lock (_sync)
        {
            if (!_isWatching)
                return;
            var acknowledgedBytes = AcknowledgedBytes(socket);
            if (acknowledgedBytes > _acknowledgedBytes)
            {
                _acknowledgedBytes = acknowledgedBytes;
                _progressTimestamp = options.TimeProvider.GetTimestamp();
                if (!IsTooSlow(acknowledgedBytes))
                    return;
                isTooSlow = true;
            }
            else if (options.TimeProvider.GetElapsedTime(_progressTimestamp) < options.StalledReaderTimeout)
            {
                return;
            }

            _isWatching = false;
        }

        // The transport resets the connection, which also frees the bytes that the kernel had buffered for the reader.
        if (isTooSlow)
        {
            meter.SlowReaderDropped();
            SendFileLog.SlowReaderDropped(
                logger,
                connection.ConnectionId,
                options.MinReaderBytesPerSecond,
                options.SlowReaderWindow
            );
            connection.Abort(
                new ConnectionAbortedException(
                    $"The reader took fewer than {nameof(SendFileOptions.MinReaderBytesPerSecond)} "
                        + $"({options.MinReaderBytesPerSecond}) over {nameof(SendFileOptions.SlowReaderWindow)} "
                        + $"({options.SlowReaderWindow})."
                )
            );
        }
        else
        {
            meter.StalledReaderDropped();
            SendFileLog.StalledReaderDropped(logger, connection.ConnectionId, options.StalledReaderTimeout);
            connection.Abort(
                new ConnectionAbortedException(
                    $"The reader took no byte within {nameof(SendFileOptions.StalledReaderTimeout)} "
                        + $"({options.StalledReaderTimeout})."
                )
            );
        }
    }

    /// <summary>
    /// Judges the reader once its window is full, and begins the next window. Call with <c>_sync</c> held.
    /// </summary>
    private bool IsTooSlow(long acknowledgedBytes)
    {
        var waited = _windowWaited + options.TimeProvider.GetElapsedTime(_waitTimestamp);
        if (options.MinReaderBytesPerSecond == 0 || waited < options.SlowReaderWindow)
            return false;
        var takenBytes = _windowBytes + acknowledgedBytes - _waitFirstByte;
        (_windowWaited, _windowBytes) = (TimeSpan.Zero, 0);
        (_waitTimestamp, _waitFirstByte) = (options.TimeProvider.GetTimestamp(), acknowledgedBytes);
        return takenBytes < options.MinReaderBytesPerSecond * waited.TotalSeconds;
    }

    /// <summary>
    /// <c>tcpi_bytes_acked</c> in struct tcp_info of linux/tcp.h, behind 8 bytes of flags, 24 counters of 4 bytes and
    /// two pacing rates of 8.
    /// </summary>
    private static long AcknowledgedBytes(Socket socket)
    {
        const int ipProtocolTcp = 6;
        const int tcpInfo = 11;
        const int bytesAckedOffset = 8 + 24 * 4 + 2 * 8;

        if (!OperatingSystem.IsLinux() || socket.ProtocolType != ProtocolType.Tcp)
            return 0;
        Span<byte> info = stackalloc byte[bytesAckedOffset + sizeof(long)];
        try
        {
            return socket.GetRawSocketOption(ipProtocolTcp, tcpInfo, info) == info.Length
                ? BinaryPrimitives.ReadInt64LittleEndian(info[bytesAckedOffset..])
                : 0;
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The connection is ending, and the watched send will report it.
            return 0;
        }
    }
}
