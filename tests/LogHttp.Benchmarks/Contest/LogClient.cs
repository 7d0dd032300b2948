using System.Globalization;
using System.Net;
using System.Text;

namespace LogHttp.Benchmarks.Contest;

/// <summary>Prepares topics and pages at LogHttp, unmeasured.</summary>
sealed class LogClient(IPEndPoint address) : IDisposable
{
    readonly HttpClient _client = new()
    {
        BaseAddress = new Uri($"http://{address}"),
        Timeout = TimeSpan.FromMinutes(5),
    };

    public IPEndPoint Address => address;

    public Uri Uri => _client.BaseAddress!;

    public void Dispose() => _client.Dispose();

    public async Task MakeAsync(string topic, string flush = "always", int partitions = 1)
    {
        using var content = new StringContent(
            $$"""{"flush":"{{flush}}","partitions":{{partitions.ToString(CultureInfo.InvariantCulture)}}}"""
        );
        using var answer = await _client.PutAsync(new Uri($"/topics/{topic}", UriKind.Relative), content);
        answer.EnsureSuccessStatusCode();
    }

    public async Task DeleteAsync(string topic)
    {
        using var answer = await _client.DeleteAsync(new Uri($"/topics/{topic}", UriKind.Relative));
        if (answer.StatusCode != HttpStatusCode.NotFound)
            answer.EnsureSuccessStatusCode();
    }

    public async Task PostAsync(string topic, byte[] body, string contentType)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new(contentType);
        using var answer = await _client.PostAsync(new Uri($"/topics/{topic}", UriKind.Relative), content);
        if (!answer.IsSuccessStatusCode)
            throw new IOException(await answer.Content.ReadAsStringAsync());
    }

    /// <summary>The URL of a topic's first page with the topic's id, so that it means the same page for ever.</summary>
    public async Task<string> PermanentUrlAsync(string topic, long offset = 0)
    {
        using var answer = await _client.GetAsync(new Uri($"/topics/{topic}/earliest", UriKind.Relative));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"/topics/{topic}/{offset}?partition=0&v={answer.Headers.GetValues("Log-Topic-Id").Single()}"
        );
    }

    public async Task<int> RecordsInAsync(string url) =>
        (await _client.GetByteArrayAsync(new Uri(url, UriKind.Relative))).Count(static value => value == '\n');

    /// <summary>
    /// The pages from an offset on, as <c>Link</c> leads through them: the URL of each, and its bytes within the log.
    /// </summary>
    public async Task<List<(string Url, long Position, int SizeBytes)>> PagesAsync(string topic, int maxBytes, int most)
    {
        var pages = new List<(string, long, int)>();
        var (url, position) = ($"/topics/{topic}/0?maxBytes={maxBytes}", 0L);
        while (pages.Count < most)
        {
            using var answer = await _client.GetAsync(
                new Uri(url, UriKind.Relative),
                HttpCompletionOption.ResponseHeadersRead
            );
            if (answer.StatusCode != HttpStatusCode.OK)
                break;
            var size = (int)answer.Content.Headers.ContentLength!.Value;
            pages.Add((url, position, size));
            position += size;
            var link = answer.Headers.GetValues("Link").Single();
            url = link[1..link.IndexOf('>', StringComparison.Ordinal)];
            await answer.Content.CopyToAsync(Stream.Null);
        }
        return pages;
    }
}

/// <summary>Records of a given size, such as a shop might have.</summary>
static class Payloads
{
    public static byte[] Json(int sizeBytes, int number = 0)
    {
        var start = string.Create(
            CultureInfo.InvariantCulture,
            $"{{\"order\":{1_000_000 + number},\"customer\":\"user-{number % 9973}\",\"total\":{number % 10_000}"
                + $".50,\"items\":[{number % 7},{number % 11}],\"note\":\""
        );
        return Encoding.ASCII.GetBytes($"{start}{new string('n', Math.Max(0, sizeBytes - start.Length - 2))}\"}}");
    }

    /// <summary>Lines of JSON of a given size, as many as fit into a body.</summary>
    public static byte[] JsonLines(int recordBytes, int bodyBytes) =>
        [
            .. Enumerable
                .Range(0, bodyBytes / (recordBytes + 1))
                .SelectMany(number => Json(recordBytes, number).Append((byte)'\n')),
        ];
}
