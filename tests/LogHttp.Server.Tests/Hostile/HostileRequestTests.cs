using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using LogHttp.Testing;

namespace LogHttp.Server.Tests.Hostile;

/// <summary>
/// Thousands of malformed requests. LOGHTTP_HOSTILE_REQUESTS is their number (10000), LOGHTTP_HOSTILE_SEED chooses
/// them. A request is a function of the seed and its number. The interplay of the eight connections is not.
/// </summary>
public sealed partial class HostileRequestTests(ITestOutputHelper output)
{
    const int Connections = 8;
    const int MostFailures = 10;
    const string Canary = "canary-that-no-answer-holds";

    /// <summary>The time limit of a response, on a machine that is busy otherwise.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>
    /// The time to wait for a response that may not come, because the server may rightly wait for more.
    /// </summary>
    static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(30);

    /// <summary>Small limits, so that requests reach them.</summary>
    static readonly (string Name, string Value)[] Settings =
    [
        ("Partitions", "3"),
        ("MaxTopics", "30"),
        ("MaxRequestLineBytes", "8192"),
        ("MaxRecordBytes", "16384"),
        ("MaxBatchBytes", "32768"),
        ("MaxBodyBytes", "65536"),
        ("MaxReadingBytes", "131072"),
        ("MaxKeyBytes", "256"),
        ("MaxHeadersBytes", "1024"),
        ("SegmentBytes", "65536"),
        ("MaxOpenSegments", "40"),
        ("BodyTimeout", "1s"),
        ("MaxWait", "1s"),
        ("HeartbeatInterval", "1s"),
        ("MaxStreamPartitions", "12"),
    ];

    /// <summary>The number of open connections that requested a response without end and never read it.</summary>
    const int MostIdlers = 60;

    /// <summary>The server's own errors that are allowed, each with its reason. Every other 5xx is a fault.</summary>
    static readonly Dictionary<(int Status, string? Code), string> AllowedServerErrors = new()
    {
        [(501, "unsupported_transfer_coding")] = "the Transfer-Encoding is not chunked (RFC 9112 §6.1)",
        [(501, "50002")] = "the same, to a client of the REST Proxy",
        [(503, "overloaded")] = "MaxReadingBytes is small, and eight connections send at once",
        [(503, "50003")] = "one of the others, to a client of the REST Proxy",
        [(503, "log_closed")] = "another connection deletes the topic",
        [(503, "topic_changed")] = "another connection made the topic meanwhile",
        [(505, null)] = "Kestrel's own answer to a version of HTTP that it does not speak",
    };

    /// <summary>Kestrel's own refusals, which end the connection and have no body. 405 is that of "GET *".</summary>
    static readonly int[] BareRefusals = [400, 405, 408, 411, 413, 414, 431, 505];

    /// <summary>
    /// The least number of each kind of response in a thousand. With fewer of them the generator has degenerated.
    /// </summary>
    static readonly Dictionary<string, int> Least = new()
    {
        ["2xx"] = 200,
        ["200"] = 60,
        ["201"] = 80,
        ["400 bare"] = 30,
        ["400 invalid_configuration"] = 3,
        ["400 invalid_encoding"] = 1,
        ["400 invalid_header"] = 2,
        ["400 invalid_host"] = 2,
        ["400 invalid_json"] = 5,
        ["400 invalid_parameter"] = 15,
        ["400 invalid_place"] = 3,
        ["400 invalid_producer"] = 2,
        ["400 invalid_record"] = 1,
        ["400 invalid_timestamp"] = 1,
        ["400 invalid_topic"] = 3,
        ["400 invalid_utf8"] = 2,
        ["403 cross_site"] = 1,
        ["404 unknown_partition"] = 1,
        ["404 unknown_path"] = 5,
        ["404 unknown_topic"] = 1,
        ["405 method_not_allowed"] = 5,
        ["409 configuration_differs"] = 1,
        ["409 sequence_gap"] = 1,
        ["410 topic_replaced"] = 1,
        ["412 offset_not_next"] = 1,
        ["413"] = 1,
        ["415 unsupported_media_type"] = 6,
        ["416 offset_beyond_end"] = 1,
        ["422 422"] = 2,
        ["429 too_many_topics"] = 1,
        ["414 bare"] = 2,
        ["431 bare"] = 1,
        ["hung up"] = 4,
    };

    readonly ConcurrentDictionary<string, int> _answers = new();
    readonly ConcurrentQueue<string> _failures = new();
    readonly ConcurrentBag<HostileConnection> _idlers = [];

    static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value)
            ? value
            : otherwise;

    [Fact]
    public async Task Request_Any_GetsResponseWithoutHarm()
    {
        var (seed, count) = (Setting("LOGHTTP_HOSTILE_SEED", 1), Setting("LOGHTTP_HOSTILE_REQUESTS", 10_000));
        using var outer = new TemporaryDirectory();
        var dataDirectory = Path.Combine(outer.Path, "server", "data");
        PlaceCanaries(outer.Path, dataDirectory);
        var before = DirectoryImage.Take(outer.Path, dataDirectory);
        var log = new LogCapture();
        using (var server = new TestServer(log, [.. Settings, ("DataDirectory", dataDirectory)]))
        {
            var generator = new HostileGenerator(seed);
            await Task.WhenAll(
                Enumerable
                    .Range(0, Connections)
                    .Select(first => RunAsync(server.Client.BaseAddress!, generator, seed, first, count))
            );
            output.WriteLine($"Seed {seed}, {count} exchanges:");
            foreach (var (kind, times) in _answers.OrderBy(answer => answer.Key, StringComparer.Ordinal))
                output.WriteLine($"{times, 7} {kind}");
            Assert.True(_failures.IsEmpty, string.Join("\n\n", _failures));
            Assert.True(server.Waiting > 0, "Nobody was left to follow to the end.");
            foreach (var idler in _idlers)
                idler.Dispose();
            // All of them have hung up, each in its way.
            await TestServer.UntilAsync(() => server.Waiting == 0);
            await StillServesAsync(server);
        }
        Assert.DoesNotContain(OpenFiles(), path => path.StartsWith(dataDirectory, StringComparison.Ordinal));
        Assert.True(
            log.Alarms.Count == 0,
            $"Seed {seed}, the log has {log.Alarms.Count} alarms:\n{string.Join('\n', log.Alarms.Take(MostFailures))}"
        );
        Assert.True(log.Events > 0, "The log was not heard.");
        Assert.Equal(before, DirectoryImage.Take(outer.Path, dataDirectory));
        Assert.DoesNotContain(DirectoryImage.Names(dataDirectory), name => !KnownName().IsMatch(name));
        CheckVariety(count);
    }

    async Task RunAsync(Uri address, HostileGenerator generator, int seed, int first, int count)
    {
        HostileConnection? connection = null;
        Exchange? before = null;
        for (var number = first; number < count && _failures.Count < MostFailures; number += Connections)
        {
            var exchange = generator.Make(number);
            using var patience = new CancellationTokenSource(Patience);
            try
            {
                connection = await RunAsync(address, connection, exchange, patience.Token);
            }
            catch (Exception exception)
                when (exception is InvalidAnswerException or IOException or OperationCanceledException)
            {
                var what =
                    exception is OperationCanceledException
                        ? $"No answer within {Patience.TotalSeconds:0} s."
                        : exception.Message;
                _failures.Enqueue(
                    $"Seed {seed}, {what} To {exchange}"
                        + $"{(connection is null ? "" : $"\nBefore it on this connection came {before}")}"
                );
                connection = null;
            }
            before = exchange;
        }
        connection?.Dispose();
    }

    /// <summary>Sends requests and reads their responses. Returns the connection if it continues.</summary>
    async Task<HostileConnection?> RunAsync(
        Uri address,
        HostileConnection? connection,
        Exchange exchange,
        CancellationToken patience
    )
    {
        connection ??= new HostileConnection(address);
        var goesOn = false;
        try
        {
            if (exchange.IsFramed)
                goesOn = await SendAndReadAsync(connection, exchange, patience);
            else
                await SendAndWatchAsync(connection, exchange, patience);
            return goesOn ? connection : null;
        }
        finally
        {
            if (!goesOn && !_idlers.Contains(connection))
                connection.Dispose();
        }
    }

    /// <summary>Sends requests and reads a response to each. False: the server announced that it closes.</summary>
    async Task<bool> SendAndReadAsync(HostileConnection connection, Exchange exchange, CancellationToken patience)
    {
        var sending = SendAsync(connection, exchange, patience);
        foreach (var request in exchange.Requests)
        {
            HostileAnswer? answer;
            try
            {
                answer = await connection.ReadAsync(request.SentMethod, patience);
            }
            catch (Exception exception)
                when (request.MayBeCut && exception is (IOException or InvalidAnswerException { IsCutShort: true }))
            {
                answer = null;
            }
            if (answer is null && request.MayBeCut)
            {
                Count("cut off while it was sent");
                await sending;
                return false;
            }
            if (answer is null)
                throw new InvalidAnswerException("The server closed without an answer.");
            Check(answer, request.SentMethod);
            if (answer.HasNoEnd && request.SentMethod != "HEAD")
            {
                await sending;
                HangUp(connection, exchange);
                return false;
            }
            // The rest of a body too large to be read is not awaited: the connection ends behind the response.
            if (answer.Closes || request.MayBeCut)
            {
                await sending;
                return false;
            }
        }
        await sending;
        return true;
    }

    /// <summary>Hangs up in the middle of a response without end: in good order, with a reset, or later.</summary>
    void HangUp(HostileConnection connection, Exchange exchange)
    {
        Count("hung up");
        if (exchange.CutAt < 0.3 && _idlers.Count < MostIdlers)
            _idlers.Add(connection);
        else if (exchange.CutAt < 0.6)
            connection.Reset();
    }

    /// <summary>
    /// Sends requests whose number is ambiguous, or that end too early. The received bytes are checked, and the
    /// response must end.
    /// </summary>
    async Task SendAndWatchAsync(HostileConnection connection, Exchange exchange, CancellationToken patience)
    {
        var sending = SendAsync(connection, exchange, patience);
        if (exchange.Delivery == Delivery.Reset)
        {
            await sending;
            connection.Reset();
            Count("reset");
            return;
        }
        try
        {
            if (exchange.Text.StartsWith("PRI * HTTP/2.0", StringComparison.Ordinal))
            {
                // Kestrel refuses in HTTP/2.
                await connection.ReadToEndAsync(patience);
                return;
            }
            var first = connection.ReadAsync(exchange.Requests[0].SentMethod, patience);
            if (
                exchange.Delivery != Delivery.Stalled
                && await Task.WhenAny(first, Task.Delay(Grace, patience)) != first
            )
            {
                await sending;
                connection.EndSending();
            }
            if (await first is not { } answer)
            {
                // The server takes a client that ends its half of the connection for gone.
                Count(
                    connection.HasEndedSending
                        ? "no answer to who left"
                        : throw new InvalidAnswerException("The server closed without an answer.")
                );
                return;
            }
            Check(answer, exchange.Requests[0].SentMethod);
            await sending;
            connection.EndSending();
            var rest = await connection.ReadToEndAsync(patience);
            if (FailedAnswer().Match(rest) is { Success: true } failed)
                throw new InvalidAnswerException($"A later answer was {failed.Value}.");
        }
        catch (Exception exception)
            when (connection.HasEndedSending
                && exception is (IOException or InvalidAnswerException { IsCutShort: true })
            )
        {
            Count("reset to who left");
        }
    }

    static async Task SendAsync(HostileConnection connection, Exchange exchange, CancellationToken patience)
    {
        var text = exchange.Text;
        var body = exchange.Requests[0].Text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        var cut = (int)(exchange.CutAt * text.Length);
        try
        {
            switch (exchange.Delivery)
            {
                case Delivery.InPieces:
                    await connection.WriteAsync(text[..(cut / 2)], patience);
                    await Task.Delay(1, patience);
                    await connection.WriteAsync(text[(cut / 2)..cut], patience);
                    await Task.Delay(1, patience);
                    await connection.WriteAsync(text[cut..], patience);
                    break;
                case Delivery.CutOff:
                    await connection.WriteAsync(text[..cut], patience);
                    connection.EndSending();
                    break;
                case Delivery.HalfClosed:
                    await connection.WriteAsync(text, patience);
                    connection.EndSending();
                    break;
                case Delivery.Reset:
                    await connection.WriteAsync(text[..cut], patience);
                    break;
                case Delivery.Stalled:
                    await connection.WriteAsync(text[..((body + text.Length) / 2)], patience);
                    break;
                default:
                    await connection.WriteAsync(text, patience);
                    break;
            }
        }
        catch (IOException)
        {
            // The server refused before it had the whole request. Its response has the reason.
        }
    }

    void Check(HostileAnswer answer, string method)
    {
        Count(answer.Status.ToString(CultureInfo.InvariantCulture));
        Count($"{answer.Status / 100}xx");
        var body = Encoding.Latin1.GetString(answer.Body ?? []);
        if (body.Contains(Canary, StringComparison.Ordinal))
            throw new InvalidAnswerException($"A file of somebody else's was sent: {answer}");
        if (answer.All(HostileWords.InjectedHeader).Length > 0)
            throw new InvalidAnswerException($"A header was smuggled into the answer: {answer}");
        var code = answer.Status >= 400 && body.Length > 0 ? CheckProblem(answer) : null;
        if (answer.Status >= 400)
            Count($"{answer.Status} {code ?? (method == "HEAD" ? "to HEAD" : "bare")}");
        if (
            answer.Status >= 400
            && body.Length == 0
            && method != "HEAD"
            && !(BareRefusals.Contains(answer.Status) && answer.Closes)
        )
            throw new InvalidAnswerException($"This error does not say what is wrong: {answer}");
        if (answer.Status >= 500 && !AllowedServerErrors.ContainsKey((answer.Status, code)))
            throw new InvalidAnswerException($"The server failed: {answer}");
        if (answer is { Status: 200, MediaType: "application/vnd.loghttp.records+ndjson", Body: not null })
            CheckRecords(answer);
        if (answer is { Status: 200, MediaType: "application/x-ndjson", Body: not null } && method == "POST")
            CheckReports(answer);
    }

    /// <summary>Checks a problem and returns its code.</summary>
    static string CheckProblem(HostileAnswer answer)
    {
        try
        {
            using var problem = JsonDocument.Parse(answer.Body);
            if (
                answer.MediaType == "application/vnd.kafka.v2+json"
                && problem.RootElement.GetProperty("message").GetString() is { Length: > 0 }
                && problem.RootElement.GetProperty("error_code").GetInt32() is var confluentCode and >= 400
            )
                return confluentCode.ToString(CultureInfo.InvariantCulture);
            var (root, code) = (problem.RootElement, problem.RootElement.GetProperty("code").GetString());
            if (
                answer.MediaType == "application/problem+json"
                && root.GetProperty("status").GetInt32() == answer.Status
                && root.GetProperty("title").GetString() is { Length: > 0 }
                && root.GetProperty("detail").GetString() is { Length: > 0 }
                && root.GetProperty("retryable").GetBoolean() == answer.All("Retry-After").Length > 0
                && code is { Length: > 0 }
            )
                return code;
        }
        catch (Exception exception)
            when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            // Reported below.
        }
        throw new InvalidAnswerException($"This is not a valid problem: {answer}");
    }

    /// <summary>
    /// A page is whole lines of JSON in UTF-8, with rising offsets. It has no lines if no record has the key.
    /// </summary>
    static void CheckRecords(HostileAnswer answer)
    {
        var last = -1L;
        foreach (
            var line in new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(answer.Body!).Split('\n')[..^1]
        )
        {
            try
            {
                using var record = JsonDocument.Parse(line);
                if (record.RootElement.GetProperty("offset").GetInt64() <= last)
                    throw new InvalidAnswerException($"The offsets do not rise: {answer}");
                last = record.RootElement.GetProperty("offset").GetInt64();
            }
            catch (JsonException exception)
            {
                throw new InvalidAnswerException($"This is no record: {line}\n{exception.Message}");
            }
        }
        if (answer.Body is not ([] or [.., (byte)'\n']))
            throw new InvalidAnswerException($"The page ends in the middle of a line: {answer}");
    }

    /// <summary>
    /// Checks the reports of a body without end: a line for each batch, and a last one with the outcome.
    /// </summary>
    static void CheckReports(HostileAnswer answer)
    {
        var lines = Encoding.UTF8.GetString(answer.Body!).Split('\n');
        try
        {
            if (lines is not [.., var last, ""])
                throw new InvalidAnswerException($"The reports end in the middle of a line: {answer}");
            foreach (var line in lines[..^2])
            {
                using var report = JsonDocument.Parse(line);
                var unit = report.RootElement.TryGetProperty("firstElement", out _) ? "Element" : "Line";
                if (
                    report.RootElement.GetProperty($"first{unit}").GetInt64()
                    > report.RootElement.GetProperty($"last{unit}").GetInt64()
                )
                    throw new InvalidAnswerException($"This report names no lines: {line}");
            }
            using var summary = JsonDocument.Parse(last);
            if (
                summary.RootElement.GetProperty("done").GetBoolean()
                == summary.RootElement.TryGetProperty("error", out _)
            )
                throw new InvalidAnswerException($"This does not say how the stream ended: {last}");
        }
        catch (Exception exception)
            when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new InvalidAnswerException($"These are no reports: {answer}\n{exception.Message}");
        }
    }

    /// <summary>The open files of this process, if the system lists them.</summary>
    static IEnumerable<string> OpenFiles() =>
        !OperatingSystem.IsLinux()
            ? []
            : new DirectoryInfo("/proc/self/fd").GetFiles().Select(static file => file.LinkTarget ?? "");

    static async Task StillServesAsync(TestServer server)
    {
        // Requests of closed connections may still run. A stop waits for them, and the start must open the files that
        // they left.
        server.Restart();
        var topics = Directory
            .EnumerateDirectories(Path.Combine(server.DataDirectory, "topics"))
            .Select(Path.GetFileName)
            .Where(static name => name != "__journal")
            .ToArray();
        using var response = await server.PostAsync(
            $"/topics/{topics[0]}?partition=0",
            "application/json",
            "\"still here\""
        );
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.EndsWith(
            "\"value\":\"still here\"}\n",
            await server.Client.GetStringAsync(TestServer.Resolve(response, response.Headers.Location!.OriginalString)),
            StringComparison.Ordinal
        );
        // All accepted records can be read, to the end.
        foreach (var topic in topics)
            await server.ReadAllAsync(topic!, "?partition=0");
    }

    /// <summary>Creates files that no request may read or change, wherever its path leads.</summary>
    static void PlaceCanaries(string outer, string dataDirectory)
    {
        Directory.CreateDirectory(dataDirectory);
        Directory.CreateDirectory($"{dataDirectory}-beside");
        Directory.CreateDirectory(Path.Combine(outer, "topics", "t1", "0"));
        foreach (
            var place in (string[])
                [
                    "canary.txt",
                    "server/canary.txt",
                    "server/data-beside/canary.txt",
                    "topics/t1/0/00000000000000000000.ndjson",
                ]
        )
            File.WriteAllText(Path.Combine(outer, place), Canary);
    }

    void CheckVariety(int count)
    {
        if (count < 1000)
            return;
        foreach (var (kind, least) in Least)
            Assert.True(
                _answers.GetValueOrDefault(kind) * 1000L >= (long)least * count,
                $"Of {count} exchanges {_answers.GetValueOrDefault(kind)} were answered {kind}; expected were "
                    + $"{least} of a thousand."
            );
    }

    void Count(string kind) => _answers.AddOrUpdate(kind, 1, static (_, times) => times + 1);

    /// <summary>The file names of api/FORMAT.md.</summary>
    [GeneratedRegex(
        """^(loghttp\.lock|reserve|tmp|journal(/([0-9]+\.journal|unplaced))?|deleted(/[0-9a-f]{16}(/.*)?)?|"""
            + """topics(/(?!\.\.?(/|$))[A-Za-z0-9._-]{1,249}"""
            + """(/topic\.json|/[0-9]+(/([0-9]{20}\.(ndjson|index)|checkpoint|manifest|[0-9]{20}-[0-9]+\.torn))?)?)?)$"""
    )]
    private static partial Regex KnownName();

    /// <summary>503 and 505 are allowed (<see cref="AllowedServerErrors"/>).</summary>
    [GeneratedRegex("HTTP/1\\.1 5(?!03|05)[0-9][0-9] ")]
    private static partial Regex FailedAnswer();
}
