using LogHttp.Benchmarks.Load;
using LogHttp.Benchmarks.Peers;

namespace LogHttp.Benchmarks.Contest;

/// <summary>
/// Fetches at random positions of a log, and of one many times as large. The cost must not grow with the size of the
/// log.
/// </summary>
static class PlaceRaces
{
    const int RecordBytes = 300;
    const int BodyBytes = 16 << 20;
    const int Places = 4_096;
    const int Fillers = 3;

    public static async Task RunAsync(Bench bench)
    {
        var (smallName, largeName) = ("1 GB", $"{bench.Options.BigGigabytes} GB");
        var (small, _) = await FillAsync(bench, "small", gigabytes: 1);
        // The server is just started both times: its memory is that of a log, and not that of filling one.
        var (server, address) = await StartAsync(bench);
        (Fetches(bench, address, "small", small) with { Requests = Places }).Run();
        var residentSmall = server.ResidentBytes;
        bench.Stop(server);
        var (large, filling) = await FillAsync(bench, "large", bench.Options.BigGigabytes);
        (server, address) = await StartAsync(bench);
        // The log is larger than memory. Only the pages that these fetches read are warm.
        (Fetches(bench, address, "large", large) with { Requests = Places }).Run();
        var residentLarge = server.ResidentBytes;
        (Fetches(bench, address, "small", small) with { Requests = Places }).Run();

        var race = await bench.RunAsync(
            "Fetch of 4 KiB at random places, warm, 4 connections",
            Unit.Requests,
            new Contender(smallName, server, Fetches(bench, address, "small", small)),
            new Contender(largeName, server, Fetches(bench, address, "large", large))
        );
        bench.Note(
            $"Resident memory after a start and {Places:#,0} fetches: with 1 GB in the log "
                + $"{residentSmall / 1e6:0} MB, with {1 + bench.Options.BigGigabytes} GB {residentLarge / 1e6:0} MB. "
                + $"{filling}"
        );
        var ratio = (double)residentLarge / residentSmall;
        bench.Goal(
            $"resident memory with {largeName} more in the log, of that with 1 GB",
            1.1,
            new(ratio, ratio, ratio),
            lessIsBetter: true
        );
        bench.Goal(
            $"p50 of a fetch at a random place in {largeName}, of that in 1 GB",
            1.1,
            race.Ratio(largeName, smallName, static figures => figures.P50),
            lessIsBetter: true
        );
        bench.Stop(server);
        Directory.Delete(Path.Combine(bench.Options.Work, "places"), recursive: true);
    }

    static async Task<(PeerProcess Process, System.Net.IPEndPoint Address)> StartAsync(Bench bench)
    {
        var (server, address) = await PeerStarts.LogHttpAsync(bench.Options.Work, "places");
        bench.Started(server);
        return (server, address);
    }

    /// <summary>Fetches at the same positions each time: the first run warms them.</summary>
    static Workload Fetches(Bench bench, System.Net.IPEndPoint address, string topic, long records)
    {
        var random = new Random(7);
        var requests = Enumerable
            .Range(0, Places)
            .Select(_ => HttpConversation.Request("GET", $"/topics/{topic}/{random.NextInt64(records)}?maxBytes=4096"))
            .ToArray();
        return new(address, number => new HttpConversation(requests, number * (Places / 4), 200))
        {
            Duration = bench.Options.Turn,
            Connections = 4,
        };
    }

    static async Task<(long Records, string Said)> FillAsync(Bench bench, string topic, int gigabytes)
    {
        var (server, address) = await StartAsync(bench);
        using var client = new LogClient(address);
        await client.MakeAsync(topic, "os");
        var body = Payloads.JsonLines(RecordBytes, BodyBytes);
        var bodies = (int)(gigabytes * 1_000_000_000L / (BodyBytes / RecordBytes * (RecordBytes + 50L)));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        await Parallel.ForEachAsync(
            Enumerable.Range(0, bodies),
            new ParallelOptions { MaxDegreeOfParallelism = Fillers },
            async (_, _) => await client.PostAsync(topic, body, "application/x-ndjson")
        );
        var said =
            $"{gigabytes} GB were appended in {clock.Elapsed.TotalSeconds:0} s, after which the server had "
            + $"{server.ResidentBytes / 1e6:0} MB.";
        bench.Stop(server);
        return (bodies * (long)(BodyBytes / (RecordBytes + 1)), said);
    }
}
