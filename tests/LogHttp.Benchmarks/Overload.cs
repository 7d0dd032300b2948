using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace LogHttp.Benchmarks;

/// <summary>
/// Measures how much the server can append durably, then offers three times that, whatever it responds. Checks the
/// accepted bodies, the latency of refusals, and the memory. At the end the log must hold the accepted bodies and no
/// others.
/// </summary>
sealed class Overload(Uri address, int seconds) : IDisposable
{
    const int LinesOfABody = 256;
    const int LineBytes = 1_000;
    const int Factor = 3;

    readonly HttpClient _client = new(new SocketsHttpHandler { MaxConnectionsPerServer = 2_000 })
    {
        BaseAddress = address,
        Timeout = TimeSpan.FromSeconds(120),
    };
    readonly string _topic = $"overload-{Guid.NewGuid():N}";
    readonly Percentiles _accepted = new();
    readonly Percentiles _refused = new();
    readonly HashSet<int> _acceptedBodies = [];
    int _bodies;
    int _refusals;

    public void Dispose() => _client.Dispose();

    public async Task<bool> RunAsync()
    {
        using (var made = await _client.PutAsync(new Uri($"/topics/{_topic}", UriKind.Relative), null))
            made.EnsureSuccessStatusCode();
        var before = ServerProcess.Read(address).ResidentBytes;
        var perSecond = await MeasureAsync();
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"capacity: {perSecond:0} bodies of {LinesOfABody * LineBytes} bytes a second, durably"
            )
        );
        var peak = await OfferAsync(perSecond * Factor);
        await Task.Delay(2_000);
        var after = ServerProcess.Read(address).ResidentBytes;
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"offered {Factor} times that: {_acceptedBodies.Count} accepted in all ({_accepted}), {_refusals} "
                    + $"refused ({_refused})"
            )
        );
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"resident: {before / 1e6:0} MB before, {peak / 1e6:0} MB at the peak, {after / 1e6:0} MB after"
            )
        );
        var isRight = await CheckLogAsync();
        return isRight && _refusals > 0;
    }

    /// <summary>Measures the rate at eight connections, each of which waits for its responses.</summary>
    async Task<double> MeasureAsync()
    {
        var started = Stopwatch.StartNew();
        await Task.WhenAll(
            Enumerable
                .Range(0, 8)
                .Select(async _ =>
                {
                    while (started.Elapsed < TimeSpan.FromSeconds(5))
                        await PostAsync(Stopwatch.GetTimestamp());
                })
        );
        return _acceptedBodies.Count / started.Elapsed.TotalSeconds;
    }

    /// <summary>
    /// Sends each body when it is due, whatever the state of those before. Returns the most memory that the server had.
    /// </summary>
    async Task<long> OfferAsync(double perSecond)
    {
        var under = new List<Task>();
        var (peak, started) = (0L, Stopwatch.StartNew());
        for (var number = 0; started.Elapsed < TimeSpan.FromSeconds(seconds); number++)
        {
            var due = TimeSpan.FromSeconds(number / perSecond) - started.Elapsed;
            if (due > TimeSpan.Zero)
                await Task.Delay(due);
            under.Add(PostAsync(Stopwatch.GetTimestamp()));
            if (number % 50 == 0)
            {
                peak = Math.Max(peak, ServerProcess.Read(address).ResidentBytes);
                under.RemoveAll(static task => task.IsCompletedSuccessfully);
            }
        }
        await Task.WhenAll(under);
        return Math.Max(peak, ServerProcess.Read(address).ResidentBytes);
    }

    async Task PostAsync(long asked)
    {
        var body = Interlocked.Increment(ref _bodies);
        using var content = new StringContent(
            string.Join(
                '\n',
                Enumerable
                    .Range(0, LinesOfABody)
                    .Select(line =>
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"[{body},{line},\"{new string('x', LineBytes - 30)}\"]"
                        )
                    )
            ),
            Encoding.UTF8,
            "application/x-ndjson"
        );
        using var answer = await _client.PostAsync(new Uri($"/topics/{_topic}", UriKind.Relative), content);
        if (answer.IsSuccessStatusCode)
        {
            _accepted.Add(asked, Stopwatch.GetTimestamp());
            lock (_acceptedBodies)
                _acceptedBodies.Add(body);
        }
        else if ((int)answer.StatusCode == 503 && answer.Headers.RetryAfter is not null)
        {
            _refused.Add(asked, Stopwatch.GetTimestamp());
            Interlocked.Increment(ref _refusals);
        }
        else
        {
            throw new InvalidOperationException($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        }
    }

    /// <summary>Checks that the log has every line of every accepted body once, and nothing else.</summary>
    async Task<bool> CheckLogAsync()
    {
        var lines = new Dictionary<int, int>();
        for (var path = $"/topics/{_topic}/earliest?view=values&maxBytes=16777216"; ; )
        {
            using var answer = await _client.GetAsync(new Uri(path, UriKind.Relative));
            if (answer.StatusCode == System.Net.HttpStatusCode.NoContent)
                break;
            foreach (
                var line in (await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync()).Split(
                    '\n',
                    StringSplitOptions.RemoveEmptyEntries
                )
            )
            {
                using var value = JsonDocument.Parse(line);
                var (body, number) = (value.RootElement[0].GetInt32(), value.RootElement[1].GetInt32());
                // A batch's lines are consecutive and in order.
                if (lines.GetValueOrDefault(body) != number)
                    return Say($"line {number} of body {body} came where {lines.GetValueOrDefault(body)} should");
                lines[body] = number + 1;
            }
            path = NextPage.Of(answer);
        }
        return
            lines.Keys.ToHashSet().SetEquals(_acceptedBodies) && lines.Values.All(static count => count == LinesOfABody)
            ? Say("the log holds every line of what was accepted once, and nothing of what was refused", isRight: true)
            : Say($"the log holds {lines.Count} bodies, and {_acceptedBodies.Count} were accepted");
    }

    static bool Say(string what, bool isRight = false)
    {
        Console.WriteLine(what);
        return isRight;
    }
}
