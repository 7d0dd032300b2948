using System.Globalization;
using System.Net;
using System.Text.Json;
using LogHttp.Server.Tests.Threads;
using LogHttp.Storage;
using LogHttp.Storage.Files;
using LogHttp.Storage.Topics;
using LogHttp.Testing;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace LogHttp.Server.Tests.Producing;

/// <summary>Live streams, whose time the test advances.</summary>
public sealed class ProduceStreamTests : IDisposable
{
    static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(100);
    static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(15);

    const string Numbered = "Producer-Id: p\r\nProducer-Epoch: 0\r\nProducer-Seq: 0\r\n";

    readonly SimulatedTime _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    readonly TestServer _server;

    public ProduceStreamTests() => _server = new TestServer(services => TestServer.SetTime(services, _time));

    public void Dispose() => _server.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData(Numbered)]
    public async Task Batch_FirstLineWaited_IsCommitted(string headers)
    {
        using var connection = await OpenAsync(_server, headers);
        for (var line = 1; line <= 3; line++)
        {
            await SendAsync(connection, $"{line}\n");
            var report = await ReportAsync(connection, Linger);
            Assert.Equal(
                (line, line, line - 1),
                (
                    report.GetProperty("firstLine").GetInt32(),
                    report.GetProperty("lastLine").GetInt32(),
                    report.GetProperty("offset").GetInt32()
                )
            );
        }
        Assert.Equal("1\n2\n3\n", await _server.Client.GetStringAsync("/topics/t/earliest?view=values"));
    }

    [Fact]
    public async Task Batch_CommitUnderWay_GathersLines()
    {
        using var directory = new TemporaryDirectory();
        var data = Path.Combine(directory.Path, "data");
        Directory.CreateDirectory(data);
        using var disk = new HangingFileSystem(new PhysicalFileSystem(data));
        await using var catalog = TopicCatalog.Open(
            new StorageEnvironment { FileSystem = disk },
            new StorageOptions { Directory = data }
        );
        using var server = new TestServer(services =>
            TestServer.SetTime(services.RemoveAll<TopicCatalog>().AddSingleton(catalog), _time)
        );
        using var connection = await OpenAsync(server, Numbered);
        await SendAsync(connection, "1\n");
        await ReportAsync(connection, Linger);

        disk.Hang();
        try
        {
            // No bytes are held once the batch is the log's. Other calls may hang too, so theirs say nothing.
            await TestServer.UntilAsync(() => server.ReadingBytes == 0);
            await SendAsync(connection, "2\n");
            await TestServer.UntilAsync(() => server.ReadingBytes > 0);
            await AdvanceUntilAsync(() => server.ReadingBytes == 0, Linger);
            // Each line is longer than all before it, and so than the spare room of the batch. Once so many bytes are
            // held, the line has been received.
            var (lineBytes, gatheredBytes) = (2_000, 0);
            for (var line = 3; line <= 10; line++, lineBytes *= 2)
            {
                await SendAsync(connection, $"\"{new string('x', lineBytes)}\"\n");
                gatheredBytes += lineBytes;
                await TestServer.UntilAsync(() => server.ReadingBytes >= gatheredBytes);
                _time.Advance(Linger);
            }
        }
        finally
        {
            disk.Release();
        }
        Assert.Equal(2, (await ReportAsync(connection, Linger)).GetProperty("lastLine").GetInt32());
        // The last line may have been received and not be in the batch yet.
        var gathered = await ReportAsync(connection, Linger);
        Assert.Equal(3, gathered.GetProperty("firstLine").GetInt32());
        Assert.InRange(gathered.GetProperty("lastLine").GetInt32(), 9, 10);
    }

    [Fact]
    public async Task Keyless_TopicGrewBeforeFirstLine_GoToOnePartition()
    {
        var connections = new List<RawRequest.Connection>();
        try
        {
            await ConfigureAsync(HttpMethod.Put, 3);
            // Several, because each chooses a partition of its own.
            for (var stream = 0; stream < 12; stream++)
            {
                connections.Add(await OpenAsync(_server, "Expect: 100-continue\r\n"));
                // Sent when the stream reads its body for the first time.
                Assert.Equal("HTTP/1.1 100 Continue", await connections[^1].ReadLineAsync());
                Assert.Equal("", await connections[^1].ReadLineAsync());
            }
            await ConfigureAsync(HttpMethod.Patch, 6);
            foreach (var connection in connections)
            {
                var partitions = new HashSet<int>();
                for (var line = 0; line < 3; line++)
                {
                    await SendAsync(connection, "1\n");
                    partitions.Add((await ReportAsync(connection, Linger)).GetProperty("partition").GetInt32());
                }
                Assert.Single(partitions);
            }
        }
        finally
        {
            connections.ForEach(static connection => connection.Dispose());
        }

        async Task ConfigureAsync(HttpMethod method, int partitions) =>
            (
                await _server.SendAsync(method, "/topics/t", $$"""{"partitions":{{partitions}}}""")
            ).EnsureSuccessStatusCode();
    }

    [Fact]
    public async Task Idle_LiveStream_StaysOpenWithHeartbeats()
    {
        using var connection = await OpenAsync(_server, Numbered);
        // Before the first line as well as after it, and far longer than BodyTimeout and ProduceStreamIdleTimeout.
        for (var line = 1; line <= 2; line++)
        {
            for (var heartbeat = 0; heartbeat < 500; heartbeat++)
                Assert.Equal("", await LineAsync(connection, HeartbeatInterval));
            await SendAsync(connection, $"{line}\n");
            Assert.Equal(line, (await ReportAsync(connection, Linger)).GetProperty("lastLine").GetInt32());
        }
        await connection.WriteAsync("0\r\n\r\n");
        Assert.Equal(2, (await ReportAsync(connection, TimeSpan.Zero)).GetProperty("nextSequence").GetInt32());
    }

    [Fact]
    public async Task Idle_ReportsAtEnd_EndsAfterIdleTimeout()
    {
        using var connection = await OpenAsync(_server, Numbered, "&reports=end");
        await SendAsync(connection, "1\n");
        await AdvanceUntilAsync(() => _server.Service<TopicCatalog>().Find("t") is not null, Linger);
        var began = _time.GetTimestamp();
        var answer = ReadAnswerAsync(connection);
        await AdvanceUntilAsync(() => answer.IsCompleted, TimeSpan.FromMinutes(1));
        Assert.InRange(_time.GetElapsedTime(began), TimeSpan.FromMinutes(59), TimeSpan.FromHours(3));
        Assert.Contains("\"lastCommittedLine\":1,", await answer, StringComparison.Ordinal);
        Assert.Contains("ProduceStreamIdleTimeout", await answer, StringComparison.Ordinal);

        static async Task<string> ReadAnswerAsync(RawRequest.Connection connection)
        {
            await SkipHeadersAsync(connection);
            return $"{await NextLineAsync(connection)}{await NextLineAsync(connection)}";
        }
    }

    [Fact]
    public async Task Idle_HalfLine_EndsAfterBodyTimeout()
    {
        using var connection = await OpenAsync(_server, Numbered);
        await SendAsync(connection, "1\n2");
        await ReportAsync(connection, Linger);
        var end = await ReportAsync(connection, HeartbeatInterval);
        Assert.Equal(1, end.GetProperty("lastCommittedLine").GetInt32());
        Assert.Contains(
            "30s (BodyTimeout)",
            end.GetProperty("error").GetProperty("detail").GetString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Idle_AfterLongLine_HoldsNoBytes()
    {
        var connections = new List<RawRequest.Connection>();
        try
        {
            for (var stream = 0; stream < 20; stream++)
            {
                var connection = await OpenAsync(
                    _server,
                    Numbered.Replace("p\r", $"p{stream}\r", StringComparison.Ordinal)
                );
                connections.Add(connection);
                // In two pieces, so that the line is gathered in memory of its own.
                await SendAsync(connection, $"\"{new string('x', 100_000)}");
                await TestServer.UntilAsync(() => _server.ReadingBytes >= 100_000);
                await SendAsync(connection, $"{new string('y', 100_000)}\"\n");
                await ReportAsync(connection, Linger);
                await TestServer.UntilAsync(() => _server.ReadingBytes == 0);
            }
        }
        finally
        {
            connections.ForEach(static connection => connection.Dispose());
        }
    }

    [Fact]
    public async Task Stop_NumberedStream_CommitsWholeLinesAndCloses()
    {
        using var connection = await OpenAsync(_server, Numbered);
        await SendAsync(connection, "1\n");
        await ReportAsync(connection, Linger);
        await SendAsync(connection, "2\n3\n4");
        await TestServer.UntilAsync(() => _server.ReadingBytes > 0);
        var stopping = _server.StopAsync();
        Assert.Equal(3, (await ReportAsync(connection, TimeSpan.Zero)).GetProperty("lastLine").GetInt32());
        var end = await ReportAsync(connection, TimeSpan.Zero);
        Assert.Equal(
            (false, 3, "log_closed"),
            (
                end.GetProperty("done").GetBoolean(),
                end.GetProperty("lastCommittedLine").GetInt32(),
                end.GetProperty("error").GetProperty("code").GetString()
            )
        );
        await connection.WriteAsync("0\r\n\r\n");
        Assert.Equal("0\n\n", (await connection.ReadToEndAsync()).TrimStart('\r', '\n').ReplaceLineEndings("\n"));
        await stopping;
        _server.Restart();
        using var rest = await _server.PostAsync(
            "/topics/t?stream=true",
            "application/x-ndjson",
            "4\n5\n",
            ("Producer-Id", "p"),
            ("Producer-Epoch", "0"),
            ("Producer-Seq", "3")
        );
        Assert.Equal(HttpStatusCode.OK, rest.StatusCode);
        Assert.Equal("1\n2\n3\n4\n5\n", await _server.Client.GetStringAsync("/topics/t/earliest?view=values"));
    }

    /// <summary>curl stops sending at the end of a response that has this header. Else it sends on.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Response_BeforeEndOfBody_ClosesConnection(bool isBeforeEnd)
    {
        using var connection = new RawRequest.Connection(_server.Client.BaseAddress!);
        await connection.WriteAsync(Head("", ""));
        await SendAsync(connection, "1\n");
        if (!isBeforeEnd)
            await connection.WriteAsync("0\r\n\r\n");
        var began = connection.ReadLineAsync();
        await AdvanceUntilAsync(() => began.IsCompleted, Linger);
        Assert.Equal("HTTP/1.1 200 OK", await began);
        Assert.Equal(isBeforeEnd, (await SkipHeadersAsync(connection)).Contains("Connection: close"));
    }

    static string Head(string headers, string query) =>
        $"POST /topics/t?stream=true{query} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
        + $"{headers}Transfer-Encoding: chunked\r\n\r\n";

    static async Task<RawRequest.Connection> OpenAsync(TestServer server, string headers, string query = "")
    {
        var connection = new RawRequest.Connection(server.Client.BaseAddress!);
        await connection.WriteAsync(Head(headers, query));
        return connection;
    }

    static Task SendAsync(RawRequest.Connection connection, string lines) =>
        connection.WriteAsync($"{lines.Length.ToString("x", CultureInfo.InvariantCulture)}\r\n{lines}\r\n");

    static async Task<List<string>> SkipHeadersAsync(RawRequest.Connection connection)
    {
        var headers = new List<string>();
        while (await connection.ReadLineAsync() is { Length: > 0 } header)
            headers.Add(header);
        return headers;
    }

    /// <summary>Advances the time by steps until the condition holds. The server sets its timers in between.</summary>
    async Task AdvanceUntilAsync(Func<bool> condition, TimeSpan step) =>
        await TestServer.UntilAsync(() =>
        {
            if (condition())
                return true;
            _time.Advance(step);
            return condition();
        });

    /// <summary>Reads the next report, while the time advances. Skips heartbeats.</summary>
    async Task<JsonElement> ReportAsync(RawRequest.Connection connection, TimeSpan step)
    {
        string line;
        do line = await LineAsync(connection, step);
        while (line.Length == 0);
        return JsonDocument.Parse(line).RootElement;
    }

    async Task<string> LineAsync(RawRequest.Connection connection, TimeSpan step)
    {
        var reading = NextLineAsync(connection);
        await AdvanceUntilAsync(() => reading.IsCompleted, step);
        return await reading;
    }

    /// <summary>Reads the next line of the response: a report, or a heartbeat, which is empty.</summary>
    static async Task<string> NextLineAsync(RawRequest.Connection connection)
    {
        const string HeartbeatSize = "1";
        for (var blanks = 0; blanks < 5; )
        {
            var line = await connection.ReadLineAsync();
            if (line.StartsWith("HTTP/1.1", StringComparison.Ordinal))
            {
                Assert.Equal("HTTP/1.1 200 OK", line);
                await SkipHeadersAsync(connection);
            }
            else if (line.StartsWith('{'))
                return line;
            else if (line == HeartbeatSize)
                return "";
            else if (line.Length == 0)
                blanks++;
            else
                Assert.NotEqual(0, int.Parse(line, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        }
        throw new InvalidOperationException("The response ended.");
    }
}
