using System.Globalization;
using LogHttp.Benchmarks.Load;
using LogHttp.Benchmarks.Peers;

namespace LogHttp.Benchmarks.Contest;

/// <summary>
/// Compares the hot paths of this build with those of an earlier one, in pairs of short turns, until the ratio is known
/// well enough. Machines drift by more than most changes cost, and both turns of a pair meet the same machine.
/// </summary>
static class Pairs
{
    const double WantedHalfWidth = 0.02;
    const double AllowedRatio = 0.97;
    const int BatchBytes = 1 << 20;
    const int BatchesPerTurn = 100;

    /// <param name="server">A built LogHttp.Server.dll.</param>
    /// <param name="baseline">The one to compare it with.</param>
    /// <param name="options">
    /// <c>work</c>: a directory on the disk to measure. <c>least</c> and <c>most</c>: the numbers of pairs.
    /// <c>seconds</c> of a turn. <c>warm</c>: seconds before the first.
    /// </param>
    /// <returns>Whether each ratio is surely at least 0.97.</returns>
    public static async Task<bool> RunAsync(string server, string baseline, IReadOnlyDictionary<string, string> options)
    {
        double Number(string name, double standard) =>
            options.TryGetValue(name, out var text) ? double.Parse(text, CultureInfo.InvariantCulture) : standard;
        var work = options["work"];
        var (least, most) = ((int)Number("least", 20), (int)Number("most", 60));
        var (turn, warmUp) = (TimeSpan.FromSeconds(Number("seconds", 0.5)), TimeSpan.FromSeconds(Number("warm", 4)));
        using var own = await Side.StartAsync(server, work, "this");
        using var other = await Side.StartAsync(baseline, work, "baseline");
        Console.WriteLine(
            "| work | this build | baseline | ratio, 95 % interval | CPU ratio | pairs | at least 0.97 |"
        );
        Console.WriteLine("|---|---|---|---|---|---|---|");
        var isMet = true;
        foreach (var (title, contenderOf, unit) in Works(turn))
        {
            var race = new Race(title, unit, await contenderOf(own), await contenderOf(other));
            await race.RunAsync(least, warmUp);
            while (Interval(race).HalfWidth > WantedHalfWidth && race.Rounds < most)
                await race.RunAsync(least / 4, TimeSpan.Zero);
            var (ratio, halfWidth) = Interval(race);
            isMet &= ratio - halfWidth >= AllowedRatio;
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {title} | {race.Of(own.Name, static figures => figures.Rate)} | "
                        + $"{race.Of(other.Name, static figures => figures.Rate)} | {ratio:0.000} ± "
                        + $"{halfWidth:0.000} | "
                        + $"{race.Ratio(own.Name, other.Name, static figures => figures.Cpu).Median:0.00} | "
                        + $"{race.Rounds} | "
                        + $"{(ratio - halfWidth >= AllowedRatio ? "yes" : "**no**")} |"
                )
            );
        }
        return isMet;

        // Of the logarithms, so that a ratio and its inverse weigh alike.
        (double Ratio, double HalfWidth) Interval(Race race)
        {
            var logarithms = race.Ratios(own.Name, other.Name, static figures => figures.Rate)
                .Select(static value => Math.Log(value))
                .ToArray();
            var mean = logarithms.Average();
            var variance = logarithms.Sum(value => (value - mean) * (value - mean)) / (logarithms.Length - 1);
            return (Math.Exp(mean), Math.Exp(mean) * 1.96 * Math.Sqrt(variance / logarithms.Length));
        }
    }

    static IEnumerable<(string Title, Func<Side, Task<Contender>> ContenderOf, Unit Unit)> Works(TimeSpan turn)
    {
        foreach (
            var (name, bytes, pages, connections) in new[]
            {
                ("1 KiB", 1 << 10, 2_000, 64),
                ("64 KiB", 64 << 10, 512, 4),
                ("1 MiB", 1 << 20, 64, 4),
            }
        )
        {
            yield return (
                $"fetch of {name}, {connections} connections",
                async side =>
                {
                    var urls = (await side.Client.PagesAsync(FetchRaces.Topic, bytes, pages)).Select(static page =>
                        page.Url
                    );
                    var requests = urls.Select(static url => HttpConversation.Request("GET", url)).ToArray();
                    var load = new Workload(
                        side.Client.Address,
                        number => new HttpConversation(requests, number * 7, 200)
                    );
                    return side.Contender(load with { Connections = connections, Duration = turn });
                },
                Unit.Requests
            );
        }
        foreach (var flush in new[] { "always", "os" })
        {
            yield return (
                $"POST of 100 bytes, flush: {flush}, 64 connections",
                async side =>
                {
                    await side.Client.MakeAsync($"posts-{flush}", flush);
                    return side.Contender(
                        Posts(side, $"posts-{flush}", "application/json", Payloads.Json(100)) with
                        {
                            Duration = turn,
                        }
                    );
                },
                Unit.Requests
            );
            yield return (
                $"bodies of 1 MiB, records of 100 bytes, flush: {flush}, 4 connections",
                side =>
                {
                    // A number of bodies, in a topic created for the turn, so that no disk fills up.
                    async Task BeginAsync()
                    {
                        await side.Client.DeleteAsync($"batches-{flush}");
                        await side.Client.MakeAsync($"batches-{flush}", flush);
                    }
                    var load = Posts(
                        side,
                        $"batches-{flush}",
                        "application/x-ndjson",
                        Payloads.JsonLines(100, BatchBytes)
                    );
                    var contender = side.Contender(load with { Connections = 4, Requests = BatchesPerTurn });
                    return Task.FromResult(contender with { Before = BeginAsync });
                },
                Unit.Payload(BatchBytes)
            );
        }
    }

    static Workload Posts(Side side, string topic, string type, byte[] body)
    {
        ReadOnlyMemory<byte>[] requests = [HttpConversation.Request("POST", $"/topics/{topic}", type, body)];
        return new(side.Client.Address, _ => new HttpConversation(requests, 0, 201));
    }

    /// <summary>One of the two builds.</summary>
    sealed class Side(string name, PeerProcess process, LogClient client) : IDisposable
    {
        public string Name => name;

        public LogClient Client => client;

        public Contender Contender(Workload load) => new(name, process, load);

        public static async Task<Side> StartAsync(string program, string work, string name)
        {
            var (process, address) = await PeerStarts.LogHttpAsync(work, name, program);
            var side = new Side(name, process, new LogClient(address));
            await FetchRaces.FillAsync(side.Client);
            return side;
        }

        public void Dispose()
        {
            client.Dispose();
            process.Dispose();
        }
    }
}
