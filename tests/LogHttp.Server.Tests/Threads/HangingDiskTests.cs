using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using LogHttp.Storage;
using LogHttp.Storage.Files;
using LogHttp.Storage.Topics;
using LogHttp.Testing;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace LogHttp.Server.Tests.Threads;

/// <summary>A server whose disk can hang, with topics whose files nobody has opened since its start.</summary>
public sealed class HangingDiskServer : IDisposable
{
    public const int ClosedTopics = 150;

    readonly TemporaryDirectory _directory = new();
    readonly TopicCatalog _catalog;
    readonly TestServer _server;

    public HangingDiskServer()
    {
        var data = Path.Combine(_directory.Path, "data");
        using (var before = new TestServer(("DataDirectory", data)))
        {
            var topics = Enumerable.Range(0, ClosedTopics).Select(number => $"closed{number}").Prepend("hot");
            foreach (var topic in topics)
                before.PostAsync($"/topics/{topic}", "text/plain", "one").GetAwaiter().GetResult().Dispose();
        }
        Disk = new HangingFileSystem(new PhysicalFileSystem(data));
        _catalog = TopicCatalog.Open(
            new StorageEnvironment { FileSystem = Disk },
            new StorageOptions { Directory = data }
        );
        // The program's own log stays empty, in a directory of its own.
        _server = new TestServer(services => services.RemoveAll<TopicCatalog>().AddSingleton(_catalog));
    }

    internal HangingFileSystem Disk { get; }

    public Uri Address => _server.AddressOf("http");

    public void Dispose()
    {
        Disk.Release();
        _server.Dispose();
        _catalog.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Disk.Dispose();
        _directory.Dispose();
    }
}

/// <summary>
/// A disk that hangs holds the requests that need it, and no receiving thread. The clients block their own threads: in
/// one process with the server, a client that awaits would continue on the server's receiving threads.
/// </summary>
public sealed class HangingDiskTests : IClassFixture<HangingDiskServer>, IDisposable
{
    /// <summary>Until then the disk hangs. A connection whose thread waits for the disk gets nothing before.</summary>
    static readonly TimeSpan HangTime = TimeSpan.FromSeconds(10);

    /// <summary>More connections than receiving threads, so that each thread has some.</summary>
    static readonly int Connections = 4 * Environment.ProcessorCount;

    const string Text = "Content-Type: text/plain\r\n";
    const string Lines = "Content-Type: application/x-ndjson\r\n";
    const string Confluent = "Content-Type: application/vnd.kafka.json.v2+json\r\n";

    readonly HangingDiskServer _server;
    readonly List<Socket> _sockets = [];

    public HangingDiskTests(HangingDiskServer server)
    {
        _server = server;
        Assert.StartsWith("HTTP/1.1 201", Exchange(Connect(), Request("POST", "/topics/hot", Text, "two")));
        Assert.StartsWith("HTTP/1.1 200", Exchange(Connect(), Request("GET", "/topics/hot/0?maxBytes=1")));
    }

    public void Dispose()
    {
        _server.Disk.Release();
        foreach (var socket in _sockets)
            socket.Dispose();
    }

    /// <summary>Requests to each endpoint. <c>#</c> stands for a number that no other request has.</summary>
    public static TheoryData<int, string, string, string, string> Requests()
    {
        (string Method, string Path, string Headers, string Body)[] requests =
        [
            ("POST", "/topics/hot", Text, "three"),
            ("POST", "/topics/hot?partition=0", Lines, "1\n2\n"),
            ("POST", "/topics/hot?stream=true", Lines, "1\n2\n"),
            ("POST", "/topics/hot", Text, new string('x', 100_000)),
            ("POST", "/topics/hot", Confluent, """{"records":[{"value":1}]}"""),
            ("POST", "/topics/closed#", Text, "two"),
            ("POST", "/topics/new#", Text, "one"),
            ("POST", "/topics/new#/partitions/0", Confluent, """{"records":[{"value":1}]}"""),
            ("GET", "/topics/hot/0", "", ""),
            ("GET", "/topics/hot/0", "Accept: application/json\r\n", ""),
            ("GET", "/topics/hot/0", "Accept: text/event-stream\r\n", ""),
            ("GET", "/topics/hot/0?key=k", "", ""),
            ("GET", "/topics/hot/0?follow=true", "", ""),
            ("GET", "/topics/hot/0/value", "", ""),
            ("GET", "/topics/hot/earliest?view=values", "", ""),
            ("GET", "/topics/hot/@2020-01-01", "", ""),
            ("GET", "/topics/hot/latest?wait=30s", "", ""),
            ("GET", "/topics/hot/producers/p", "", ""),
            ("GET", "/topics/closed#/0", "", ""),
            ("HEAD", "/topics/closed#/0", "", ""),
            ("GET", "/topics/closed#/@2020-01-01", "", ""),
            ("GET", "/topics/closed#/0/value", "", ""),
            ("GET", "/topics/closed#/0?follow=true", "", ""),
            ("GET", "/stream?topics=hot:earliest,closed#:earliest", "", ""),
            ("GET", "/topics", "", ""),
            ("GET", "/topics/closed#", "", ""),
            ("PUT", "/topics/new#", "", "{}"),
            ("PATCH", "/topics/closed#", "", """{"flush":"os"}"""),
            ("DELETE", "/topics/closed#/records?before=latest", "", ""),
            ("DELETE", "/topics/closed#", "", ""),
            ("POST", "/topics/closed#/verify", "", ""),
            ("GET", "/healthz", "", ""),
            ("GET", "/", "", ""),
            ("GET", "/swagger/v1/swagger.json", "", ""),
            ("GET", "/unknown", "", ""),
        ];
        var data = new TheoryData<int, string, string, string, string>();
        foreach (var (number, (method, path, headers, body)) in requests.Index())
            data.Add(number, method, path, headers, body);
        return data;
    }

    public static TheoryData<int, string, string, string, string> RequestsWithBody()
    {
        var data = new TheoryData<int, string, string, string, string>();
        foreach (var row in Requests())
        {
            if (row.Data.Item5.Length > 0)
                data.Add(row.Data);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Requests))]
    public void HungRequest_OtherConnections_AreServed(
        int number,
        string method,
        string path,
        string headers,
        string body
    )
    {
        path = path.Replace("#", $"{number}", StringComparison.Ordinal);
        var (hung, others) = (ConnectAll(), ConnectAll());
        _server.Disk.Hang();
        foreach (var socket in hung)
            socket.Send(Request(method, path, headers, body));
        AssertServed(others);
    }

    [Theory]
    [MemberData(nameof(RequestsWithBody))]
    public void HungRequest_BodyComesApart_OtherConnectionsAreServed(
        int number,
        string method,
        string path,
        string headers,
        string body
    )
    {
        path = path.Replace("#", $"{number + 100}", StringComparison.Ordinal);
        var (hung, others) = (ConnectAll(), ConnectAll());
        var request = Request(method, path, headers, body);
        foreach (var socket in hung)
        {
            socket.NoDelay = true;
            socket.Send(request.AsSpan(0, request.Length - body.Length));
        }
        // The server has the heads once it has answered requests that came after them.
        AssertServed(others);
        AssertServed(others);
        _server.Disk.Hang();
        foreach (var socket in hung)
            socket.Send(request.AsSpan(request.Length - body.Length));
        AssertServed(others);
    }

    [Fact]
    public void HungFetch_IndexNotOpen_OtherConnectionsAreServed()
    {
        // The append opens the segment, and needs no index.
        var topic = $"closed{HangingDiskServer.ClosedTopics - 1}";
        Assert.StartsWith("HTTP/1.1 201", Exchange(Connect(), Request("POST", $"/topics/{topic}", Text, "two")));
        var (hung, others) = (ConnectAll(), ConnectAll());
        _server.Disk.Hang();
        foreach (var socket in hung)
            socket.Send(Request("GET", $"/topics/{topic}/0"));
        AssertServed(others);
    }

    void AssertServed(List<Socket> sockets)
    {
        foreach (var socket in sockets)
        {
            Assert.StartsWith("HTTP/1.1 200", Exchange(socket, Request("GET", "/healthz")));
            Assert.StartsWith("HTTP/1.1 200", Exchange(socket, Request("GET", "/topics/hot/0?maxBytes=1")));
        }
    }

    /// <summary>
    /// Opens connections that wait for a request. A connection begins on the pool, and its first requests may run
    /// there.
    /// </summary>
    List<Socket> ConnectAll()
    {
        var sockets = new List<Socket>();
        for (var i = 0; i < Connections; i++)
            sockets.Add(Connect());
        for (var round = 0; round < 3; round++)
        {
            foreach (var socket in sockets)
                Exchange(socket, Request("GET", "/healthz"));
        }
        return sockets;
    }

    Socket Connect()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            ReceiveTimeout = (int)HangTime.TotalMilliseconds,
        };
        _sockets.Add(socket);
        socket.Connect(IPAddress.Loopback, _server.Address.Port);
        return socket;
    }

    byte[] Request(string method, string path, string headers = "", string body = "") =>
        Encoding.UTF8.GetBytes(
            $"{method} {path} HTTP/1.1\r\nHost: {_server.Address.Authority}\r\n{headers}"
                + $"Content-Length: {body.Length}\r\n\r\n{body}"
        );

    /// <summary>Sends a request and returns its response.</summary>
    static string Exchange(Socket socket, byte[] request)
    {
        socket.Send(request);
        var buffer = new byte[4096];
        var received = "";
        while (!IsWhole(received))
        {
            var count = socket.Receive(buffer);
            Assert.NotEqual(0, count);
            // A character is a byte.
            received += Encoding.Latin1.GetString(buffer, 0, count);
        }
        return received;
    }

    static bool IsWhole(string response)
    {
        const string name = "\r\nContent-Length: ";
        var headChars = response.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (headChars < 0)
            return false;
        var start = response.IndexOf(name, StringComparison.OrdinalIgnoreCase) + name.Length;
        var length = response.AsSpan(start, response.IndexOf('\r', start) - start);
        return response.Length == headChars + 4 + int.Parse(length, CultureInfo.InvariantCulture);
    }
}
