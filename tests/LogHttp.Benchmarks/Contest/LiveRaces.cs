using LogHttp.Benchmarks.Peers;

namespace LogHttp.Benchmarks.Contest;

/// <summary>The time from a POST's response to the reader's bytes, and the cost of waiting readers.</summary>
static class LiveRaces
{
    const int RatePerSecond = 1_000;
    const int Followers = 2_000;

    public static async Task RunAsync(Bench bench)
    {
        foreach (var reader in new[] { "long poll", "follow" })
        {
            var (p50, p99) = (new List<double>(), new List<double>());
            for (var round = 0; round < bench.Options.Rounds; round++)
            {
                var latency = await LiveLatency.MeasureAsync(
                    bench.Client.Uri,
                    reader,
                    (int)(RatePerSecond * Math.Max(1, bench.Options.Turn.TotalSeconds)),
                    RatePerSecond,
                    "os"
                );
                p50.Add(latency.At(0.5));
                p99.Add(latency.At(0.99));
            }
            bench.Note(
                $"{reader}, flush: os, {RatePerSecond} records/s: from the answer to the reader's bytes p50 "
                    + $"{Spread.Of(p50)} ms, p99 {Spread.Of(p99)} ms."
            );
            bench.Goal(
                $"{reader}, ms from the answer to the reader's bytes, p99",
                2,
                Spread.Of(p99),
                lessIsBetter: true
            );
        }
        // A server of its own: the memory that earlier races left would be counted here.
        var (server, address) = await PeerStarts.LogHttpAsync(bench.Options.Work, "followers");
        bench.Started(server);
        using var client = new LogClient(address);
        var (parked, busy) = await ManyFollowers.MeasureAsync(client.Uri, () => server.ResidentBytes, Followers);
        bench.Goal(
            $"KiB of resident memory for each of {Followers} parked followers",
            16,
            new(parked / 1024, parked / 1024, parked / 1024),
            lessIsBetter: true
        );
        bench.Goal(
            $"KiB of resident memory for each of {Followers} followers that were sent 100 records",
            16,
            new(busy / 1024, busy / 1024, busy / 1024),
            lessIsBetter: true
        );
        bench.Stop(server);
    }
}
