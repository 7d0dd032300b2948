using System.Globalization;
using LogHttp.Testing;
using Microsoft.Extensions.Logging;

namespace LogHttp.Storage.Tests.Simulation;

/// <summary>The last events of a run, to find out why it failed. Their texts are made only on request.</summary>
/// <remarks>LOGHTTP_SIMULATION_TRACE=n keeps so many entries, instead of 200.</remarks>
sealed class SimulationTrace(int capacity) : ILogger
{
    static readonly int DefaultCapacity = int.TryParse(
        Environment.GetEnvironmentVariable("LOGHTTP_SIMULATION_TRACE"),
        out var entries
    )
        ? entries
        : 200;

    public SimulationTrace()
        : this(DefaultCapacity) { }

    /// <summary>The one message that holds a duration of the real world.</summary>
    const int CatalogOpened = 1;

    readonly Queue<Entry> _entries = [];

    /// <summary>The messages for operators that the log wrote, by event.</summary>
    public event Action<int, string>? Logged;

    public void Add(string text) => Add(new Entry(text, default, default));

    public void Add(FileSystemCall call, Fault fault) => Add(new Entry(null, call, fault));

    public override string ToString() => string.Join('\n', _entries);

    void Add(in Entry entry)
    {
        if (_entries.Count == capacity)
            _entries.Dequeue();
        _entries.Enqueue(entry);
    }

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    bool ILogger.IsEnabled(LogLevel logLevel) => true;

    void ILogger.Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    )
    {
        var message = eventId.Id == CatalogOpened ? "opened" : formatter(state, exception);
        Add($"    log {eventId.Id}: {message}{(exception is null ? "" : $" <- {exception.Message}")}");
        Logged?.Invoke(eventId.Id, message);
    }

    readonly record struct Entry(string? Text, FileSystemCall Call, Fault Fault)
    {
        public override string ToString() =>
            Text
            ?? string.Create(
                CultureInfo.InvariantCulture,
                $"    {Call.Number} {Call.Kind} {Call.Path} {Call.SizeBytes}"
                    + $"{(Fault == Fault.None ? "" : $" <- {Fault}")}"
            );
    }
}

/// <summary>The log broke a promise.</summary>
sealed class SimulationException(string message, Exception? cause = null) : Exception(message, cause);
