using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using LogHttp.Testing;

namespace LogHttp.Server.Tests;

/// <summary>
/// A topic grows while keyed producers append, and the server is killed in between. Half of the producers number their
/// records, the others have an idempotency key for each.
/// </summary>
public class GrowthTests(ITestOutputHelper output)
{
    const int Producers = 6;
    const int Messages = 200;
    static readonly int[] Counts = [3, 4, 6, 7];

    [Fact]
    public async Task Growth_KilledUnderLoad_HasEachMessageOnce()
    {
        using var directory = new TemporaryDirectory();
        var progress = new long[Producers];
        for (var life = 0; life < Counts.Length; life++)
        {
            var (server, client) = await ServerProcess.StartAsync(directory.Path);
            using (server)
            using (client)
            {
                var isLast = life == Counts.Length - 1;
                // Each life has its part of the messages, the last one all that are left.
                var limit = isLast ? Messages : (life + 1) * Messages / Counts.Length;
                if (life == 0)
                    (
                        await client.PutAsync("/topics/t", new StringContent($$"""{"partitions":{{Counts[0]}}}"""))
                    ).EnsureSuccessStatusCode();
                using var acknowledged = new SemaphoreSlim(0);
                var producing = Task.WhenAll(
                    Enumerable
                        .Range(0, Producers)
                        .Select(number => ProduceAsync(client, number, progress, limit, acknowledged))
                );
                // The growth begins once some have been sent in this life, and is killed under way or soon after.
                for (var count = 0; count < Producers; count++)
                    await Task.WhenAny(acknowledged.WaitAsync(), producing);
                var growing = GrowAsync(client, Counts[life]);
                if (life % 2 == 0)
                    await growing;
                if (!isLast)
                    await server.KillAsync();
                await producing;
                await growing;
                if (isLast)
                    await CheckAsync(client);
            }
        }
    }

    static async Task GrowAsync(HttpClient client, int partitions)
    {
        try
        {
            using var response = await client.PatchAsync(
                "/topics/t",
                new StringContent($$"""{"partitions":{{partitions}}}""")
            );
            // An earlier growth that was killed may have been the higher one.
            Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        }
        catch (HttpRequestException) { }
    }

    static bool IsNumbering(int producer) => producer % 2 == 0;

    /// <summary>
    /// Sends a producer's messages in order, each again until it is acknowledged, or the server is gone.
    /// </summary>
    static async Task ProduceAsync(
        HttpClient client,
        int producer,
        long[] progress,
        int limit,
        SemaphoreSlim acknowledged
    )
    {
        while (progress[producer] is var sequence && sequence < limit)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/topics/t")
            {
                Content = new StringContent($"{producer} {sequence}", Encoding.UTF8, "text/plain"),
            };
            request.Headers.Add("Record-Key", $"key {producer}");
            if (IsNumbering(producer))
            {
                request.Headers.Add("Producer-Id", $"producer-{producer}");
                request.Headers.Add("Producer-Epoch", "0");
                request.Headers.Add("Producer-Seq", sequence.ToString(CultureInfo.InvariantCulture));
            }
            else
            {
                request.Headers.Add("Idempotency-Key", $"\"{producer} {sequence}\"");
            }
            try
            {
                using var response = await client.SendAsync(request);
                Assert.True(
                    response.StatusCode is HttpStatusCode.OK or HttpStatusCode.Created,
                    await response.Content.ReadAsStringAsync()
                );
            }
            catch (HttpRequestException)
            {
                return;
            }
            progress[producer] = sequence + 1;
            acknowledged.Release();
        }
    }

    async Task CheckAsync(HttpClient client)
    {
        var topic = await client.GetFromJsonAsync<JsonElement>("/topics/t");
        var messages = Enumerable.Range(0, Producers).Select(static _ => new List<long>()).ToArray();
        foreach (var partition in topic.GetProperty("partitions").EnumerateArray())
        {
            for (var path = $"/topics/t/earliest?partition={partition.GetProperty("partition").GetInt32()}"; ; )
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
                {
                    var value = JsonDocument.Parse(line).RootElement.GetProperty("value").GetString()!.Split(' ');
                    var producer = int.Parse(value[0], CultureInfo.InvariantCulture);
                    messages[producer].Add(long.Parse(value[1], CultureInfo.InvariantCulture));
                }
                path = TestServer.NextLink(response);
            }
        }
        output.WriteLine(
            $"{string.Join(", ", messages.Select(static sent => sent.Count))} messages in "
                + $"{topic.GetProperty("partitions").GetArrayLength()} partitions."
        );
        for (var producer = 0; producer < Producers; producer++)
        {
            // A numbering producer stays in its partition. Later records of a key can be in another one.
            if (!IsNumbering(producer))
                messages[producer].Sort();
            Assert.Equal(Enumerable.Range(0, Messages).Select(static number => (long)number), messages[producer]);
        }
    }
}
