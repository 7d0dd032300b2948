using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;

namespace LogHttp.Server.Tests.Producing;

public class BodyReaderTests
{
    [Fact]
    public async Task Post_StalledBody_TimesOut()
    {
        var log = new LogCapture();
        using (var server = new TestServer(log, ("BodyTimeout", "1s")))
        using (var connection = new RawRequest.Connection(server.Client.BaseAddress!))
        {
            await connection.WriteAsync(
                "POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                    + "application/x-ndjson\r\nContent-Length: 100\r\n\r\n1\n2\n"
            );
            Assert.StartsWith("HTTP/1.1 408", await connection.ReadLineAsync(), StringComparison.Ordinal);
            while ((await connection.ReadLineAsync()).Length > 0) { }
            Assert.Contains(
                "\"code\":\"body_timeout\",\"retryable\":true",
                await connection.ReadLineAsync(),
                StringComparison.Ordinal
            );
            Assert.False(Directory.Exists(Path.Combine(server.DataDirectory, "topics", "t")));
            // Kestrel handles the rest of the body behind the response.
            await Task.Delay(200);
        }
        Assert.Empty(log.Alarms);
    }

    [Fact]
    public async Task Post_TlsClientResetsWithinBody_LogsNoAlarm()
    {
        var log = new LogCapture();
        using (var certificate = TestCertificate.Create())
        using (var server = new TestServer(certificate, log, settings: []))
        {
            var address = server.AddressOf("https");
            for (var client = 0; client < 5; client++)
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(address.Host, address.Port);
                await using var stream = new SslStream(new NetworkStream(socket));
                await stream.AuthenticateAsClientAsync(
                    new SslClientAuthenticationOptions
                    {
                        TargetHost = "localhost",
                        CertificateChainPolicy = new()
                        {
                            TrustMode = X509ChainTrustMode.CustomRootTrust,
                            CustomTrustStore = { certificate },
                        },
                    }
                );
                await stream.WriteAsync(
                    Encoding.ASCII.GetBytes(
                        $"POST /topics/t HTTP/1.1\r\nHost: {address.Authority}\r\n"
                            + "Content-Type: application/x-ndjson\r\nContent-Length: 100000\r\n\r\n"
                            + new string('1', 20_000)
                    )
                );
                await TestServer.UntilAsync(() => server.ReadingBytes > 0);
                // Closing with a linger time of 0 sends a reset.
                socket.LingerState = new LingerOption(enable: true, seconds: 0);
                socket.Close();
                await TestServer.UntilAsync(() => server.ReadingBytes == 0);
            }
            await server.StopAsync();
        }
        Assert.Empty(log.Alarms);
        Assert.True(log.Events > 0);
    }

    [Fact]
    public async Task Bodies_AboveBudget_AreRejectedUntilOthersEnd()
    {
        var budget = Budget(maxReadingBytes: 150_000);
        var first = Body(40_000);
        Assert.Null(await ReadAsync(first));
        using (var second = Body(40_000))
            Assert.Equal("overloaded", (await ReadAsync(second))?.Code);
        first.Dispose();
        using (var third = Body(40_000))
            Assert.Null(await ReadAsync(third));
        Assert.Equal(0, budget.ReadingBytes);

        BodyReader Body(int sizeBytes) =>
            new(new ReceivedBody(InPieces(sizeBytes, 1_000), TimeProvider.System), budget);

        static async Task<Problem?> ReadAsync(BodyReader body) =>
            await body.ReadWholeAsync(1_000_000, static _ => null, Problems.RecordTooLarge(1_000_000));
    }

    [Fact]
    public async Task Bodies_AboveClientShare_AreRejectedForThatClientAlone()
    {
        var budget = Budget(maxReadingBytes: 1_000_000, maxClientReadingBytes: 150_000);
        using var first = Body("192.0.2.1");
        Assert.Null(await ReadAsync(first));
        using var second = Body("192.0.2.1");
        Assert.Equal("overloaded", (await ReadAsync(second))?.Code);
        using var other = Body("192.0.2.77");
        Assert.Null(await ReadAsync(other));

        BodyReader Body(string address)
        {
            var context = new Microsoft.AspNetCore.Http.DefaultHttpContext();
            context.Connection.RemoteIpAddress = IPAddress.Parse(address);
            return new(new ReceivedBody(InPieces(40_000, 1_000), TimeProvider.System), budget, context);
        }

        static async Task<Problem?> ReadAsync(BodyReader body) =>
            await body.ReadWholeAsync(1_000_000, static _ => null, Problems.RecordTooLarge(1_000_000));
    }

    [Fact]
    public async Task ReadWhole_GrowingBuffer_IsCountedBeforeRent()
    {
        // 64 KiB are taken, and growth would take 128 KiB more.
        var budget = Budget(maxReadingBytes: 150_000);
        using var body = new BodyReader(new ReceivedBody(InPieces(70_000, 1_000), TimeProvider.System), budget);
        Assert.Equal(
            "overloaded",
            (await body.ReadWholeAsync(1_000_000, static _ => null, Problems.RecordTooLarge(1_000_000)))?.Code
        );
        Assert.Equal(65_536, budget.ReadingBytes);
    }

    [Fact]
    public async Task ReadLines_BlankLines_HoldsNothing()
    {
        var budget = Budget(maxReadingBytes: 10_000);
        using var body = new BodyReader(
            new ReceivedBody(
                PipeReader.Create(new MemoryStream(Encoding.UTF8.GetBytes(new string('\n', 1_000_000)))),
                TimeProvider.System
            ),
            budget
        );
        Assert.Null(
            await body.ReadRecordsAsync(
                new LineCutter(),
                100,
                static _ => default,
                static _ => null,
                Problems.RecordTooLarge(100)
            )
        );
        Assert.Equal(0, budget.ReadingBytes);
    }

    [Fact]
    public async Task ReadAsync_CompressedBlankLinesAborted_EndsWithinTurn()
    {
        var packed = Packing.Pack("gzip", Enumerable.Repeat((byte)'\n', 10_000_000).ToArray());
        using var aborted = new CancellationTokenSource();
        var context = new Microsoft.AspNetCore.Http.DefaultHttpContext { RequestAborted = aborted.Token };
        context.Request.Headers.ContentEncoding = "gzip";
        Assert.True(ContentCoding.TryRead(context.Request, out var coding, out _));
        // All of the packed body has arrived: only the turns end or yield.
        var received = new ReceivedBody(PipeReader.Create(new ReadOnlySequence<byte>(packed)), TimeProvider.System);
        using var body = new UnpackedBody(received, coding!, Budget(long.MaxValue), context, static _ => long.MaxValue);

        var unpackedBytes = 0L;
        var turns = new HeldTurns();
        SynchronizationContext.SetSynchronizationContext(turns);
        try
        {
            await ReadAsync(() => turns.Count == 3);
            Assert.InRange(unpackedBytes, 2 * UnpackedBody.TurnBytes, 4 * UnpackedBody.TurnBytes);
            await aborted.CancelAsync();
            var before = unpackedBytes;
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ReadAsync(() => unpackedBytes == 10_000_000));
            Assert.InRange(unpackedBytes - before, 0, UnpackedBody.TurnBytes);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(null);
        }

        async Task ReadAsync(Func<bool> isDone)
        {
            while (!isDone())
            {
                var reading = body.ReadAsync(TimeSpan.FromSeconds(30));
                while (!reading.IsCompleted)
                    turns.RunNext();
                unpackedBytes += (await reading).Bytes.Length;
            }
        }
    }

    /// <summary>Holds the callbacks of awaits until the test runs them, on the test's own thread.</summary>
    sealed class HeldTurns : SynchronizationContext
    {
        readonly Queue<(SendOrPostCallback Callback, object? State)> _held = [];

        /// <summary>The number of turns that have ended.</summary>
        public int Count { get; private set; }

        public override void Post(SendOrPostCallback d, object? state) => _held.Enqueue((d, state));

        public void RunNext()
        {
            Count++;
            var (callback, state) = _held.Dequeue();
            callback(state);
        }
    }

    [Fact]
    public async Task ReadAsync_SlowAfterFastStart_TimesOut()
    {
        var time = new LogHttp.Testing.SimulatedTime(DateTimeOffset.UnixEpoch);
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
        var body = new ReceivedBody(pipe.Reader, time) { MinBytesPerSecond = 100 };
        await pipe.Writer.WriteAsync(new byte[10_000_000]);
        Assert.Equal(10_000_000, (await body.ReadAsync(TimeSpan.FromSeconds(30))).Bytes.Length);
        var drops = 0;
        var failure = await Record.ExceptionAsync(async () =>
        {
            for (; drops < 100; drops++)
            {
                var reading = body.ReadAsync(TimeSpan.FromSeconds(30)).AsTask();
                time.Advance(TimeSpan.FromSeconds(10));
                if (!reading.IsCompleted)
                    await pipe.Writer.WriteAsync(new byte[10]);
                await reading.WaitAsync(TimeSpan.FromSeconds(30));
            }
        });
        Assert.Equal(
            408,
            Assert.IsAssignableFrom<Microsoft.AspNetCore.Http.BadHttpRequestException>(failure).StatusCode
        );
        Assert.InRange(drops, 1, 8);
    }

    /// <summary>Returns a body that arrives in pieces.</summary>
    static PipeReader InPieces(int sizeBytes, int pieceBytes) =>
        PipeReader.Create(new MemoryStream(new byte[sizeBytes]), new StreamPipeReaderOptions(bufferSize: pieceBytes));

    static BodyBudget Budget(long maxReadingBytes, long maxClientReadingBytes = long.MaxValue) =>
        new(new BodyLimits(maxReadingBytes, maxClientReadingBytes, 100, TimeSpan.FromSeconds(30)), TimeProvider.System);

    [Theory]
    [InlineData(1)]
    [InlineData(99)]
    [InlineData(1000)]
    public async Task Read_TooLarge_IsIndependentOfPieces(int pieceBytes)
    {
        Assert.Null(await ReadLinesAsync($"{new string('x', 100)}\n{new string('x', 100)}"));
        Assert.Equal("Line 2: Too large.", await ReadLinesAsync($"1\n{new string('x', 101)}\n"));
        Assert.Equal("Line 1: Too large.", await ReadLinesAsync(new string('x', 101)));
        Assert.Null(await ReadWholeAsync(new string('x', 100)));
        Assert.Equal("Too large.", await ReadWholeAsync(new string('x', 101)));

        Task<string?> ReadLinesAsync(string text) =>
            ReadAsync(
                text,
                (body, tooLarge) =>
                    body.ReadRecordsAsync(new LineCutter(), 100, static _ => default, static _ => null, tooLarge)
            );

        Task<string?> ReadWholeAsync(string text) =>
            ReadAsync(text, (body, tooLarge) => body.ReadWholeAsync(100, static _ => null, tooLarge));

        async Task<string?> ReadAsync(string text, Func<BodyReader, Problem, ValueTask<Problem?>> read)
        {
            var pipe = new Pipe();
            using var body = new BodyReader(new ReceivedBody(pipe.Reader, TimeProvider.System), Budget(1_000));
            var reading = read(body, new Problem(413, "record_too_large", "Too large.")).AsTask();
            for (
                var rest = Encoding.UTF8.GetBytes(text).AsMemory();
                !rest.IsEmpty && !reading.IsCompleted;
                rest = rest[Math.Min(pieceBytes, rest.Length)..]
            )
                await pipe.Writer.WriteAsync(rest[..Math.Min(pieceBytes, rest.Length)]);
            await pipe.Writer.CompleteAsync();
            return (await reading)?.Detail;
        }
    }

    [Theory]
    [InlineData("br")]
    [InlineData("zstd")]
    public async Task ReadAsync_CompressedBody_CountsDecoderMemory(string coding)
    {
        const int BudgetBytes = 1 << 20;
        var budget = Budget(BudgetBytes);
        var packed = Packing.Pack(coding, new byte[4 * BudgetBytes]);
        var context = new Microsoft.AspNetCore.Http.DefaultHttpContext();
        context.Request.Headers.ContentEncoding = coding;
        Assert.True(ContentCoding.TryRead(context.Request, out var found, out _));
        using (
            var body = new UnpackedBody(
                new ReceivedBody(PipeReader.Create(new ReadOnlySequence<byte>(packed)), TimeProvider.System),
                found!,
                budget,
                null,
                static _ => long.MaxValue
            )
        )
        {
            await Assert.ThrowsAsync<BodyBudgetException>(async () =>
            {
                while (!(await body.ReadAsync(TimeSpan.FromSeconds(30))).IsLast) { }
            });
            Assert.InRange(budget.ReadingBytes, BudgetBytes / 2, BudgetBytes);
        }
        Assert.Equal(0, budget.ReadingBytes);
    }

    [Theory]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n100000003\r\nabc", "HTTP/1.1 400")]
    [InlineData("Content-Type: application/octet-stream\r\n\r\n", "HTTP/1.1 400")]
    [InlineData("Content-Encoding: compress\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 415")]
    [InlineData(
        "Content-Type: text/plain; charset=utf-8; charset=utf-16\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 415"
    )]
    [InlineData("Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "HTTP/1.1 501")]
    [InlineData("Transfer-Encoding: x-unknown, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "HTTP/1.1 501")]
    [InlineData("Transfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 400")]
    [InlineData("Transfer-Encoding: , Chunked ,\r\n\r\n1\r\nx\r\n0\r\n\r\n", "HTTP/1.1 201")]
    [InlineData("Content-Length: 0\r\n\r\n", "HTTP/1.1 201")]
    public async Task Post_MalformedBody_IsClientError(string headersAndBody, string answer)
    {
        using var server = new TestServer();
        Assert.StartsWith(
            answer,
            await RawRequest.SendAsync(
                server.Client.BaseAddress!,
                $"POST /topics/t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headersAndBody}"
            ),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("zz\r\nabc\r\n0\r\n\r\n")]
    [InlineData("-3\r\nabc\r\n0\r\n\r\n")]
    [InlineData("80000003\r\nabc\r\n0\r\n\r\n")]
    [InlineData("FFFFFFFFFFFFFFFF3\r\nabc\r\n0\r\n\r\n")]
    [InlineData("3\r\nabcXX0\r\n\r\n")]
    public async Task Post_MalformedChunk_HasOneCode(string chunks)
    {
        using var server = new TestServer();
        var answer = await RawRequest.SendAsync(
            server.Client.BaseAddress!,
            "POST /topics/t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + $"Transfer-Encoding: chunked\r\n\r\n{chunks}"
        );
        Assert.StartsWith("HTTP/1.1 400", answer, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"incomplete_body\"", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Content-Length: 20000000\r\n", false)]
    [InlineData("Content-Length: 20000000\r\nContent-Encoding: gzip\r\n", false)]
    [InlineData("Transfer-Encoding: chunked\r\n", true)]
    public async Task Post_BodyTooLargeSentWhole_Returns413(string headers, bool isChunked)
    {
        using var server = new TestServer(("MaxBodyBytes", "1000000"), ("MaxReadingBytes", "100000000"));
        using var client = new System.Net.Sockets.TcpClient(
            server.Client.BaseAddress!.Host,
            server.Client.BaseAddress.Port
        );
        var stream = client.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n{headers}\r\n"
            )
        );
        for (var i = 0; i < 200; i++)
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(isChunked ? "186a0\r\n" : ""));
            await stream.WriteAsync(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("123456789\n", 10_000))));
            await stream.WriteAsync(Encoding.ASCII.GetBytes(isChunked ? "\r\n" : ""));
        }
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"{(isChunked ? "0\r\n\r\n" : "")}GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
        );
        using var reader = new StreamReader(stream);
        var responses = await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(30));
        Assert.StartsWith("HTTP/1.1 413 ", responses, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"body_too_large\"", responses, StringComparison.Ordinal);
        // All of it was drained: the connection continues.
        Assert.Contains("HTTP/1.1 200 OK", responses, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_UnknownPartition_CreatesNoTopic()
    {
        using var server = new TestServer();
        using var response = await server.PostAsync("/topics/t?partition=9", "text/plain", Encoding.UTF8.GetBytes("x"));
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.False(Directory.Exists(Path.Combine(server.DataDirectory, "topics", "t")));
    }
}
