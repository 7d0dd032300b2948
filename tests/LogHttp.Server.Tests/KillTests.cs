using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using LogHttp.Testing;

namespace LogHttp.Server.Tests;

/// <summary>
/// kill -9 in a loop while producers append. LOGHTTP_KILLS is the number of kills (the README's command: 200),
/// LOGHTTP_SEED chooses their times.
/// </summary>
public class KillTests(ITestOutputHelper output)
{
    const int Producers = 4;

    static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value)
            ? value
            : otherwise;

    [Fact]
    public async Task KillNine_WhileProducing_LosesNothingAcknowledged()
    {
        using var directory = new TemporaryDirectory();
        var (kills, random) = (Setting("LOGHTTP_KILLS", 8), new Random(Setting("LOGHTTP_SEED", 1)));
        var acknowledged = new ConcurrentDictionary<string, long>();
        for (var kill = 0; kill < kills; kill++)
        {
            var (server, client) = await ServerProcess.StartAsync(
                directory.Path,
                ("LogHttp__SegmentBytes", "65536"),
                ("LogHttp__CheckpointBytes", "65536")
            );
            using (server)
            using (client)
            {
                await CheckAsync(client, acknowledged);
                var enough = new CountdownEvent(random.Next(1, 200));
                var producers = Enumerable
                    .Range(0, Producers)
                    .Select(producer => ProduceAsync(client, $"{kill}-{producer}", acknowledged, enough))
                    .ToArray();
                await Task.Run(enough.Wait);
                await server.KillAsync();
                await Task.WhenAll(producers);
            }
        }
        var (last, lastClient) = await ServerProcess.StartAsync(directory.Path);
        using (last)
        using (lastClient)
        {
            var records = await CheckAsync(lastClient, acknowledged);
            output.WriteLine($"{kills} kills, {acknowledged.Count} acknowledged records, {records} in the log.");
            Assert.True(acknowledged.Count >= kills);
        }
    }

    [Fact]
    public async Task KillNine_WithinNumberedStream_RetryAppendsEachLineOnce()
    {
        using var directory = new TemporaryDirectory();
        var (kills, random) = (Setting("LOGHTTP_KILLS", 8) / 2, new Random(Setting("LOGHTTP_SEED", 1)));
        // More batches than the server remembers: it knows some repeats and has forgotten older ones.
        const int Lines = 150_000;
        var body = Encoding.UTF8.GetBytes(
            string.Concat(Enumerable.Range(0, Lines).Select(static number => $"{number}\n"))
        );
        for (var attempt = 0; ; attempt++)
        {
            var (server, client) = await ServerProcess.StartAsync(directory.Path, ("LogHttp__SegmentBytes", "4000000"));
            using (server)
            using (client)
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "/topics/t?stream=true")
                {
                    Content = new ByteArrayContent(body),
                };
                request.Content.Headers.ContentType = new("application/x-ndjson");
                request.Headers.Add("Producer-Id", "file");
                request.Headers.Add("Producer-Epoch", "0");
                request.Headers.Add("Producer-Seq", "0");
                if (attempt == kills)
                {
                    using var response = await client.SendAsync(request);
                    var end = JsonDocument
                        .Parse((await response.Content.ReadAsStringAsync()).TrimEnd().Split('\n')[^1])
                        .RootElement;
                    output.WriteLine($"{kills} kills; at the end {end}");
                    Assert.Equal(
                        (true, Lines),
                        (end.GetProperty("done").GetBoolean(), end.GetProperty("lastCommittedLine").GetInt32())
                    );
                    await CheckLinesAsync(client, Lines);
                    return;
                }
                await KillAfterReportsAsync(server, client, request, random.Next(0, 12));
            }
        }
    }

    [Fact]
    public async Task KillNine_WhileSendingKeys_AppendsEachOnce()
    {
        const int Partitions = 3;
        using var directory = new TemporaryDirectory();
        var (kills, random) = (Setting("LOGHTTP_KILLS", 8) / 2, new Random(Setting("LOGHTTP_SEED", 1)));
        // The number of each client's next message. A message that got no response is sent again.
        var next = new int[Producers];
        for (var kill = 0; kill <= kills; kill++)
        {
            var (server, client) = await ServerProcess.StartAsync(
                directory.Path,
                ("LogHttp__SegmentBytes", "65536"),
                ("LogHttp__CheckpointBytes", "65536"),
                ("LogHttp__Partitions", $"{Partitions}")
            );
            using (server)
            using (client)
            {
                var isLast = kill == kills;
                var enough = new CountdownEvent(random.Next(1, 200));
                var sending = Enumerable
                    .Range(0, Producers)
                    .Select(sender => SendKeysAsync(client, sender, next, enough, isLast))
                    .ToArray();
                if (!isLast)
                {
                    await Task.Run(enough.Wait);
                    await server.KillAsync();
                }
                await Task.WhenAll(sending);
                if (isLast)
                    await CheckKeysAsync(client, next, Partitions, output);
            }
        }
    }

    /// <summary>Sends one message after the other until the server is gone, or one message.</summary>
    static async Task SendKeysAsync(HttpClient client, int sender, int[] next, CountdownEvent enough, bool isLast)
    {
        do
        {
            var message = next[sender];
            using var request = new HttpRequestMessage(HttpMethod.Post, "/topics/t")
            {
                Content = new StringContent(
                    string.Concat(
                        Enumerable
                            .Range(0, 4)
                            .Select(key => $$"""{"key":"k{{key}}","value":"{{sender}}-{{message}}-{{key}}"}""" + "\n")
                    ),
                    Encoding.UTF8,
                    "application/vnd.loghttp.records+ndjson"
                ),
            };
            request.Headers.Add("Idempotency-Key", $"\"{sender}-{message}\"");
            try
            {
                using var response = await client.SendAsync(request);
                Assert.True(response.StatusCode is HttpStatusCode.Created or HttpStatusCode.OK);
                next[sender]++;
            }
            catch (HttpRequestException)
            {
                return;
            }
            finally
            {
                if (!enough.IsSet)
                    enough.Signal();
            }
        } while (!isLast);
    }

    /// <summary>Checks that each record of each message is there once.</summary>
    static async Task CheckKeysAsync(HttpClient client, int[] next, int partitions, ITestOutputHelper output)
    {
        var values = new List<string>();
        for (var partition = 0; partition < partitions; partition++)
        {
            for (var path = $"/topics/t/earliest?view=values&partition={partition}"; ; )
            {
                using var response = await client.GetAsync(path);
                if (response.StatusCode == HttpStatusCode.NoContent)
                    break;
                values.AddRange(
                    (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                );
                path = TestServer.NextLink(response);
            }
        }
        var expected =
            from sender in Enumerable.Range(0, next.Length)
            from message in Enumerable.Range(0, next[sender])
            from key in Enumerable.Range(0, 4)
            select $"\"{sender}-{message}-{key}\"";
        output.WriteLine($"{next.Sum()} messages, {values.Count} records.");
        Assert.Equal(expected.Order(StringComparer.Ordinal), values.Order(StringComparer.Ordinal));
    }

    /// <summary>Sends a stream until a number of its batches is reported, then kills the server.</summary>
    static async Task KillAfterReportsAsync(
        ServerProcess server,
        HttpClient client,
        HttpRequestMessage request,
        int reports
    )
    {
        try
        {
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
            for (; reports > 0; reports--)
                await reader.ReadLineAsync();
        }
        finally
        {
            await server.KillAsync();
        }
    }

    static async Task CheckLinesAsync(HttpClient client, int lines)
    {
        var expected = 0;
        for (var path = "/topics/t/earliest?view=values"; ; )
        {
            using var response = await client.GetAsync(path);
            if (response.StatusCode == HttpStatusCode.NoContent)
                break;
            foreach (
                var line in (await response.Content.ReadAsStringAsync()).Split(
                    '\n',
                    StringSplitOptions.RemoveEmptyEntries
                )
            )
                Assert.Equal(expected++, int.Parse(line, CultureInfo.InvariantCulture));
            path = TestServer.NextLink(response);
        }
        Assert.Equal(lines, expected);
    }

    /// <summary>Appends one batch after the other until the server is gone.</summary>
    static async Task ProduceAsync(
        HttpClient client,
        string name,
        ConcurrentDictionary<string, long> acknowledged,
        CountdownEvent enough
    )
    {
        for (var number = 0; ; number++)
        {
            var values = Enumerable.Range(0, 1 + number % 3).Select(line => $"{name}-{number}-{line}").ToArray();
            try
            {
                using var response = await client.PostAsync(
                    "/topics/t?split=lines",
                    new StringContent(string.Join('\n', values), Encoding.UTF8, "text/plain")
                );
                Assert.Equal(HttpStatusCode.Created, response.StatusCode);
                var offset = (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("offset").GetInt64();
                for (var line = 0; line < values.Length; line++)
                    Assert.True(acknowledged.TryAdd(values[line], offset + line));
            }
            catch (HttpRequestException)
            {
                return;
            }
            finally
            {
                if (!enough.IsSet)
                    enough.Signal();
            }
        }
    }

    /// <summary>Checks that every acknowledged record is at its offset, and that no record occurs twice.</summary>
    static async Task<int> CheckAsync(HttpClient client, ConcurrentDictionary<string, long> acknowledged)
    {
        var offsets = new Dictionary<string, long>();
        for (var path = "/topics/t/earliest"; ; )
        {
            using var response = await client.GetAsync(path);
            if (response.StatusCode is HttpStatusCode.NoContent or HttpStatusCode.NotFound)
                break;
            response.EnsureSuccessStatusCode();
            foreach (
                var line in (await response.Content.ReadAsStringAsync()).Split(
                    '\n',
                    StringSplitOptions.RemoveEmptyEntries
                )
            )
            {
                var record = JsonDocument.Parse(line).RootElement;
                Assert.True(
                    offsets.TryAdd(record.GetProperty("value").GetString()!, record.GetProperty("offset").GetInt64()),
                    line
                );
            }
            path = TestServer.NextLink(response);
        }
        foreach (var (value, offset) in acknowledged)
            Assert.Equal(offset, offsets.GetValueOrDefault(value, -1));
        return offsets.Count;
    }
}
