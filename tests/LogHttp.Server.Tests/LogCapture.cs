using System.Collections.Concurrent;
using System.Globalization;
using Serilog.Core;
using Serilog.Events;

namespace LogHttp.Server.Tests;

/// <summary>Collects log entries that a healthy server does not write: errors, and exceptions at any level.</summary>
sealed class LogCapture : ILogEventSink
{
    readonly ConcurrentQueue<string> _alarms = new();
    int _events;

    public IReadOnlyCollection<string> Alarms => _alarms;

    /// <summary>The number of events of any kind. It must be above zero, or the capture is not connected.</summary>
    public int Events => _events;

    public void Emit(LogEvent logEvent)
    {
        Interlocked.Increment(ref _events);
        if (logEvent.Level >= LogEventLevel.Error || logEvent.Exception is not null)
            _alarms.Enqueue(
                $"{logEvent.Level}: {logEvent.RenderMessage(CultureInfo.InvariantCulture)}\n{logEvent.Exception}"
            );
    }
}
