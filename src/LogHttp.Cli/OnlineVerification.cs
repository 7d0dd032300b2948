using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using LogHttp.Storage;
using LogHttp.Storage.Verifying;

namespace LogHttp.Cli;

/// <summary>
/// Asks a running server to verify its topics, one after the other, and prints the findings (api/PROTOCOL.md §12). The
/// bounds below limit the memory that a server can make it use.
/// </summary>
internal sealed partial class OnlineVerification(HttpClient client, FindingWriter writer)
{
    /// <summary>Holds a thousand topics with the longest names and with reasons for damage.</summary>
    const int MaxPageBytes = 4 << 20;

    /// <summary>A finding has the names of a topic and a file, and a reason.</summary>
    const int MaxLineBytes = 64 << 10;

    const int MaxErrorBytes = 64 << 10;

    /// <summary>The upper bound of a server's MaxTopics.</summary>
    const int MaxTopics = 1_000_000;

    /// <exception cref="MalformedResponseException">The response is not that of a LogHttp server.</exception>
    /// <exception cref="IOException">The server refused the request, or ended the response early.</exception>
    /// <exception cref="HttpRequestException">The server can't be reached.</exception>
    public async Task RunAsync(string? topic, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var (topics, segments, bytes) = (0, 0, 0L);
        foreach (var name in topic is null ? await ListAsync(cancellationToken) : [topic])
        {
            var summary = await VerifyAsync(name, cancellationToken);
            if (
                summary is not { Segments: >= 0 and var moreSegments, Bytes: >= 0 and var moreBytes }
                || moreSegments > int.MaxValue - segments
                || moreBytes > long.MaxValue - bytes
            )
                throw new MalformedResponseException(
                    "the last line of a verification does not count segments and bytes from 0 on"
                );
            topics++;
            segments += moreSegments;
            bytes += moreBytes;
        }
        writer.WriteSummary(new VerifySummary(topics, segments, bytes), Stopwatch.GetElapsedTime(started));
    }

    async Task<List<string>> ListAsync(CancellationToken cancellationToken)
    {
        var (names, last, count) = (new List<string>(), "", 0);
        for (var next = new Uri(client.BaseAddress!, "topics?limit=1000"); ; )
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, next);
            using var response = await SendAsync(request, cancellationToken);
            var page = Parse(
                await ReadPageAsync(response, cancellationToken),
                Responses.Default.TopicPage,
                "its list of topics"
            );
            foreach (
                var topic in page.Topics ?? throw new MalformedResponseException("its list of topics has no topics")
            )
            {
                // The names must ascend. So a chain of pages that leads back to its beginning ends here.
                if (
                    topic is not { Topic: { } name }
                    || TopicName.Check(name) is not null
                    || string.CompareOrdinal(name, last) <= 0
                    || ++count > MaxTopics
                )
                    throw new MalformedResponseException(
                        $"its list of topics is not at most {MaxTopics} names in ascending order"
                    );
                last = name;
                if (topic.Damaged is { } reason)
                    writer.Write(new(FindingKind.Data, $"topics/{name}", 0, 0, reason) { Topic = name });
                else
                    names.Add(name);
            }
            if (page.Next is null)
                return names;
            // The next page must be on the same server, and this page must not be empty.
            if (
                page.Topics.Length == 0
                || !Uri.TryCreate(next, page.Next, out var following)
                || following.GetLeftPart(UriPartial.Authority) != next.GetLeftPart(UriPartial.Authority)
            )
                throw new MalformedResponseException("its list of topics leads to no next page");
            next = following;
        }
    }

    /// <summary>Prints the findings of a topic, and returns the last line.</summary>
    async Task<VerifiedLine> VerifyAsync(string topic, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"topics/{Uri.EscapeDataString(topic)}/verify");
        using var response = await SendAsync(request, cancellationToken);
        var lines = PipeReader.Create(await response.Content.ReadAsStreamAsync(cancellationToken));
        while (await ReadLineAsync(lines, cancellationToken) is { } line)
        {
            if (line.Kind is null)
                return line;
            writer.Write(
                line.ToFinding(topic)
                    ?? throw new MalformedResponseException("a finding lacks a field, or has a value out of its range")
            );
        }
        throw new IOException(
            $"The response for topic \"{topic}\" broke off: the topic was deleted, or the server stopped."
        );
    }

    /// <summary>Sends a request. Throws unless the response is a success.</summary>
    async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
        {
            var body = await ReadAsync(response, MaxErrorBytes, cancellationToken);
            throw new IOException($"The server answered {(int)response.StatusCode}: {DetailOf(body)}");
        }
    }

    static async Task<byte[]> ReadPageAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var page = await ReadAsync(response, MaxPageBytes + 1, cancellationToken);
        return page.Length <= MaxPageBytes
            ? page
            : throw new MalformedResponseException($"its list of topics has more than {MaxPageBytes} bytes");
    }

    /// <summary>Reads a body to its end, or the first bytes of a larger one.</summary>
    static async Task<byte[]> ReadAsync(HttpResponseMessage response, int maxBytes, CancellationToken cancellationToken)
    {
        var reader = PipeReader.Create(await response.Content.ReadAsStreamAsync(cancellationToken));
        var read = await reader.ReadAtLeastAsync(maxBytes, cancellationToken);
        var bytes = read.Buffer.Slice(0, Math.Min(maxBytes, read.Buffer.Length)).ToArray();
        await reader.CompleteAsync();
        return bytes;
    }

    /// <summary>Reads a line, or returns null at the end.</summary>
    static async Task<VerifiedLine?> ReadLineAsync(PipeReader lines, CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await lines.ReadAsync(cancellationToken);
            var end = read.Buffer.PositionOf((byte)'\n');
            var line = read.Buffer.Slice(0, end ?? read.Buffer.End);
            if (line.Length > MaxLineBytes)
                throw new MalformedResponseException($"a line has more than {MaxLineBytes} bytes");
            if (end is null && !read.IsCompleted)
            {
                lines.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                continue;
            }
            if (end is null && line.IsEmpty)
                return null;
            var parsed = Parse(line.ToArray(), Responses.Default.VerifiedLine, "a line");
            lines.AdvanceTo(end is { } lineFeed ? read.Buffer.GetPosition(1, lineFeed) : line.End);
            return parsed;
        }
    }

    static T Parse<T>(byte[] json, JsonTypeInfo<T> type, string subject)
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw new JsonException();
        }
        catch (JsonException exception)
        {
            throw new MalformedResponseException($"{subject} is not the JSON that was expected", exception);
        }
    }

    /// <summary>Returns the detail of a problem (api/PROTOCOL.md §9), or the whole body if it is no problem.</summary>
    static string DetailOf(byte[] body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, Responses.Default.ProblemBody)?.Detail
                ?? Encoding.UTF8.GetString(body);
        }
        catch (JsonException)
        {
            return Encoding.UTF8.GetString(body);
        }
    }

    /// <summary>A page of <c>GET /topics</c>. The server is not trusted, so any field may be missing.</summary>
    sealed record TopicPage(ListedTopic?[]? Topics, string? Next);

    sealed record ListedTopic(string? Topic, string? Damaged);

    /// <summary>A line of a verification: a finding, or without <paramref name="Kind"/> the last line.</summary>
    sealed record VerifiedLine(
        string? Kind,
        int? Partition,
        long? Segment,
        string? File,
        long? Position,
        long? LengthBytes,
        string? Reason,
        long? NextOffset,
        int? Segments,
        long? Bytes
    )
    {
        public Finding? ToFinding(string topic) =>
            this
                is {
                    Kind: "data" or "index",
                    Partition: >= 0 and var partition,
                    Segment: >= 0 and var segment,
                    File: { } file,
                    Position: >= 0 and var position,
                    LengthBytes: >= 0 and var lengthBytes,
                    Reason: { } reason,
                    NextOffset: null or >= 0,
                }
            && lengthBytes <= long.MaxValue - position
                ? new(
                    Kind == "data" ? FindingKind.Data : FindingKind.Index,
                    $"topics/{topic}/{partition}/{file}",
                    position,
                    lengthBytes,
                    reason
                )
                {
                    Topic = topic,
                    Partition = partition,
                    Segment = segment,
                    NextOffset = NextOffset,
                }
                : null;
    }

    sealed record ProblemBody(string? Detail);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(TopicPage))]
    [JsonSerializable(typeof(VerifiedLine))]
    [JsonSerializable(typeof(ProblemBody))]
    sealed partial class Responses : JsonSerializerContext;
}

/// <summary>A response that no LogHttp server sends. It comes from a proxy or another program.</summary>
internal sealed class MalformedResponseException(string message, Exception? inner = null) : Exception(message, inner);
