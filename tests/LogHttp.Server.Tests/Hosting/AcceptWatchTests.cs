using System.Net;
using LogHttp.Server.Hosting;
using Microsoft.AspNetCore.Connections;

namespace LogHttp.Server.Tests.Hosting;

public class AcceptWatchTests
{
    [Fact]
    public async Task Check_AcceptFailed_ReportsAtSecondCheck()
    {
        var listener = new Listener();
        var (watched, reports) = Watch(listener);
        var accepting = watched.AcceptAsync();
        watched.Check();
        watched.Check();
        Assert.Empty(reports);

        listener.Next.SetException(new InvalidOperationException());
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await accepting);
        watched.Check();
        Assert.Empty(reports);
        watched.Check();
        Assert.Equal([listener.EndPoint], reports);
    }

    [Fact]
    public async Task Check_NoNextAccept_ReportsIt()
    {
        var listener = new Listener();
        var (watched, reports) = Watch(listener);
        listener.Next.SetResult(new DefaultConnectionContext());
        await watched.AcceptAsync();
        watched.Check();
        watched.Check();
        Assert.Single(reports);
    }

    [Fact]
    public async Task Check_AcceptsContinue_ReportsNothing()
    {
        var listener = new Listener();
        var (watched, reports) = Watch(listener);
        listener.Next.SetResult(new DefaultConnectionContext());
        for (var look = 0; look < 3; look++)
        {
            await watched.AcceptAsync();
            watched.Check();
        }
        Assert.Empty(reports);
    }

    [Fact]
    public async Task Check_ListenerUnbound_ReportsNothing()
    {
        var listener = new Listener();
        var (watched, reports) = Watch(listener);
        listener.Next.SetResult(new DefaultConnectionContext());
        await watched.AcceptAsync();
        await watched.UnbindAsync();
        watched.Check();
        watched.Check();
        Assert.Empty(reports);
    }

    [Fact]
    public void Server_Listening_UsesWatch()
    {
        using var server = new TestServer();
        Assert.IsType<AcceptWatch>(server.Service<IConnectionListenerFactory>());
    }

    static (WatchedListener Watched, List<EndPoint> Reports) Watch(Listener listener)
    {
        var reports = new List<EndPoint>();
        return (new WatchedListener(listener, TimeProvider.System, reports.Add), reports);
    }

    sealed class Listener : IConnectionListener
    {
        public TaskCompletionSource<ConnectionContext?> Next { get; } = new();

        public EndPoint EndPoint { get; } = new IPEndPoint(IPAddress.Loopback, 8080);

        public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
            new(Next.Task);

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => default;

        public ValueTask DisposeAsync() => default;
    }
}
