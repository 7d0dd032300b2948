using LogHttp.Benchmarks.Load;
using LogHttp.Benchmarks.Peers;

namespace LogHttp.Benchmarks.Contest;

/// <summary>
/// Responses without a file: the same endpoints of the same program, through LogHttp's writer and through Kestrel's
/// own.
/// </summary>
static class AnswerRaces
{
    public static async Task RunAsync(Bench bench)
    {
        var (ours, address, _) = await PeerStarts.ReferenceAsync(
            bench.Options.Work,
            bench.SegmentPath,
            throughOurWriter: true
        );
        bench.Started(ours);
        // Both processes are fresh. The runtime has compiled the hot paths of a used one better.
        var (stock, stockAddress, _) = await PeerStarts.ReferenceAsync(
            bench.Options.Work,
            bench.SegmentPath,
            throughOurWriter: false
        );
        bench.Started(stock);
        foreach (
            var (path, status, name) in new[]
            {
                ("/json", 200, "JSON"),
                ("/error", 404, "an error"),
                ("/constant/1024", 200, "1 KiB of bytes"),
                ("/constant/65536", 200, "64 KiB of bytes"),
            }
        )
        {
            ReadOnlyMemory<byte>[] requests = [HttpConversation.Request("GET", path)];
            Workload To(System.Net.IPEndPoint to) =>
                new(to, _ => new HttpConversation(requests, 0, status)) { Duration = bench.Options.Turn };
            var race = await bench.RunAsync(
                $"Other answers: {name}, 64 connections",
                Unit.Requests,
                new Contender("through our writer", ours, To(address)),
                new Contender("stock Kestrel", stock, To(stockAddress))
            );
            bench.Goal(
                $"{name} through our writer, requests/s of stock Kestrel",
                0.97,
                race.Ratio("through our writer", "stock Kestrel", static figures => figures.Rate)
            );
        }
        bench.Stop(ours);
        bench.Stop(stock);
    }
}
