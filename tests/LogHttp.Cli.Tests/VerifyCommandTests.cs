using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using LogHttp.Storage;
using LogHttp.Storage.Files;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;
using LogHttp.Testing;

namespace LogHttp.Cli.Tests;

public sealed class VerifyCommandTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    string Segment => Path.Combine(_directory.Path, "topics", "orders", "0", "00000000000000000000.ndjson");

    async Task<TopicCatalog> OpenAsync()
    {
        var catalog = TopicCatalog.Open(
            new StorageEnvironment { FileSystem = new PhysicalFileSystem(_directory.Path) },
            new StorageOptions { Directory = _directory.Path }
        );
        var topic = (await catalog.GetOrCreateAsync("orders")).Topic;
        var batch = new RecordBatch(new RecordLimits());
        for (var number = 0; number < 200; number++)
            Assert.Null(batch.AddText(Encoding.UTF8.GetBytes($"record {number} {new string('x', 50)}")));
        await topic.Partitions[0].AppendAsync(batch);
        return catalog;
    }

    (int ExitCode, string Output, string Error) Verify(params string[] options)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var exitCode = CommandTree
            .Create()
            .Parse(["verify", "--data", _directory.Path, .. options])
            .Invoke(new() { Output = output, Error = error });
        return (exitCode, output.ToString(), error.ToString());
    }

    void Flip(long position)
    {
        using var file = File.Open(Segment, FileMode.Open);
        file.Position = position;
        var old = file.ReadByte();
        file.Position = position;
        file.WriteByte((byte)(old ^ 1));
    }

    Dictionary<string, string> Hashes() =>
        Directory
            .GetFileSystemEntries(_directory.Path, "*", SearchOption.AllDirectories)
            .ToDictionary(
                path => path,
                path =>
                    File.Exists(path)
                        ? $"{Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)))} "
                            + $"{File.GetLastWriteTimeUtc(path):O}"
                        : ""
            );

    [Fact]
    public async Task Verify_SoundDirectory_Returns0()
    {
        await (await OpenAsync()).DisposeAsync();
        var (exitCode, output, _) = Verify();
        Assert.Equal(0, exitCode);
        Assert.Matches(@"^1 topics, 1 segments, \d+ bytes, \d+ MB/s: all is well, 0 notes\n$", output);
    }

    [Fact]
    public async Task Verify_IdempotencyKeys_AreSound()
    {
        var catalog = await OpenAsync();
        foreach (var key in (string[])["order-4711", "a \"\\b"])
        {
            var batch = new RecordBatch(new RecordLimits(), idempotencyKey: key);
            Assert.Null(batch.AddText("paid"u8, new RecordMetadata { TimestampMs = 5 }));
            Assert.Null(batch.AddText("sent"u8));
            batch.Stamp(IdempotencyStamp.Of(key, partitions: 1, [new(0, batch)]));
            await catalog.Find("orders")!.Partitions[0].AppendAsync(batch);
        }
        await catalog.DisposeAsync();
        var (exitCode, output, _) = Verify();
        Assert.Equal(0, exitCode);
        Assert.EndsWith("all is well, 0 notes\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_DamagedDirectory_NamesPositionAndReturns1()
    {
        await (await OpenAsync()).DisposeAsync();
        Flip(5000);
        File.Delete(Path.ChangeExtension(Segment, ".index"));
        var before = Hashes();
        var (exitCode, output, _) = Verify();
        Assert.Equal(1, exitCode);
        Assert.Contains($"DAMAGE: {Segment}, bytes ", output, StringComparison.Ordinal);
        Assert.Contains("index: ", output, StringComparison.Ordinal);
        Assert.Equal(before, Hashes());
    }

    [Fact]
    public async Task Verify_Json_PrintsObjectPerLine()
    {
        await (await OpenAsync()).DisposeAsync();
        Flip(5000);
        var lines = Verify("--json", "--topic", "orders")
            .Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)
            .ToArray();
        Assert.Equal(
            ("Data", "orders", 0, 0),
            (
                lines[0].GetProperty("kind").GetString(),
                lines[0].GetProperty("topic").GetString(),
                lines[0].GetProperty("partition").GetInt32(),
                lines[0].GetProperty("segment").GetInt64()
            )
        );
        Assert.InRange(
            5000,
            lines[0].GetProperty("position").GetInt64(),
            lines[0].GetProperty("position").GetInt64() + lines[0].GetProperty("lengthBytes").GetInt64() - 1
        );
        Assert.Equal(1, lines[^1].GetProperty("damagedPlaces").GetInt32());
    }

    [Fact]
    public async Task Verify_DirectoryInUse_Returns2()
    {
        await using var catalog = await OpenAsync();
        var (exitCode, _, error) = Verify();
        Assert.Equal(2, exitCode);
        Assert.Contains("a server has", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("/", "")]
    [InlineData("/log", "/log")]
    [InlineData("/log/", "/log")]
    public async Task Verify_RunningServer_PrintsItsFindings(string path, string prefix)
    {
        using var server = new System.Net.HttpListener();
        var address = $"http://127.0.0.1:{FreePort()}";
        server.Prefixes.Add(address + "/");
        server.Start();
        var asked = new List<string>();
        var answers = Task.Run(async () =>
        {
            for (var number = 0; number < 4; number++)
            {
                var context = await server.GetContextAsync();
                asked.Add($"{context.Request.HttpMethod} {context.Request.RawUrl}");
                var body = number switch
                {
                    0 =>
                        """{"topics":[{"topic":"clicks","id":"11d4c0a52b7e6938","partitions":1}],"next":"?after=clicks&limit=1000"}""",
                    1 => """{"topics":[{"topic":"orders","id":"8f1d4c0a52b7e693","partitions":1}]}""",
                    2 => """{"segments":1,"bytes":100,"damagedPlaces":0,"indexesMade":0}""",
                    _ => """
                        {"kind":"data","topic":"orders","partition":0,"segment":42,"file":"00000000000000000042.ndjson","position":8192,"lengthBytes":4200,"reason":"rotten","nextOffset":97}
                        {"segments":3,"bytes":1000,"damagedPlaces":1,"indexesMade":0}
                        """,
                };
                context.Response.Close(Encoding.UTF8.GetBytes(body), willBlock: true);
            }
        });
        var (exitCode, output, _) = Verify("--url", address + path);
        await answers;
        Assert.Equal(
            [
                $"GET {prefix}/topics?limit=1000",
                $"GET {prefix}/topics?after=clicks&limit=1000",
                $"POST {prefix}/topics/clicks/verify",
                $"POST {prefix}/topics/orders/verify",
            ],
            asked
        );
        Assert.StartsWith(
            "DAMAGE: topics/orders/0/00000000000000000042.ndjson, bytes 8192 to 12391: rotten; readers can "
                + "continue at offset 97\n2 topics, 4 segments, 1100 bytes, ",
            output,
            StringComparison.Ordinal
        );
        Assert.Equal(1, exitCode);
    }

    [Fact]
    public async Task Verify_ServerRejects_PrintsEscapedReason()
    {
        using var server = new System.Net.HttpListener();
        var address = $"http://127.0.0.1:{FreePort()}/";
        server.Prefixes.Add(address);
        server.Start();
        var answer = Task.Run(async () =>
        {
            var context = await server.GetContextAsync();
            context.Response.StatusCode = 503;
            context.Response.Close(
                Encoding.UTF8.GetBytes(
                    """{"title":"Service Unavailable","detail":"Another verification runs.\u001b[2J"}"""
                ),
                willBlock: true
            );
        });
        var (exitCode, output, error) = Verify("--url", address, "--topic", "orders");
        await answer;
        Assert.Equal(
            (2, "", "loghttp: The server answered 503: Another verification runs.\\u001b[2J\n"),
            (exitCode, output, error)
        );
    }

    [Fact]
    public async Task Verify_CtrlC_CancelsRequest()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        using var interrupt = new CancellationTokenSource();
        var error = new StringWriter();
        var running = CommandTree
            .Create()
            .Parse(["verify", "--url", $"http://{listener.LocalEndpoint}"])
            .InvokeAsync(new() { Error = error }, interrupt.Token);
        using var client = await listener.AcceptSocketAsync();
        await interrupt.CancelAsync();
        Assert.Equal(130, await running.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal("loghttp: interrupted. The server stops verifying.\n", error.ToString());
    }

    const string Topics = """{"topics":[{"topic":"t"}]}""";

    /// <summary>The response to the list, and to the verification.</summary>
    public static TheoryData<string, string> MalformedAnswers =>
        new()
        {
            { "[]", "" },
            { "1", "" },
            { "{}", "" },
            { "null", "" },
            { "<html>", "" },
            { "", "" },
            { """{"topics":null}""", "" },
            { """{"topics":[null]}""", "" },
            { """{"topics":[{"topic":1}]}""", "" },
            { """{"topics":[{"topic":null}]}""", "" },
            { """{"topics":[{"topic":"\ud800"}]}""", "" },
            { """{"topics":[{"topic":".."}]}""", "" },
            { """{"topics":[{"topic":"a","damaged":1}]}""", "" },
            { """{"topics":[{"topic":"b"},{"topic":"a"}]}""", "" },
            { """{"topics":[],"next":1}""", "" },
            { """{"topics":[],"next":"?after=a"}""", "" },
            { """{"topics":[{"topic":"t"}],"next":"file:///etc/passwd"}""", "" },
            { """{"topics":[{"topic":"t"}],"next":"http://192.0.2.1/topics"}""", "" },
            { """{"topics":[{"topic":"t"}],"next":"http://[::"}""", "" },
            { """{"topics":[{"topic":"t"}],"next":"?a"}""", "" },
            { Topics, "[]\n" },
            { Topics, "{}\n" },
            { Topics, "\n" },
            { Topics, """{"kind":"data"}""" },
            { Topics, """{"segments":"x","bytes":1}""" },
            { Topics, """{"segments":1.5,"bytes":1}""" },
            { Topics, """{"segments":99999999999,"bytes":1}""" },
            { Topics, """{"segments":-5,"bytes":1}""" },
            { Topics, """{"segments":5,"bytes":-9}""" },
            {
                Topics,
                """{"kind":"data","partition":0,"segment":0,"file":"f","position":0,"lengthBytes":0,"reason":null}"""
            },
            {
                Topics,
                """{"kind":"other","partition":0,"segment":0,"file":"f","position":0,"lengthBytes":0,"reason":"r"}"""
            },
            {
                Topics,
                """{"kind":"data","partition":0,"segment":0,"file":"f","position":-1,"lengthBytes":0,"reason":"r"}"""
            },
            {
                Topics,
                """{"kind":"data","partition":0,"segment":0,"file":"f","position":9223372036854775807,"""
                    + """
                        "lengthBytes":9223372036854775807,"reason":"r"}
                        """
            },
        };

    [Theory]
    [MemberData(nameof(MalformedAnswers))]
    public async Task Verify_MalformedResponse_Returns2(string list, string lines)
    {
        using var server = new AnsweringServer(request =>
            Encoding.UTF8.GetBytes(request.HttpMethod == "GET" ? list : lines)
        );
        var (exitCode, output, error) = await VerifyAsync(server);
        Assert.Equal((2, ""), (exitCode, output));
        Assert.StartsWith(
            $"loghttp: {server.Address} does not respond as a LogHttp server does: ",
            error,
            StringComparison.Ordinal
        );
        Assert.Equal(1, error.Count(letter => letter == '\n'));
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    public async Task Verify_EndlessResponse_StopsReading(string method)
    {
        const int MaxSentBytes = 64 << 20;
        var sentBytes = 0;
        byte[]? ShortAnswer(System.Net.HttpListenerRequest request) =>
            request.HttpMethod == method ? null : Encoding.UTF8.GetBytes(Topics);
        using var server = new AnsweringServer(
            ShortAnswer,
            stream =>
            {
                var letters = Encoding.ASCII.GetBytes(new string('A', 1 << 20));
                for (; sentBytes < MaxSentBytes; sentBytes += letters.Length)
                    stream.Write(
                        sentBytes == 0
                            ? Encoding.ASCII.GetBytes(method == "GET" ? "{\"topics\":[\"" : "{\"kind\":\"")
                            : letters
                    );
            }
        );
        var (exitCode, _, error) = await VerifyAsync(server);
        Assert.Equal(2, exitCode);
        Assert.Contains("does not respond as a LogHttp server does: ", error, StringComparison.Ordinal);
        Assert.InRange(sentBytes, 0, MaxSentBytes - 1);
    }

    Task<(int ExitCode, string Output, string Error)> VerifyAsync(AnsweringServer server) =>
        Task.Run(() => Verify("--url", server.Address)).WaitAsync(TimeSpan.FromSeconds(60));

    /// <summary>Responds to each request with a body, or writes one that need not end.</summary>
    sealed class AnsweringServer : IDisposable
    {
        readonly System.Net.HttpListener _listener = new();

        public AnsweringServer(Func<System.Net.HttpListenerRequest, byte[]?> body, Action<Stream>? write = null)
        {
            Address = $"http://127.0.0.1:{FreePort()}/";
            _listener.Prefixes.Add(Address);
            _listener.Start();
            _ = Task.Run(async () =>
            {
                while (_listener.IsListening)
                {
                    var context = await _listener.GetContextAsync();
                    try
                    {
                        if (body(context.Request) is { } bytes)
                        {
                            context.Response.Close(bytes, willBlock: true);
                        }
                        else
                        {
                            context.Response.SendChunked = true;
                            write!(context.Response.OutputStream);
                            context.Response.Close();
                        }
                    }
                    catch (Exception exception)
                        when (exception is System.Net.HttpListenerException or IOException or ObjectDisposedException)
                    {
                        // The client has left, as it should.
                    }
                }
            });
        }

        public string Address { get; }

        public void Dispose() => _listener.Close();
    }

    static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }

    [Theory]
    [InlineData("--url", "nowhere")]
    [InlineData("--url", "file:///etc/passwd")]
    [InlineData("--url", "http://127.0.0.1:1")]
    [InlineData("--topic", "nothing")]
    [InlineData("--data", "/nowhere")]
    public async Task Verify_MissingSource_Returns2(string option, string value)
    {
        await (await OpenAsync()).DisposeAsync();
        var (exitCode, _, error) =
            option == "--data"
                ? (
                    CommandTree.Create().Parse(["verify", option, value]).Invoke(new() { Error = new StringWriter() }),
                    "",
                    "loghttp: "
                )
                : Verify(option, value);
        Assert.Equal(2, exitCode);
        Assert.StartsWith("loghttp: ", error, StringComparison.Ordinal);
    }
}
