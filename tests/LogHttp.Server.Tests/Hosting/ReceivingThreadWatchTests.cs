using LogHttp.Server.Hosting;
using Microsoft.Extensions.Options;

namespace LogHttp.Server.Tests.Hosting;

public sealed class ReceivingThreadWatchTests : IDisposable
{
    readonly RecordingLogger _log = new();
    readonly ReceivingThreadWatch _watch;

    public ReceivingThreadWatchTests() => _watch = new ReceivingThreadWatch(Options.Create(new ServerSettings()), _log);

    public void Dispose() => _watch.Dispose();

    [Fact]
    public void Check_RequestStillRuns_NamesItOnce()
    {
        using (ReceivingThreadWatch.Begin())
        {
            ReceivingThreadWatch.SetEndpoint(
                new Endpoint(requestDelegate: null, EndpointMetadataCollection.Empty, "HTTP: GET /slow")
            );
            _watch.Check();
            Assert.DoesNotContain(_log.Messages, IsOfThisThread);
            _watch.Check();
            _watch.Check();
        }
        Assert.Contains("HTTP: GET /slow", Assert.Single(_log.Messages, IsOfThisThread), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_AnotherRequestRuns_ReportsNothing()
    {
        for (var request = 0; request < 3; request++)
        {
            using (ReceivingThreadWatch.Begin())
                _watch.Check();
        }
        _watch.Check();
        _watch.Check();
        Assert.DoesNotContain(_log.Messages, IsOfThisThread);
    }

    static bool IsOfThisThread(string message) =>
        message.StartsWith($"Receiving thread {Environment.CurrentManagedThreadId} ", StringComparison.Ordinal);

    sealed class RecordingLogger : ILogger<ReceivingThreadWatch>
    {
        public List<string> Messages { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        ) => Messages.Add(formatter(state, exception));
    }
}
