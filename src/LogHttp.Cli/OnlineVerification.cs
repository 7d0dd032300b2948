using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using LogHttp.Storage.Verifying;

namespace LogHttp.Cli;

/// <summary>Asks a running server to verify its topics, one after the other, and prints what it says (api/PROTOCOL.md §12).</summary>
internal sealed class OnlineVerification(HttpClient client, FindingWriter writer)
{
    /// <exception cref="IOException">The server did not do it, or not to the end.</exception>
    /// <exception cref="HttpRequestException">The server can't be reached.</exception>
    public async Task RunAsync(string? topic, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var (topics, segments, bytes) = (0, 0, 0L);
        foreach (var name in topic is null ? await ListAsync(cancellationToken) : [topic])
        {
            var summary = await VerifyAsync(name, cancellationToken);
            topics++;
            segments += summary.GetProperty("segments").GetInt32();
            bytes += summary.GetProperty("bytes").GetInt64();
        }
        writer.WriteSummary(new VerifySummary(topics, segments, bytes), Stopwatch.GetElapsedTime(started));
    }

    async Task<List<string>> ListAsync(CancellationToken cancellationToken)
    {
        var names = new List<string>();
        for (var next = new Uri(client.BaseAddress!, "topics?limit=1000"); next is not null;)
        {
            var page = await client.GetFromJsonAsync<JsonElement>(next, cancellationToken);
            foreach (var topic in page.GetProperty("topics").EnumerateArray())
            {
                var name = topic.GetProperty("topic").GetString()!;
                if (topic.TryGetProperty("damaged", out var reason))
                    writer.Write(new(FindingKind.Data, $"topics/{name}", 0, 0, reason.GetString()!) { Topic = name });
                else
                    names.Add(name);
            }
            next = page.TryGetProperty("next", out var more) && more.GetString() is { } reference ? new Uri(next, reference) : null;
        }
        return names;
    }

    async Task<JsonElement> VerifyAsync(string topic, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"topics/{Uri.EscapeDataString(topic)}/verify");
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (!response.IsSuccessStatusCode)
            throw new IOException($"The server answered {(int)response.StatusCode}: {DetailOf(await response.Content.ReadAsStringAsync(cancellationToken))}");
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        while (await lines.ReadLineAsync(cancellationToken) is { } text)
        {
            using var document = JsonDocument.Parse(text);
            var line = document.RootElement.Clone();
            if (!line.TryGetProperty("kind", out var kind))
                return line;
            var (partition, segment) = (line.GetProperty("partition").GetInt32(), line.GetProperty("segment").GetInt64());
            writer.Write(new(
                kind.GetString() == "data" ? FindingKind.Data : FindingKind.Index, $"topics/{topic}/{partition}/{line.GetProperty("file").GetString()}",
                line.GetProperty("position").GetInt64(), line.GetProperty("lengthBytes").GetInt64(), line.GetProperty("reason").GetString()!)
            {
                Topic = topic,
                Partition = partition,
                Segment = segment,
                NextOffset = line.TryGetProperty("nextOffset", out var next) ? next.GetInt64() : null,
            });
        }
        throw new IOException($"The answer for topic \"{topic}\" broke off: the topic was deleted, or the server stopped.");
    }

    /// <summary>The sentence of a problem (api/PROTOCOL.md §9); all of it, where a proxy answered something else.</summary>
    static string DetailOf(string body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("detail", out var detail) && detail.ValueKind == JsonValueKind.String ? detail.GetString()! : body;
        }
        catch (JsonException)
        {
            return body;
        }
    }
}
