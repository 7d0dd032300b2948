using LogHttp.Benchmarks.Load;

namespace LogHttp.Benchmarks.Contest;

/// <summary>One record a request, against a POST that does nothing.</summary>
static class PostRaces
{
    public static async Task RunAsync(Bench bench)
    {
        await bench.Client.MakeAsync("posts-always", "always");
        await bench.Client.MakeAsync("posts-os", "os");
        foreach (var bytes in new[] { 100, 1024 })
        {
            Workload To(System.Net.IPEndPoint address, string path, int status)
            {
                ReadOnlyMemory<byte>[] requests =
                [
                    HttpConversation.Request("POST", path, "application/json", Payloads.Json(bytes)),
                ];
                return new(address, _ => new HttpConversation(requests, 0, status)) { Duration = bench.Options.Turn };
            }

            var race = await bench.RunAsync(
                $"POST of one record of {bytes} bytes, 64 connections",
                Unit.Requests,
                new Contender(
                    "LogHttp, flush: always",
                    bench.LogHttp,
                    To(bench.Client.Address, "/topics/posts-always", 201)
                ),
                new Contender("LogHttp, flush: os", bench.LogHttp, To(bench.Client.Address, "/topics/posts-os", 201)),
                new Contender("stock Kestrel, empty POST", bench.Reference, To(bench.Kestrel, "/empty", 200)),
                new Contender(
                    "LogHttp, flush: always, 5,000/s",
                    bench.LogHttp,
                    To(bench.Client.Address, "/topics/posts-always", 201) with
                    {
                        RatePerSecond = 5_000,
                    }
                )
            );
            bench.Goal(
                $"POST of {bytes} bytes, flush: always, requests/s of an empty POST",
                0.7,
                race.Ratio("LogHttp, flush: always", "stock Kestrel, empty POST", static figures => figures.Rate)
            );
            bench.Goal(
                $"POST of {bytes} bytes, flush: os, requests/s of an empty POST",
                0.85,
                race.Ratio("LogHttp, flush: os", "stock Kestrel, empty POST", static figures => figures.Rate)
            );
        }
        await bench.Client.DeleteAsync("posts-always");
        await bench.Client.DeleteAsync("posts-os");
    }
}
