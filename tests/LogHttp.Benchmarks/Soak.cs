using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;

namespace LogHttp.Benchmarks;

/// <summary>
/// Produces, follows, polls, reads from the start, rolls and retains at a steady rate for a number of minutes. Reports
/// the server's resources once a minute. At the end they must not have grown, and every reader must have got every
/// record exactly once.
/// </summary>
sealed class Soak(Uri address, int minutes, int ratePerSecond) : IDisposable
{
    const int Producers = 4;
    const int ValueBytes = 1_000;
    const long RetentionBytes = 64 << 20;
    static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    readonly HttpClient _client = new() { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
    readonly string _topic = $"soak-{Guid.NewGuid():N}";
    readonly List<Sample> _samples = [];
    Percentiles _posts = new();
    long _appended;
    long _followed;
    long _polled;
    long _scanned;

    sealed record Sample(long ResidentBytes, int Handles, int Threads);

    public void Dispose() => _client.Dispose();

    /// <summary>True if all resources stayed flat.</summary>
    public async Task<bool> RunAsync()
    {
        using (
            var made = await _client.PutAsync(
                new Uri($"/topics/{_topic}", UriKind.Relative),
                new StringContent(
                    string.Create(CultureInfo.InvariantCulture, $"{{\"retentionBytes\":{RetentionBytes}}}")
                )
            )
        )
            made.EnsureSuccessStatusCode();
        using var over = new CancellationTokenSource();
        Task[] work =
        [
            .. Enumerable.Range(0, Producers).Select(producer => ProduceAsync(producer, over.Token)),
            FollowAsync(over.Token),
            PollAsync(over.Token),
            ScanAsync(over.Token),
        ];
        Console.WriteLine(
            "minute | resident MB | handles | threads | CPU % | POST | appended | followed | polled | scanned | log MB"
        );
        var (_, _, cpuSeconds) = ServerProcess.Read(address);
        for (var minute = 1; minute <= minutes; minute++)
        {
            var ended = await Task.WhenAny([Task.Delay(Interval), .. work]);
            if (work.Contains(ended))
                await ended;
            cpuSeconds = await ReportAsync(minute, cpuSeconds);
        }
        await over.CancelAsync();
        await Task.WhenAll(work);
        return IsFlat("resident bytes", static sample => sample.ResidentBytes, 32 << 20)
            & IsFlat("handles", static sample => sample.Handles, 16)
            & IsFlat("threads", static sample => sample.Threads, 8);
    }

    async Task<double> ReportAsync(int minute, double cpuSecondsBefore)
    {
        var (residentBytes, threads, cpuSeconds) = ServerProcess.Read(address);
        var sample = new Sample(residentBytes, ServerProcess.Handles(address), threads);
        _samples.Add(sample);
        var posts = Interlocked.Exchange(ref _posts, new Percentiles());
        var description = JsonDocument
            .Parse(await _client.GetStringAsync(new Uri($"/topics/{_topic}", UriKind.Relative)))
            .RootElement;
        var sizeBytes = description.GetProperty("partitions")[0].GetProperty("sizeBytes").GetInt64();
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{minute} | {residentBytes / 1e6:0.0} | {sample.Handles} | {threads} | "
                    + $"{(cpuSeconds - cpuSecondsBefore) / Interval.TotalSeconds * 100:0} | {posts} | {_appended} | "
                    + $"{_followed} | {_polled} | {_scanned} | {sizeBytes / 1e6:0.0}"
            )
        );
        return cpuSeconds;
    }

    /// <summary>Compares the median of the last quarter with that of the second one. The first one warms up.</summary>
    bool IsFlat(string name, Func<Sample, long> value, long tolerance)
    {
        var quarter = Math.Max(1, _samples.Count / 4);
        var (early, late) = (Median(_samples.Skip(quarter).Take(quarter)), Median(_samples.TakeLast(quarter)));
        var isFlat = late <= early + tolerance;
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{name}: median {early} in the second quarter, {late} in the last: {(isFlat ? "flat" : "GROWN")}"
            )
        );
        return isFlat;

        long Median(IEnumerable<Sample> samples) =>
            samples.Select(value).Order().ToArray() is { Length: > 0 } sorted ? sorted[sorted.Length / 2] : 0;
    }

    async Task ProduceAsync(int producer, CancellationToken over)
    {
        var started = Stopwatch.StartNew();
        for (var sequence = 0L; !over.IsCancellationRequested; sequence++)
        {
            var due = TimeSpan.FromSeconds((double)sequence * Producers / ratePerSecond) - started.Elapsed;
            if (due > TimeSpan.Zero)
                await Task.Delay(due, CancellationToken.None);
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/topics/{_topic}")
            {
                Content = new StringContent(new string('x', ValueBytes)),
            };
            request.Headers.Add("Producer-Id", string.Create(CultureInfo.InvariantCulture, $"producer-{producer}"));
            request.Headers.Add("Producer-Epoch", "0");
            request.Headers.Add("Producer-Seq", sequence.ToString(CultureInfo.InvariantCulture));
            var asked = Stopwatch.GetTimestamp();
            using var answer = await _client.SendAsync(request, CancellationToken.None);
            answer.EnsureSuccessStatusCode();
            _posts.Add(asked, Stopwatch.GetTimestamp());
            Interlocked.Increment(ref _appended);
        }
    }

    async Task FollowAsync(CancellationToken over)
    {
        using var answer = await _client.GetAsync(
            new Uri($"/topics/{_topic}/earliest?follow=true", UriKind.Relative),
            HttpCompletionOption.ResponseHeadersRead,
            CancellationToken.None
        );
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(CancellationToken.None));
        while (!over.IsCancellationRequested && await lines.ReadLineAsync(CancellationToken.None) is { } line)
        {
            if (line.Length > 0)
                _followed = Next(line, _followed);
        }
        if (!over.IsCancellationRequested)
            throw new InvalidOperationException($"The follower's answer ended before offset {_followed}.");
    }

    async Task PollAsync(CancellationToken over)
    {
        for (var path = $"/topics/{_topic}/earliest?wait=5s"; !over.IsCancellationRequested; )
            (path, _polled) = await ReadAsync(path, _polled);
    }

    /// <summary>
    /// Reads everything from the start, over and over. Begins again if retention has removed the next page.
    /// </summary>
    async Task ScanAsync(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            var (path, next) = ($"/topics/{_topic}/earliest", -1L);
            while (path.Length > 0 && !over.IsCancellationRequested)
            {
                (path, next) = await ReadAsync(path, next);
                _scanned++;
            }
            await Task.Delay(1_000, CancellationToken.None);
        }
    }

    /// <summary>
    /// Reads one page and returns the path of the next one, with the offset behind the page. No path at the end of the
    /// log, or if the page is gone.
    /// </summary>
    async Task<(string Path, long Next)> ReadAsync(string path, long expected)
    {
        using var answer = await _client.GetAsync(new Uri(path, UriKind.Relative), CancellationToken.None);
        if (
            answer.StatusCode == HttpStatusCode.Gone
            || (answer.StatusCode == HttpStatusCode.NoContent && !path.Contains("wait", StringComparison.Ordinal))
        )
            return ("", expected);
        answer.EnsureSuccessStatusCode();
        foreach (
            var line in (await answer.Content.ReadAsStringAsync(CancellationToken.None)).Split(
                '\n',
                StringSplitOptions.RemoveEmptyEntries
            )
        )
            expected = Next(line, expected);
        return (NextPage.Of(answer), expected);
    }

    static long Next(string line, long expected)
    {
        var offset = JsonDocument.Parse(line).RootElement.GetProperty("offset").GetInt64();
        // A reader that begins at the earliest offset accepts any first offset.
        if (expected >= 0 && offset != expected)
            throw new InvalidOperationException($"Offset {offset} came where {expected} should.");
        return offset + 1;
    }
}
