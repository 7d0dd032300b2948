using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace LogHttp.Kestrel.Tests.Support;

/// <summary>Records a host's log entries, and waits for one.</summary>
internal sealed class RecordedLogs : ILoggerProvider
{
    private readonly ConcurrentQueue<Entry> _entries = new();
    private readonly SemaphoreSlim _written = new(0);

    internal IReadOnlyCollection<Entry> Entries => _entries;

    internal IEnumerable<Entry> Ours => _entries.Where(entry => entry.Category == SendFileLog.Category);

    /// <summary>Waits for an event of this library.</summary>
    internal async Task<Entry> WaitForAsync(int eventId)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            if (Ours.FirstOrDefault(entry => entry.EventId == eventId) is { } found)
                return found;
            await _written.WaitAsync(timeout.Token);
        }
    }

    public ILogger CreateLogger(string categoryName) => new Recorder(this, categoryName);

    public void Dispose() => _written.Dispose();

    internal sealed record Entry(string Category, LogLevel Level, int EventId, string Message);

    private sealed class Recorder(RecordedLogs logs, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        )
        {
            logs._entries.Enqueue(
                new Entry(category, logLevel, eventId.Id, $"{formatter(state, exception)} {exception}")
            );
            try
            {
                logs._written.Release();
            }
            catch (ObjectDisposedException)
            {
                // A host that shuts down logs once more after its loggers are disposed.
            }
        }
    }
}
