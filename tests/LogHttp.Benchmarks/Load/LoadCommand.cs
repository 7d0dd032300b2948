using System.Globalization;
using System.Net;
using LogHttp.Benchmarks.Contest;

namespace LogHttp.Benchmarks.Load;

/// <summary>
/// Sends one request over and over to a running server, to profile that meanwhile with perf or dotnet-trace. Several
/// servers, such as two builds, take turns in each round. Short turns and many rounds are best, because machines are
/// not quiet for long. With <c>topics=100</c> requests go to as many topics in turn, each named by the URL's topic and
/// a number.
/// </summary>
static class LoadCommand
{
    public static void Run(IReadOnlyList<Uri> targets, IReadOnlyDictionary<string, string> options)
    {
        int Number(string name, int standard) =>
            int.Parse(
                options.GetValueOrDefault(name, standard.ToString(CultureInfo.InvariantCulture)),
                CultureInfo.InvariantCulture
            );
        var (bodyBytes, type) = (Number("body", 0), options.GetValueOrDefault("type", "application/json"));
        var body =
            bodyBytes == 0 ? []
            : type.Contains("ndjson", StringComparison.Ordinal) ? Payloads.JsonLines(Number("record", 100), bodyBytes)
            : Payloads.Json(bodyBytes);
        // One status for all targets, or one each in their order.
        var statuses = options
            .GetValueOrDefault("status", bodyBytes == 0 ? "200" : "201")
            .Split(',')
            .Select(static status => int.Parse(status, CultureInfo.InvariantCulture))
            .ToArray();
        var loads = targets
            .Select(
                (target, place) =>
                {
                    var (topics, connections) = (Number("topics", 1), Number("connections", 64));
                    // With several topics each connection begins at another one, as in TopicRaces.
                    var requests = Enumerable
                        .Range(0, topics)
                        .Select(number =>
                            HttpConversation.Request(
                                bodyBytes == 0 ? "GET" : "POST",
                                topics == 1
                                    ? target.PathAndQuery
                                    : string.Create(CultureInfo.InvariantCulture, $"{target.PathAndQuery}{number}"),
                                bodyBytes == 0 ? null : type,
                                body
                            )
                        )
                        .ToArray();
                    return new Workload(
                        IPEndPoint.Parse(target.Authority),
                        number => new HttpConversation(
                            requests,
                            number * Math.Max(1, topics / connections),
                            statuses[Math.Min(place, statuses.Length - 1)]
                        )
                    )
                    {
                        Connections = connections,
                        Threads = Number("threads", 1),
                        Duration = TimeSpan.FromSeconds(
                            double.Parse(options.GetValueOrDefault("seconds", "5"), CultureInfo.InvariantCulture)
                        ),
                        RatePerSecond = Number("rate", 0) is > 0 and var rate ? rate : null,
                    };
                }
            )
            .ToArray();
        // The processes whose processor time is reported, in the order of the targets. May be empty.
        var processes = options
            .GetValueOrDefault("pids", "")
            .Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(static id => int.Parse(id, CultureInfo.InvariantCulture))
            .ToArray();
        var rounds = Enumerable.Range(0, Number("rounds", 1)).Select(round => Round(loads, processes, round)).ToArray();
        for (var i = 0; i < loads.Length; i++)
        {
            Spread Of(Func<Figures, double> figure) => Spread.Of(rounds.Select(round => figure(round[i])));
            Spread ToFirst(Func<Figures, double> figure) =>
                Spread.Of(rounds.Select(round => figure(round[i]) / figure(round[0])));
            var cpu = processes.Length > i ? $", CPU µs/answer {Of(static figures => figures.Cpu)}" : "";
            var ratios =
                i == 0
                    ? ""
                    : $"; of the first: rate {ToFirst(static figures => figures.Rate)}"
                        + $"{(cpu.Length == 0 ? "" : $", CPU {ToFirst(static figures => figures.Cpu)}")}";
            Console.WriteLine(
                $"{Of(static figures => figures.Rate)} answers/s, "
                    + $"{Of(static figures => figures.MegabytesPerSecond)} MB/s, p50 "
                    + $"{Of(static figures => figures.P50)} ms, p99 {Of(static figures => figures.P99)} ms{cpu}{ratios}"
            );
        }
    }

    static Figures[] Round(Workload[] loads, int[] processes, int round)
    {
        var figures = new Figures[loads.Length];
        for (var turn = 0; turn < loads.Length; turn++)
        {
            var i = (round + turn) % loads.Length;
            var before = CpuSeconds(i);
            var result = loads[i].Run();
            figures[i] = new(
                result.Answers / result.Seconds,
                result.ReceivedBytes / result.Seconds / 1e6,
                (CpuSeconds(i) - before) / result.Answers * 1e6,
                result.Percentile(50),
                result.Percentile(99)
            );
        }
        return figures;

        double CpuSeconds(int i)
        {
            if (i >= processes.Length)
                return 0;
            using var process = System.Diagnostics.Process.GetProcessById(processes[i]);
            return process.TotalProcessorTime.TotalSeconds;
        }
    }

    readonly record struct Figures(double Rate, double MegabytesPerSecond, double Cpu, double P50, double P99);
}
