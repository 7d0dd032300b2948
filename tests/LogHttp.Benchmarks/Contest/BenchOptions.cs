using System.Globalization;

namespace LogHttp.Benchmarks.Contest;

/// <summary>The length of a turn, the number of rounds, and the races to run.</summary>
sealed record BenchOptions(
    string Work,
    string Output,
    int Rounds,
    TimeSpan Turn,
    TimeSpan WarmUp,
    IReadOnlySet<string> Only,
    int BigGigabytes,
    int ManyTopics
)
{
    public static readonly string[] All =
    [
        "fetch",
        "post",
        "batch",
        "answers",
        "live",
        "topics",
        "place",
        "cold",
        "peers",
    ];

    public static BenchOptions Read(IReadOnlyDictionary<string, string> given)
    {
        var isQuick = given.GetValueOrDefault("quick") is not null;
        string Text(string name, string standard) => given.GetValueOrDefault(name, standard);
        int Number(string name, int standard) =>
            int.Parse(Text(name, standard.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);
        TimeSpan Seconds(string name, string standard) =>
            TimeSpan.FromSeconds(double.Parse(Text(name, standard), CultureInfo.InvariantCulture));
        return new(
            Text("work", ""),
            Text("out", "bench.md"),
            Number("rounds", isQuick ? 3 : 5),
            Seconds("seconds", isQuick ? "0.4" : "1"),
            Seconds("warm", isQuick ? "1.5" : "6"),
            Text("only", isQuick ? "fetch,post,batch,answers" : string.Join(',', All)).Split(',').ToHashSet(),
            Number("gigabytes", 4),
            Number("topics", 2_000)
        );
    }
}
