using LogHttp.Benchmarks;
using LogHttp.Benchmarks.Contest;
using LogHttp.Benchmarks.Load;
using LogHttp.Benchmarks.Pieces;
using LogHttp.Benchmarks.Reference;

// Usage of LogHttp.Benchmarks:
//
// Against a server that is running already: latency|followers|mixed|overload|soak URL [name=value …]
// Against servers that it starts itself (tests/scripts/bench.sh): bench work=DIRECTORY [name=value …]
// The hot paths of two builds (tests/scripts/pairs.sh): pairs SERVER BASELINE work=DIRECTORY [name=value …]
// One request over and over, at each URL in turn: load URL [URL …] [rounds=1] [pids=…] [body=BYTES] [type=…]
// [connections=64] [threads=1] [seconds=5] [rate=…]
// BenchmarkDotNet on small pieces: pieces [--filter …] [--job dry]
// The pictures of tests/scripts/flame.sh: flame STACKS PICTURE TITLE
switch (args)
{
    case ["reference", var file, var appended, var throughOurWriter]:
        await ReferenceServer.RunAsync(file, appended, throughOurWriter == "1");
        return 0;
    case ["pieces", .. var given]:
        PiecesCommand.Run(given);
        return 0;
    case ["flame", var stacks, var picture, var title]:
        FlameGraph.Draw(stacks, picture, title);
        return 0;
    case ["load", var target, .. var given]:
        LoadCommand.Run(
            [
                new Uri(target),
                .. given
                    .Where(static option => option.StartsWith("http://", StringComparison.Ordinal))
                    .Select(static url => new Uri(url)),
            ],
            Named(given.Where(static option => !option.StartsWith("http://", StringComparison.Ordinal)))
        );
        return 0;
    case ["pairs", var server, var baseline, .. var given]:
        return await Pairs.RunAsync(server, baseline, Named(given)) ? 0 : 1;
    case ["bench", .. var given]:
        using (var bench = new Bench(BenchOptions.Read(Named(given))))
        {
            try
            {
                await bench.RunAsync();
            }
            catch (Exception exception)
            {
                // An unhandled exception would end the process at once and leave the peers running.
                await Console.Error.WriteLineAsync(exception.ToString());
                return 1;
            }
        }
        return 0;
}
if (args is not [var command, var url, .. var rest])
{
    await Console.Error.WriteLineAsync(
        "Usage: LogHttp.Benchmarks latency|followers|mixed|overload|soak URL [name=value ...]"
    );
    return 2;
}
var options = Named(rest)
    .ToDictionary(
        static option => option.Key,
        static option => int.Parse(option.Value, System.Globalization.CultureInfo.InvariantCulture)
    );
int Option(string name, int standard) => options.GetValueOrDefault(name, standard);

var address = new Uri(url);
switch (command)
{
    case "latency":
        await LiveLatency.RunAsync(address, records: Option("records", 2_000), ratePerSecond: Option("rate", 200));
        return 0;
    case "followers":
        await ManyFollowers.RunAsync(
            address,
            followers: Option("followers", 10_000),
            seconds: Option("seconds", 60),
            ratePerSecond: Option("rate", 10)
        );
        return 0;
    case "mixed":
        await MixedFollowers.RunAsync(
            address,
            seconds: Option("seconds", 20),
            others: Option("others", 50),
            rounds: Option("rounds", 3)
        );
        return 0;
    case "overload":
        using (var overload = new Overload(address, seconds: Option("seconds", 10)))
            return await overload.RunAsync() ? 0 : 1;
    case "soak":
        using (var soak = new Soak(address, minutes: Option("minutes", 60), ratePerSecond: Option("rate", 200)))
            return await soak.RunAsync() ? 0 : 1;
    default:
        await Console.Error.WriteLineAsync($"\"{command}\" is no benchmark.");
        return 2;
}

// The last of several values of one name counts: a script's own come first.
static Dictionary<string, string> Named(IEnumerable<string> given) =>
    given
        .Select(static option => option.Split('=', 2))
        .GroupBy(static pair => pair[0])
        .ToDictionary(static pairs => pairs.Key, static pairs => pairs.Last()[^1]);
