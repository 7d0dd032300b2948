using System.Net.Sockets;
using System.Net.WebSockets;
using LogHttp.Kestrel.Tests.Support;
using Microsoft.AspNetCore.Builder;

namespace LogHttp.Kestrel.Tests;

public sealed class OtherConnectionsTests
{
    [Fact]
    public async Task WebSocket_ThroughWriter_Echoes()
    {
        await using var host = await KestrelHost.StartAsync(
            async context =>
            {
                using var socket = await context.WebSockets.AcceptWebSocketAsync();
                var buffer = new byte[200_000];
                while (
                    await socket.ReceiveAsync(buffer, CancellationToken.None)
                        is { MessageType: WebSocketMessageType.Binary } received
                )
                    await socket.SendAsync(
                        buffer.AsMemory(0, received.Count),
                        WebSocketMessageType.Binary,
                        received.EndOfMessage,
                        CancellationToken.None
                    );
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
            },
            configure: app => app.UseWebSockets()
        );

        using var client = new ClientWebSocket();
        await client.ConnectAsync(new UriBuilder(host.Address) { Scheme = "ws" }.Uri, CancellationToken.None);
        var message = new byte[150_000];
        new Random(3).NextBytes(message);
        for (var times = 0; times < 3; times++)
        {
            await client.SendAsync(message, WebSocketMessageType.Binary, true, CancellationToken.None);
            var echoed = new MemoryStream();
            var buffer = new byte[64 * 1024];
            ValueWebSocketReceiveResult received;
            do
            {
                received = await client.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                echoed.Write(buffer, 0, received.Count);
            } while (!received.EndOfMessage);
            Assert.Equal(message, echoed.ToArray());
        }

        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        Assert.Equal(WebSocketState.Closed, client.State);
    }

    [Fact]
    public async Task Region_OverUnixSocket_UsesSendfile()
    {
        using var file = new TempFile(3_000_000);
        var path = Path.Combine(Path.GetTempPath(), $"loghttp-{Guid.NewGuid():N}.sock");
        await using var host = await KestrelHost.StartAsync(
            Handlers.Region(file, 100, 2_500_000),
            server: kestrel => kestrel.ListenUnixSocket(path, endpoint => endpoint.UseSendFile())
        );
        using var client = new HttpClient(
            new SocketsHttpHandler
            {
                ConnectCallback = async (_, cancellationToken) =>
                {
                    var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            }
        );

        Assert.Equal(file.Bytes[100..2_500_100], await client.GetByteArrayAsync("http://unix/"));
        Assert.Equal(2_500_000, (await host.SettledAsync()).SendFile);
    }

    [Fact]
    public async Task Listener_WithoutRequestHalf_ServesOrdinaryResponses()
    {
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            context.Features.Set<IHttpSendFileFeature>(null);
            context.Response.ContentLength = 2;
            await context.Response.Body.WriteAsync("ok"u8.ToArray());
        });
        using var client = host.NewClient();

        Assert.Equal("ok", await client.GetStringAsync("/"));
    }
}
