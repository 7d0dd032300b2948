using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using LogHttp.Benchmarks.Peers;

namespace LogHttp.Benchmarks.Contest;

/// <summary>Starts LogHttp and its peers, runs the races between them, and writes the results down.</summary>
sealed class Bench(BenchOptions options) : IDisposable
{
    readonly List<PeerProcess> _started = [];
    readonly List<string> _tables = [];
    readonly List<Goal> _goals = [];
    readonly List<string> _notes = [];

    public BenchOptions Options => options;

    public PeerProcess LogHttp { get; private set; } = null!;

    public LogClient Client { get; private set; } = null!;

    /// <summary>The segment that all contenders with files send from.</summary>
    public string SegmentPath =>
        Path.Combine(options.Work, "data/topics", FetchRaces.Topic, "0/00000000000000000000.ndjson");

    public PeerProcess Reference { get; private set; } = null!;

    public IPEndPoint Kestrel { get; private set; } = null!;

    public IPEndPoint Bare { get; private set; } = null!;

    public async Task RunAsync()
    {
        var clock = Stopwatch.StartNew();
        (LogHttp, var address) = await PeerStarts.LogHttpAsync(options.Work, "data");
        _started.Add(LogHttp);
        Client = new LogClient(address);
        await FetchRaces.FillAsync(Client);
        (Reference, Kestrel, Bare) = await PeerStarts.ReferenceAsync(
            options.Work,
            SegmentPath,
            throughOurWriter: false
        );
        _started.Add(Reference);
        foreach (
            var (name, run) in new (string, Func<Bench, Task>)[]
            {
                ("fetch", FetchRaces.RunAsync),
                ("post", PostRaces.RunAsync),
                ("batch", BatchRaces.RunAsync),
                ("answers", AnswerRaces.RunAsync),
                ("live", LiveRaces.RunAsync),
                ("topics", TopicRaces.RunAsync),
                ("place", PlaceRaces.RunAsync),
                ("cold", ColdRaces.RunAsync),
                ("peers", PeerRaces.RunAsync),
            }
        )
        {
            if (!options.Only.Contains(name))
                continue;
            await run(this);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"({name}: {clock.Elapsed.TotalSeconds:0} s since the start)\n"
                )
            );
            await WriteAsync(clock.Elapsed);
        }
    }

    public void Started(PeerProcess process) => _started.Add(process);

    public void Stop(PeerProcess process)
    {
        _started.Remove(process);
        process.Dispose();
    }

    public async Task<Race> RunAsync(string title, Unit unit, params Contender?[] contenders)
    {
        var race = new Race(title, unit, [.. contenders.OfType<Contender>()]);
        await race.RunAsync(options.Rounds, options.WarmUp);
        Table(race.ToMarkdown());
        return race;
    }

    public void Goal(string what, double wanted, Spread got, bool lessIsBetter = false) =>
        _goals.Add(new(what, wanted, got, lessIsBetter));

    public void Table(string markdown)
    {
        Console.WriteLine(markdown);
        _tables.Add(markdown);
    }

    public void Note(string text)
    {
        Console.WriteLine(text);
        _notes.Add(text);
    }

    public void Dispose()
    {
        foreach (var process in Enumerable.Reverse(_started))
            process.Dispose();
        Client?.Dispose();
    }

    async Task WriteAsync(TimeSpan elapsed)
    {
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $"""
            {Environment.ProcessorCount} processors ({Processor()}), {RuntimeInformation.OSDescription}, .NET {Environment.Version}, TCP {Congestion()}, loopback; load generator on the
            same processors. {options.Rounds} alternating rounds of {options.Turn.TotalSeconds} s; median (least–most). Ratios are taken within each round. {elapsed.TotalSeconds:0} s in all.

            ## Goals

            | | wanted | got | |
            |---|---|---|---|

            """
        );
        foreach (var goal in _goals)
            text.AppendLine(goal.ToMarkdown());
        text.Append("\n## Races\n\n");
        foreach (var table in _tables)
            text.AppendLine(table);
        if (_notes.Count > 0)
            text.AppendLine("## Besides\n").AppendJoin('\n', _notes.Select(static note => $"- {note}")).AppendLine();
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(options.Output))!);
        await File.WriteAllTextAsync(options.Output, text.ToString());
    }

    static string Congestion() => File.ReadAllText("/proc/sys/net/ipv4/tcp_congestion_control").Trim();

    static string Processor() =>
        File.ReadLines("/proc/cpuinfo")
            .FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal))
            ?.Split(": ")[^1]
        ?? "unknown";
}
