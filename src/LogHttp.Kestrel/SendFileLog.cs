using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace LogHttp.Kestrel;

/// <summary>All log messages of this library. Event ids are stable: numbers are only added.</summary>
internal static partial class SendFileLog
{
    internal const string Category = "LogHttp.Kestrel";

    [LoggerMessage(1, LogLevel.Debug, "Connection {ConnectionId}: the client is gone ({Error}).")]
    internal static partial void ConnectionGone(ILogger logger, string connectionId, SocketError error);

    [LoggerMessage(
        2,
        LogLevel.Information,
        "Connection {ConnectionId}: the reader took no byte within {StalledReaderTimeout}; dropped by the limit "
            + "StalledReaderTimeout."
    )]
    internal static partial void StalledReaderDropped(
        ILogger logger,
        string connectionId,
        TimeSpan stalledReaderTimeout
    );

    [LoggerMessage(
        3,
        LogLevel.Error,
        "Connection {ConnectionId}: {FileName} ended before the region of {LengthBytes} bytes at position "
            + "{Position} did; the connection is aborted."
    )]
    internal static partial void RegionCutShort(
        ILogger logger,
        string connectionId,
        string fileName,
        long position,
        long lengthBytes
    );

    [LoggerMessage(
        4,
        LogLevel.Error,
        "Connection {ConnectionId}: sending failed unexpectedly; the connection is aborted."
    )]
    internal static partial void SendFailed(ILogger logger, string connectionId, Exception exception);

    [LoggerMessage(
        5,
        LogLevel.Debug,
        "Connection {ConnectionId}: a region was cancelled before its end; the connection is aborted."
    )]
    internal static partial void RegionCancelled(ILogger logger, string connectionId);

    [LoggerMessage(6, LogLevel.Debug, "Connection {ConnectionId}: no sendfile here ({Reason}); regions are copied.")]
    internal static partial void CopiesInstead(ILogger logger, string connectionId, string reason);

    [LoggerMessage(
        8,
        LogLevel.Information,
        "Connection {ConnectionId}: the reader took fewer than {MinReaderBytesPerSecond} bytes per second over "
            + "{SlowReaderWindow}; dropped by the limit MinReaderBytesPerSecond."
    )]
    internal static partial void SlowReaderDropped(
        ILogger logger,
        string connectionId,
        int minReaderBytesPerSecond,
        TimeSpan slowReaderWindow
    );

    [LoggerMessage(
        7,
        LogLevel.Error,
        "A listener of the meter LogHttp.Kestrel failed; its failures are not logged again."
    )]
    internal static partial void MeterListenerFailed(ILogger logger, Exception exception);
}
