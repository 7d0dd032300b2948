using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using LogHttp.Server.Hosting;
using Microsoft.AspNetCore.Connections;

namespace LogHttp.Server.Tests.Hosting;

/// <summary>The memory that connections hold besides their requests.</summary>
public sealed class ConnectionMemoryTests
{
    const int HeadBytes = 120_000;
    const int SmallHeadBytes = 10_000;

    /// <summary>Settings with room for one unfinished head of <see cref="HeadBytes"/>, and not for two.</summary>
    static readonly (string, string)[] Settings =
    [
        ("MaxRequestHeadersBytes", "131072"),
        ("MaxConnectionBytes", "1048576"),
        ("MaxClientConnectionBytes", "800000"),
    ];

    [Fact]
    public async Task UnfinishedHead_BeforeRequestBegins_Counts()
    {
        using var server = new TestServer(Settings);
        using var connection = await SendUnfinishedHeadAsync(server);
        await TestServer.UntilAsync(() => server.ConnectionBytes >= 4 * HeadBytes);
        Assert.InRange(server.ConnectionBytes, 4 * HeadBytes, 5 * HeadBytes);
        await connection.WriteAsync("\r\n");
        Assert.Equal("HTTP/1.1 200 OK", await connection.ReadLineAsync());
        Assert.Equal(0, server.ConnectionBytes);
    }

    [Fact]
    public async Task UnfinishedHead_ConnectionEnds_IsReleased()
    {
        using var server = new TestServer(Settings);
        using (await SendUnfinishedHeadAsync(server))
            await TestServer.UntilAsync(() => server.ConnectionBytes > 0);
        await TestServer.UntilAsync(() => server.ConnectionBytes == 0);
    }

    [Fact]
    public async Task UnfinishedHead_AfterOtherRequests_Counts()
    {
        using var server = new TestServer(Settings);
        using var connection = new RawRequest.Connection(server.Client.BaseAddress!);
        // One that the server refuses, one whose response comes later, and one that fails in routing.
        foreach (var target in new[] { "/healthz", "/topics/t/latest?wait=10ms", "/nowhere", "/topics" })
        {
            await connection.WriteAsync($"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            while ((await connection.ReadLineAsync()).Length > 0) { }
            await connection.WriteAsync($"HEAD {target} HTTP/1.1\r\nHost: localhost\r\n{Lines(5_000)}\r\n");
            while (!(await connection.ReadLineAsync()).StartsWith("HTTP/1.1 ", StringComparison.Ordinal)) { }
            while ((await connection.ReadLineAsync()).Length > 0) { }
        }
        Assert.Equal(0, server.ConnectionBytes);
        await connection.WriteAsync($"GET /healthz HTTP/1.1\r\nHost: localhost\r\n{Lines(HeadBytes)}");
        await TestServer.UntilAsync(() => server.ConnectionBytes >= 4 * HeadBytes);
    }

    [Fact]
    public async Task UnfinishedHeads_AboveLimit_CloseConnection()
    {
        using var server = new TestServer(Settings);
        using var first = await SendUnfinishedHeadAsync(server);
        await TestServer.UntilAsync(() => server.ConnectionBytes >= 4 * HeadBytes);
        using var second = await SendUnfinishedHeadAsync(server);
        Assert.Equal("", await ReadToEndAsync(second));
        // The first connection is not affected, and small heads need no room.
        (await server.Client.GetAsync("/healthz")).EnsureSuccessStatusCode();
        await first.WriteAsync("\r\n");
        Assert.Equal("HTTP/1.1 200 OK", await first.ReadLineAsync());
    }

    [Fact]
    public async Task UnfinishedHeads_OfTrustedProxy_UseWholeBudget()
    {
        using var server = new TestServer([
            ("MaxRequestHeadersBytes", "131072"),
            ("MaxConnectionBytes", "1300000"),
            ("MaxClientConnectionBytes", "800000"),
            ("TrustedProxies", "127.0.0.1"),
        ]);
        using var first = await SendUnfinishedHeadAsync(server);
        using var second = await SendUnfinishedHeadAsync(server);
        await TestServer.UntilAsync(() => server.ConnectionBytes >= 8 * HeadBytes);
        using var third = await SendUnfinishedHeadAsync(server);
        Assert.Equal("", await ReadToEndAsync(third));
    }

    [Fact]
    public async Task UnfinishedHead_OverTls_Counts()
    {
        using var certificate = TestCertificate.Create();
        using var server = new TestServer(certificate, Settings);
        var address = server.AddressOf("https");
        using var client = new TcpClient(address.Host, address.Port);
        using var stream = new SslStream(
            client.GetStream(),
            leaveInnerStreamOpen: false,
            (_, shown, _, _) => shown!.GetCertHashString() == certificate.GetCertHashString()
        );
        await stream.AuthenticateAsClientAsync("localhost");
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes($"GET /healthz HTTP/1.1\r\nHost: localhost\r\n{Lines(HeadBytes)}")
        );
        await TestServer.UntilAsync(() => server.ConnectionBytes >= 4 * HeadBytes);
        Assert.InRange(server.ConnectionBytes, 4 * HeadBytes, 5 * HeadBytes);
        await stream.WriteAsync("\r\n"u8.ToArray());
        using var reader = new StreamReader(stream);
        Assert.Equal("HTTP/1.1 200 OK", await reader.ReadLineAsync());
        Assert.Equal(0, server.ConnectionBytes);
    }

    [Fact]
    public async Task Body_Received_DoesNotCountAsHead()
    {
        using var server = new TestServer(Settings);
        using var connection = new RawRequest.Connection(server.Client.BaseAddress!);
        await connection.WriteAsync(
            "POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 900000\r\n\r\n"
                + new string('x', 899_999)
        );
        await TestServer.UntilAsync(() => server.ReadingBytes > 800_000);
        Assert.Equal(0, server.ConnectionBytes);
        await connection.WriteAsync("x");
        Assert.Equal("HTTP/1.1 201 Created", await connection.ReadLineAsync());
    }

    [Theory]
    [InlineData("POST /nowhere", "Content-Length: 300000", "", "")]
    [InlineData("POST /nowhere", "Transfer-Encoding: chunked", "493e0;a=b\r\n", "\r\n0\r\nX: y\r\n\r\n")]
    [InlineData("GET /healthz", "Content-Length: 300000", "", "")]
    [InlineData("POST /topics/t", "Origin: http://other.example\r\nContent-Length: 300000", "", "")]
    [InlineData("POST /topics/t", "Expect: 100-continue\r\nContent-Length: 300000", "", "")]
    public async Task UnreadBody_Received_DoesNotCountAsHead(
        string request,
        string headers,
        string before,
        string after
    )
    {
        using var server = new TestServer(Settings);
        using var connection = new RawRequest.Connection(server.Client.BaseAddress!);
        await connection.WriteAsync(
            $"{request} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n{before}{new string('x', 300_000)}{after}"
                // The connection is idle once this request has its response.
                + "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
                + $"GET /healthz HTTP/1.1\r\nHost: localhost\r\n{Lines(HeadBytes)}"
        );
        while (await connection.ReadLineAsync() != "HTTP/1.1 200 OK") { }
        await TestServer.UntilAsync(() => server.ConnectionBytes >= 4 * HeadBytes);
        Assert.InRange(server.ConnectionBytes, 4 * HeadBytes, 5 * HeadBytes);
    }

    [Fact]
    public async Task UnreadBody_Received_DoesNotCount()
    {
        using var server = new TestServer(Settings);
        using var connection = new RawRequest.Connection(server.Client.BaseAddress!);
        await connection.WriteAsync(
            "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n" + new string('x', 299_999)
        );
        Assert.StartsWith("HTTP/1.1 404", await connection.ReadLineAsync(), StringComparison.Ordinal);
        // An unfinished head behind the body shows when the server has read the body.
        await connection.WriteAsync($"xGET /healthz HTTP/1.1\r\nHost: localhost\r\n{Lines(SmallHeadBytes)}");
        await TestServer.UntilAsync(() => server.ConnectionBytes >= 4 * SmallHeadBytes);
        Assert.InRange(server.ConnectionBytes, 4 * SmallHeadBytes, 6 * SmallHeadBytes);
    }

    [Fact]
    public async Task UnfinishedTrailers_BeforeEnd_Count()
    {
        using var server = new TestServer(Settings);
        using var connection = new RawRequest.Connection(server.Client.BaseAddress!);
        await connection.WriteAsync(
            "POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n"
                + $"1\r\nx\r\n0\r\n{Lines(HeadBytes)}"
        );
        await TestServer.UntilAsync(() => server.ConnectionBytes >= 4 * HeadBytes);
        Assert.InRange(server.ConnectionBytes, 4 * HeadBytes, 5 * HeadBytes);
        await connection.WriteAsync("\r\n");
        Assert.Equal("HTTP/1.1 201 Created", await connection.ReadLineAsync());
        Assert.Equal(0, server.ConnectionBytes);
    }

    [Fact]
    public async Task Http2Connection_UntilItEnds_Counts()
    {
        using var certificate = TestCertificate.Create();
        using var server = new TestServer(certificate);
        using (var client = await Http2Client.ConnectAsync(server.AddressOf("https"), certificate))
        {
            await client.ReadUntilAsync(Http2Client.Settings, 0);
            Assert.InRange(server.ConnectionBytes, ConnectionMemory.Http2Bytes, 4 * ConnectionMemory.Http2Bytes);
        }
        await TestServer.UntilAsync(() => server.ConnectionBytes == 0);
    }

    [Fact]
    public void Connection_Lost_IsReleased()
    {
        var budget = new ConnectionBudget(
            new ServerSettings { MaxConnectionBytes = 1 << 20, MaxClientConnectionBytes = 1 << 20 }
        );
        Lose(budget);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.Equal(0, budget.HeldBytes);
    }

    /// <summary>A method of its own, because a local variable may keep the connection.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Lose(ConnectionBudget budget)
    {
        new ConnectionMemory(budget, new DefaultConnectionContext(), bucket: 0).BeginHttp2();
        Assert.Equal(ConnectionMemory.Http2Bytes, budget.HeldBytes);
    }

    [Fact]
    public async Task UnfinishedHttp2Head_UntilItEnds_Counts()
    {
        using var certificate = TestCertificate.Create();
        using var server = new TestServer(certificate);
        var budget = server.Service<ConnectionBudget>();
        using var client = await Http2Client.ConnectAsync(server.AddressOf("https"), certificate);
        await client.WriteAsync(
            Http2Client.Frame(Http2Client.Headers, Http2Client.EndStream, 1, Http2Client.Head("GET", "/healthz"))
        );
        await TestServer.UntilAsync(() => server.ConnectionBytes > budget.UnfinishedHttp2HeadBytes);
        await client.WriteAsync(
            Http2Client.Frame(
                Http2Client.Continuation,
                Http2Client.EndHeaders,
                1,
                Http2Client.Field("x", new string('x', 5_000))
            )
        );
        await client.ReadUntilAsync(Http2Client.Headers, 1);
        Assert.InRange(server.ConnectionBytes, ConnectionMemory.Http2Bytes, budget.UnfinishedHttp2HeadBytes);
    }

    [Fact]
    public async Task Http2Trailers_UntilConnectionEnds_Count()
    {
        using var certificate = TestCertificate.Create();
        using var server = new TestServer(certificate);
        var trailersBytes = server.Service<ConnectionBudget>().UnfinishedHttp2HeadBytes / 2;
        using (var client = await Http2Client.ConnectAsync(server.AddressOf("https"), certificate))
        {
            for (var stream = 1; stream <= 3; stream += 2)
            {
                await client.WriteAsync(
                    Http2Client.Frame(
                        Http2Client.Headers,
                        Http2Client.EndHeaders,
                        stream,
                        Http2Client.Head("GET", "/topics/t/latest?wait=300s")
                    ),
                    Http2Client.Frame(
                        Http2Client.Headers,
                        Http2Client.EndHeaders | Http2Client.EndStream,
                        stream,
                        Http2Client.Field("x", "y")
                    )
                );
            }
            await TestServer.UntilAsync(() => server.ConnectionBytes >= 2 * trailersBytes);
            Assert.InRange(server.ConnectionBytes, 2 * trailersBytes, 4 * trailersBytes);
        }
        await TestServer.UntilAsync(() => server.ConnectionBytes == 0);
    }

    [Fact]
    public async Task Http2Responses_Unread_CloseConnection()
    {
        // The program as a process, because the in-process server of other tests has the framework's memory pool.
        using var directory = new LogHttp.Testing.TemporaryDirectory();
        var (server, http) = await ServerProcess.StartAsync(
            directory.Path,
            ("Kestrel__EndpointDefaults__Protocols", "Http2"),
            ("LogHttp__MaxConnectionBytes", "1048576")
        );
        using (server)
        using (http)
        {
            using var client = await Http2Client.ConnectAsync(http.BaseAddress!, certificate: null);
            try
            {
                for (var stream = 1; stream < 200; stream += 2)
                    await client.WriteAsync(Get(stream, "/healthz", "http"));
            }
            catch (IOException)
            {
                // The server has closed the connection already.
            }
            await client.ReadToEndAsync();
            using var next = await Http2Client.ConnectAsync(http.BaseAddress!, certificate: null);
            await next.WriteAsync(Get(1, "/healthz", "http"));
            await next.ReadUntilAsync(Http2Client.Headers, 1);
        }
    }

    [Fact]
    public async Task Http2Requests_SmallHeadsAboveLimit_AreRejected()
    {
        using var certificate = TestCertificate.Create();
        using var server = new TestServer(certificate, ("MaxClientHeldHeadBytes", "1048576"));
        (await server.PostAsync("/topics/t", "text/plain", "x")).EnsureSuccessStatusCode();
        using var client = await Http2Client.ConnectAsync(server.AddressOf("https"), certificate);
        using var other = await Http2Client.ConnectAsync(server.AddressOf("https"), certificate);
        // 110 requests of 9 KiB and a head of 300 to 600 bytes have room.
        for (var number = 0; number < 100; number++)
            await client.WriteAsync(Get(2 * number + 1, "/topics/t/latest?wait=300s"));
        await TestServer.UntilAsync(() => server.Waiting == 100);
        Assert.InRange(server.HeldHeadBytes, 100 * RequestHeads.StreamBytes, 1 << 20);
        for (var number = 0; number < 20; number++)
            await other.WriteAsync(Get(2 * number + 1, "/topics/t/latest?wait=300s"));
        await other.ReadUntilAsync(Http2Client.Headers, 39);
        Assert.InRange(server.Waiting, 100, 113);
        client.Dispose();
        await TestServer.UntilAsync(() => server.Waiting < 20);
        await TestServer.UntilAsync(() => server.HeldHeadBytes < 1 << 18);
    }

    [Theory]
    [InlineData("MaxConnectionBytes", "1000")]
    [InlineData("MaxClientConnectionBytes", "1000")]
    public void Limits_TooSmall_AreRejected(string name, string value)
    {
        var settings = new ServerSettings { MaxOpenSegments = 64 };
        typeof(ServerSettings)
            .GetProperty(name)!
            .SetValue(settings, long.Parse(value, System.Globalization.CultureInfo.InvariantCulture));
        settings.ReplaceOutOfRange();
        Assert.StartsWith($"{name} is 1000. Allowed: 0, or ", Assert.Single(settings.Faults), StringComparison.Ordinal);
    }

    static byte[] Get(int stream, string path, string scheme = "https") =>
        Http2Client.Frame(
            Http2Client.Headers,
            Http2Client.EndHeaders | Http2Client.EndStream,
            stream,
            Http2Client.Head("GET", path, scheme)
        );

    static string Lines(int bytes)
    {
        const int LineBytes = 5_000;
        var lines = new StringBuilder();
        for (var number = 0; lines.Length < bytes; number++)
            lines.Append($"X-{number:00}: {new string('x', LineBytes - 8)}\r\n");
        return lines.ToString();
    }

    static async Task<RawRequest.Connection> SendUnfinishedHeadAsync(TestServer server)
    {
        var connection = new RawRequest.Connection(server.Client.BaseAddress!);
        await connection.WriteAsync($"GET /healthz HTTP/1.1\r\nHost: localhost\r\n{Lines(HeadBytes)}");
        return connection;
    }

    /// <summary>Reads until the server closes, or resets the connection because of unread bytes.</summary>
    static async Task<string> ReadToEndAsync(RawRequest.Connection connection)
    {
        try
        {
            return await connection.ReadToEndAsync();
        }
        catch (IOException)
        {
            return "";
        }
    }
}
