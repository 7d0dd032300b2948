using LogHttp.Benchmarks.Load;
using LogHttp.Benchmarks.Peers;

namespace LogHttp.Benchmarks.Contest;

/// <summary>Durable appends spread over more and more topics, and the cost of topics that nobody uses.</summary>
static class TopicRaces
{
    const int Makers = 64;

    // Few connections leave room for many open segments if the limit of open files is low, as for a few services.
    static readonly (string, string)[] Settings = [("MaxTopics", "100000"), ("MaxConnections", "1000")];

    public static async Task RunAsync(Bench bench)
    {
        var (server, address) = await PeerStarts.LogHttpAsync(bench.Options.Work, "topics-data", Settings);
        bench.Started(server);
        using var client = new LogClient(address);
        await client.MakeAsync("t-0");
        // Both servers are just started: their memory is that of topics, and not that of creating them.
        var (empty, _) = await PeerStarts.LogHttpAsync(bench.Options.Work, "no-topics");
        await Task.Delay(2_000);
        var before = empty.ResidentBytes;
        empty.Dispose();
        var most = bench.Options.ManyTopics;
        await Parallel.ForEachAsync(
            Enumerable.Range(1, most - 1),
            new ParallelOptions { MaxDegreeOfParallelism = Makers },
            async (number, _) => await client.MakeAsync($"t-{number}")
        );
        bench.Stop(server);
        (server, address) = await PeerStarts.LogHttpAsync(bench.Options.Work, "topics-data", Settings);
        bench.Started(server);
        await Task.Delay(2_000);
        var each = (server.ResidentBytes - before) / 1024.0 / most;
        bench.Goal(
            $"KiB of resident memory for each of {most} idle topics",
            4,
            new(each, each, each),
            lessIsBetter: true
        );

        var contenders = new[] { 1, 100, most }
            .Select(topics =>
            {
                var requests = Enumerable
                    .Range(0, topics)
                    .Select(number =>
                        HttpConversation.Request("POST", $"/topics/t-{number}", "application/json", Payloads.Json(100))
                    )
                    .ToArray();
                return new Contender(
                    $"{topics} topics",
                    server,
                    new Workload(
                        address,
                        number => new HttpConversation(requests, number * Math.Max(1, topics / 64), 201)
                    )
                    {
                        Duration = bench.Options.Turn,
                    }
                );
            })
            .ToArray();
        var race = await bench.RunAsync(
            "POST of 100 bytes, flush: always, spread over topics, 64 connections",
            Unit.Requests,
            contenders
        );
        bench.Goal(
            "durable appends to 100 topics, requests/s of those to one",
            0.7,
            race.Ratio("100 topics", "1 topics", static figures => figures.Rate)
        );
        bench.Goal(
            $"durable appends to {most} topics, requests/s of those to one",
            0.7,
            race.Ratio($"{most} topics", "1 topics", static figures => figures.Rate)
        );
        bench.Stop(server);
    }
}
