using System.Text;
using LogHttp.Benchmarks.Load;
using LogHttp.Benchmarks.Peers;

namespace LogHttp.Benchmarks.Contest;

/// <summary>The unit of a rate: requests, or the bytes of their payloads.</summary>
/// <param name="RateName">The column of the rate.</param>
/// <param name="CpuName">The column of the server's processor time.</param>
/// <param name="RateOf">Computes the units a second.</param>
/// <param name="CpuScale">Converts seconds a unit to the column's unit.</param>
sealed record Unit(string RateName, string CpuName, Func<LoadResult, double> RateOf, double CpuScale)
{
    public static readonly Unit Requests = new(
        "requests/s",
        "CPU µs/request",
        static result => result.Answers / result.Seconds,
        1e6
    );
    public static readonly Unit Gigabytes = new(
        "GB/s",
        "CPU s/GB",
        static result => result.ReceivedBytes / result.Seconds / 1e9,
        1
    );

    /// <summary>Counts the bytes sent, with so many in each request.</summary>
    public static Unit Payload(long bytes) =>
        new("MB/s", "CPU s/GB", result => result.Answers * bytes / result.Seconds / 1e6, 1e3);

    /// <summary>Counts records, with so many in each request or response.</summary>
    public static Unit Records(long records) =>
        new("records/s", "CPU µs/record", result => result.Answers * records / result.Seconds, 1e6);
}

/// <summary>A contender of a race: its name, its server, and the load on it.</summary>
sealed record Contender(string Name, PeerProcess Server, Workload Load)
{
    /// <summary>Runs before each turn, unmeasured.</summary>
    public Func<Task>? Before { get; init; }

    /// <summary>
    /// The contender's unit, if its responses carry more or less than the others'. Otherwise the race's unit applies.
    /// </summary>
    public Unit? Unit { get; init; }
}

/// <summary>The figures of one turn.</summary>
readonly record struct Figures(double Rate, double Cpu, double P50, double P99);

/// <summary>
/// The same work for all contenders, one after the other in each round. The order shifts from round to round, so that
/// changes of the machine affect all of them. Ratios are taken within a round, and then their median.
/// </summary>
sealed class Race(string title, Unit unit, params Contender[] contenders)
{
    readonly Dictionary<string, List<Figures>> _figures = contenders.ToDictionary(
        static contender => contender.Name,
        static _ => new List<Figures>()
    );

    public string Title => title;

    /// <summary>The number of rounds run.</summary>
    public int Rounds { get; private set; }

    /// <summary>Runs more rounds.</summary>
    public async Task RunAsync(int rounds, TimeSpan warmUp)
    {
        // Until the runtime has finished compiling the hot paths.
        foreach (var contender in contenders.Where(_ => warmUp > TimeSpan.Zero))
            await TurnAsync(contender with { Load = contender.Load with { Requests = null, Duration = warmUp } });
        for (var round = 0; round < rounds; round++, Rounds++)
        {
            for (var turn = 0; turn < contenders.Length; turn++)
            {
                var contender = contenders[(round + turn) % contenders.Length];
                _figures[contender.Name].Add(await TurnAsync(contender));
            }
        }
    }

    /// <summary>
    /// The ratios of one contender's figures to another's, round by round. Empty if one of them did not take part.
    /// </summary>
    public IEnumerable<double> Ratios(string name, string peer, Func<Figures, double> figure) =>
        _figures.TryGetValue(name, out var own) && _figures.TryGetValue(peer, out var others)
            ? own.Zip(others, (one, other) => figure(one) / figure(other))
            : [];

    public Spread Ratio(string name, string peer, Func<Figures, double> figure) =>
        Spread.Of(Ratios(name, peer, figure));

    public Spread Of(string name, Func<Figures, double> figure) =>
        Spread.Of(_figures.TryGetValue(name, out var figures) ? figures.Select(figure) : []);

    public string ToMarkdown()
    {
        var text = new StringBuilder(
            $"### {title}\n\n| | {unit.RateName} | {unit.CpuName} | p50 ms | p99 ms |\n|---|---|---|---|---|\n"
        );
        foreach (var contender in contenders)
            text.Append(
                $"| {contender.Name} | {Of(contender.Name, static figures => figures.Rate)} | "
                    + $"{Of(contender.Name, static figures => figures.Cpu)} | "
                    + $"{Of(contender.Name, static figures => figures.P50)} | "
                    + $"{Of(contender.Name, static figures => figures.P99)} |\n"
            );
        return text.ToString();
    }

    async Task<Figures> TurnAsync(Contender contender)
    {
        if (contender.Before is { } before)
            await before();
        var cpuBefore = contender.Server.CpuSeconds;
        var result = contender.Load.Run();
        var cpu = contender.Server.CpuSeconds - cpuBefore;
        var own = contender.Unit ?? unit;
        var rate = own.RateOf(result);
        return new(rate, cpu / (rate * result.Seconds) * own.CpuScale, result.Percentile(50), result.Percentile(99));
    }
}

/// <summary>A goal and its result.</summary>
sealed record Goal(string What, double Wanted, Spread Got, bool LessIsBetter = false)
{
    public string ToMarkdown() =>
        $"| {What} | {(LessIsBetter ? "≤" : "≥")} "
        + $"{Wanted.ToString(System.Globalization.CultureInfo.InvariantCulture)} | {Got} | "
        + $"{(double.IsNaN(Got.Median) ? "not measured" : IsMet ? "met" : "**missed**")} |";

    bool IsMet => LessIsBetter ? Got.Median <= Wanted : Got.Median >= Wanted;
}
