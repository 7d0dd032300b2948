using System.Diagnostics;
using System.Text;
using LogHttp.Benchmarks.Load;

namespace LogHttp.Benchmarks.Contest;

/// <summary>
/// Two hundred readers of pages that only the disk has, beside durable POSTs and fetches of hot pages. The readers
/// should not slow these. Three references show the effect. The first has nobody beside. In the second a plain thread
/// of another process reads as many bytes a second, which is the disk's effect on its other users. In the third as many
/// bytes are sent from memory, which is the effect of processors and loopback.
/// </summary>
static class ColdRaces
{
    const string Topic = "cold";
    const int Gigabytes = 4;
    const int PageBytes = 1 << 20;
    const int Readers = 200;
    const int Connections = 16;
    const int RatePerSecond = 500;
    static readonly string[] Beside =
    [
        "nobody",
        $"{Readers} readers of cold pages",
        "a plain process reading as fast",
        $"{Readers} readers of hot pages, as fast",
    ];

    /// <summary>
    /// The result of one turn: latencies in ms, the others' bytes in MB/s, the share of pages cold at first, and the
    /// disk's reads.
    /// </summary>
    readonly record struct Turn(
        LoadResult Durable,
        LoadResult Written,
        LoadResult Hot,
        double OtherRate,
        double ColdShare,
        double DiskRate
    );

    public static async Task RunAsync(Bench bench)
    {
        await bench.Client.MakeAsync(Topic, "os");
        var body = Payloads.JsonLines(300, 16 << 20);
        for (var sent = 0L; sent < Gigabytes * 1_000_000_000L; sent += body.Length)
            await bench.Client.PostAsync(Topic, body, "application/x-ndjson");
        await bench.Client.MakeAsync("beside-always", "always");
        await bench.Client.MakeAsync("beside-os", "os");
        var pages = await bench.Client.PagesAsync(Topic, PageBytes, int.MaxValue);
        var hot = await bench.Client.PagesAsync(FetchRaces.Topic, 64 << 10, 64);
        var directory = Path.Combine(bench.Options.Work, "data/topics", Topic, "0");
        var turns = Beside.ToDictionary(static name => name, static _ => new List<Turn>());
        // The last rate of the cold readers. The others keep to it.
        var rate = 0.0;
        // The five slowest of 500 requests belong to one stall, when 200 readers connect at once. In a turn of one
        // second they alone would set the 99th percentile.
        var seconds = Math.Max(4, bench.Options.Turn.TotalSeconds);
        for (var round = -1; round < bench.Options.Rounds; round++)
        {
            foreach (var name in Beside)
            {
                var turn = await TurnAsync(bench, name, directory, pages, hot, rate, TimeSpan.FromSeconds(seconds));
                if (name == Beside[1])
                    rate = turn.OtherRate;
                if (round >= 0)
                    turns[name].Add(turn);
            }
        }

        var text = new StringBuilder(
            $"### {RatePerSecond} durable POSTs, {RatePerSecond} POSTs with flush: os and {RatePerSecond} fetches "
                + "of 64 KiB a second, and beside them\n\n| | MB/s | read from the disk, MB/s | POST, always: p50 ms | "
                + "p99 | POST, os: p99 ms | hot fetch: p50 ms | p99 |\n|---|---|---|---|---|---|---|---|\n"
        );
        foreach (var name in Beside)
        {
            Spread Of(Func<Turn, double> figure) => Spread.Of(turns[name].Select(figure));
            text.Append(
                $"| {name} | {Of(static turn => turn.OtherRate)} | {Of(static turn => turn.DiskRate)} | "
                    + $"{Of(static turn => turn.Durable.Percentile(50))} | "
                    + $"{Of(static turn => turn.Durable.Percentile(99))} | "
                    + $"{Of(static turn => turn.Written.Percentile(99))} | "
                    + $"{Of(static turn => turn.Hot.Percentile(50))} "
                    + $"| {Of(static turn => turn.Hot.Percentile(99))} |\n"
            );
        }
        bench.Table(text.ToString());
        bench.Note(
            "Of the pages that were asked for cold, "
                + $"{100 * turns[Beside[1]].Min(static turn => turn.ColdShare):0} % were not in the page cache when "
                + "the "
                + "turn began."
        );
        foreach (
            var (what, figure) in new (string, Func<Turn, double>)[]
            {
                ("p99 of a durable POST", static turn => turn.Durable.Percentile(99)),
                ("p99 of a POST, flush: os", static turn => turn.Written.Percentile(99)),
                ("p99 of a hot fetch", static turn => turn.Hot.Percentile(99)),
            }
        )
        {
            Spread Ratio(string one, string other) =>
                Spread.Of(turns[one].Zip(turns[other], (with, without) => figure(with) / figure(without)));
            bench.Goal(
                $"{what} beside {Readers} readers of cold pages, of that without",
                1.5,
                Ratio(Beside[1], Beside[0]),
                lessIsBetter: true
            );
            bench.Goal(
                $"{what} beside {Readers} readers of cold pages, of that beside a plain process that reads as fast",
                1.5,
                Ratio(Beside[1], Beside[2]),
                lessIsBetter: true
            );
            bench.Goal(
                $"{what} beside {Readers} readers of cold pages, of that beside as many of hot ones",
                1.5,
                Ratio(Beside[1], Beside[3]),
                lessIsBetter: true
            );
        }
        foreach (var topic in new[] { Topic, "beside-always", "beside-os" })
            await bench.Client.DeleteAsync(topic);
    }

    static async Task<Turn> TurnAsync(
        Bench bench,
        string beside,
        string directory,
        List<(string Url, long Position, int SizeBytes)> pages,
        List<(string Url, long Position, int SizeBytes)> hot,
        double rate,
        TimeSpan duration
    )
    {
        Workload Of(int connections, IEnumerable<ReadOnlyMemory<byte>> requests, int step, int status)
        {
            ReadOnlyMemory<byte>[] all = [.. requests];
            return new(bench.Client.Address, number => new HttpConversation(all, number * step, status))
            {
                Connections = connections,
                Duration = duration,
            };
        }

        Workload Posts(string topic) =>
            Of(
                Connections,
                [HttpConversation.Request("POST", $"/topics/{topic}", "application/json", Payloads.Json(100))],
                0,
                201
            ) with
            {
                RatePerSecond = RatePerSecond,
            };
        var readers = Of(
            Readers,
            pages.Select(static page => HttpConversation.Request("GET", page.Url)),
            pages.Count / Readers,
            200
        );
        var coldShare = beside == Beside[3] ? 1 - Warm(directory) : Evict(directory);
        var diskBefore = bench.LogHttp.DiskReadBytes;
        using var ended = new CancellationTokenSource(duration);
        Task<double> other = beside switch
        {
            _ when beside == Beside[1] => Task.Run(() => MegabytesPerSecond(readers.Run())),
            _ when beside == Beside[2] => Task.Factory.StartNew(
                () => Read(directory, rate, ended.Token) / duration.TotalSeconds,
                TaskCreationOptions.LongRunning
            ),
            _ when beside == Beside[3] => Task.Run(() =>
                MegabytesPerSecond(
                    (
                        readers with
                        {
                            RatePerSecond = Math.Max(1, rate * 1e6 / pages.Average(static page => page.SizeBytes)),
                        }
                    ).Run()
                )
            ),
            _ => Task.FromResult(0.0),
        };
        var loads = new[]
        {
            Posts("beside-always"),
            Posts("beside-os"),
            Of(Connections, hot.Select(static page => HttpConversation.Request("GET", page.Url)), 7, 200) with
            {
                RatePerSecond = RatePerSecond,
            },
        };
        var results = await Task.WhenAll(
            loads.Select(static load => Task.Factory.StartNew(load.Run, TaskCreationOptions.LongRunning))
        );
        var otherRate = await other;
        return new(
            results[0],
            results[1],
            results[2],
            otherRate,
            coldShare,
            beside == Beside[2] ? otherRate : (bench.LogHttp.DiskReadBytes - diskBefore) / 1e6 / duration.TotalSeconds
        );
    }

    static double MegabytesPerSecond(LoadResult result) => result.ReceivedBytes / 1e6 / result.Seconds;

    /// <summary>Removes a partition from the page cache. Returns the share of its pages that are out.</summary>
    static double Evict(string directory)
    {
        var (cold, all) = (0, 0);
        foreach (var path in Directory.GetFiles(directory))
        {
            using var file = File.OpenHandle(
                path,
                access: FileAccess.ReadWrite,
                share: FileShare.ReadWrite | FileShare.Delete
            );
            SystemCalls.Evict(file);
            for (var position = 0L; position < RandomAccess.GetLength(file); position += PageBytes / 4, all++)
                cold += SystemCalls.IsCached(file, position) ? 0 : 1;
        }
        return (double)cold / all;
    }

    static double Warm(string directory)
    {
        var buffer = new byte[PageBytes];
        foreach (var path in Directory.GetFiles(directory))
        {
            using var file = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
            for (var position = 0L; RandomAccess.Read(file, buffer, position) is > 0 and var size; )
                position += size;
        }
        return 1;
    }

    /// <summary>
    /// Reads page after page, at positions as far apart as the readers', at a rate in MB/s. Returns the MB that it
    /// read.
    /// </summary>
    static double Read(string directory, double rate, CancellationToken ended)
    {
        var files = Directory
            .GetFiles(directory, "*.ndjson")
            .Select(static path => File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete))
            .ToArray();
        try
        {
            var pages = files
                .SelectMany(static file =>
                    Enumerable
                        .Range(0, (int)(RandomAccess.GetLength(file) / PageBytes))
                        .Select(page => (file, Position: (long)page * PageBytes))
                )
                .ToArray();
            var (buffer, read, clock) = (new byte[PageBytes], 0.0, Stopwatch.StartNew());
            for (var number = 0; !ended.IsCancellationRequested; number++)
            {
                var (file, position) = pages[
                    (number % Readers * (pages.Length / Readers) + number / Readers) % pages.Length
                ];
                read += RandomAccess.Read(file, buffer, position) / 1e6;
                var early = read / Math.Max(rate, 1) - clock.Elapsed.TotalSeconds;
                if (early > 0)
                    ended.WaitHandle.WaitOne(TimeSpan.FromSeconds(early));
            }
            return read;
        }
        finally
        {
            Array.ForEach(files, static file => file.Dispose());
        }
    }
}
