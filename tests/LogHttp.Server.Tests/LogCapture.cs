using System.Collections.Concurrent;
using System.Globalization;
using Serilog.Core;
using Serilog.Events;

namespace LogHttp.Server.Tests;

/// <summary>What a server that is well has no reason to log: errors, and exceptions at any level.</summary>
sealed class LogCapture : ILogEventSink
{
    readonly ConcurrentQueue<string> _alarms = new();
    int _events;

    public IReadOnlyCollection<string> Alarms => _alarms;

    /// <summary>How many were seen, of any kind: a capture that hears nothing proves nothing.</summary>
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
