using LogHttp.Benchmarks.Load;
using LogHttp.Benchmarks.Peers;

namespace LogHttp.Benchmarks.Contest;

/// <summary>
/// Bodies of 1 MiB of JSON lines, against an endpoint that writes them to a file unchanged. A turn is a number of
/// bodies, not a time, so that no disk fills up.
/// </summary>
static class BatchRaces
{
    const int BodyBytes = 1 << 20;
    const int BodiesPerSecond = 256;
    const int Connections = 4;

    public static async Task RunAsync(Bench bench)
    {
        using var reference = new HttpClient { BaseAddress = new Uri($"http://{bench.Kestrel}") };
        async Task TruncateAsync() =>
            (await reference.PostAsync(new Uri("/truncate", UriKind.Relative), null)).EnsureSuccessStatusCode();

        foreach (var recordBytes in new[] { 100, 1024 })
        {
            var body = Payloads.JsonLines(recordBytes, BodyBytes);
            Contender Of(
                string name,
                PeerProcess server,
                System.Net.IPEndPoint address,
                string path,
                int status,
                Func<Task> before
            )
            {
                ReadOnlyMemory<byte>[] requests =
                [
                    HttpConversation.Request("POST", path, "application/x-ndjson", body),
                ];
                var load = new Workload(address, _ => new HttpConversation(requests, 0, status))
                {
                    Connections = Connections,
                    Requests = (int)(BodiesPerSecond * bench.Options.Turn.TotalSeconds),
                };
                return new(name, server, load) { Before = before };
            }

            Contender LogHttp(string flush) =>
                Of(
                    $"LogHttp, flush: {flush}",
                    bench.LogHttp,
                    bench.Client.Address,
                    $"/topics/batches-{flush}",
                    201,
                    async () =>
                    {
                        await bench.Client.DeleteAsync($"batches-{flush}");
                        await bench.Client.MakeAsync($"batches-{flush}", flush);
                    }
                );

            var race = await bench.RunAsync(
                $"Bodies of 1 MiB, records of {recordBytes} bytes as JSON lines, {Connections} connections",
                Unit.Payload(body.Length),
                LogHttp("os"),
                LogHttp("always"),
                Of("stock Kestrel, written unparsed", bench.Reference, bench.Kestrel, "/append", 200, TruncateAsync),
                Of(
                    "stock Kestrel, written unparsed, fdatasync each",
                    bench.Reference,
                    bench.Kestrel,
                    "/append-synced",
                    200,
                    TruncateAsync
                )
            );
            bench.Goal(
                $"batches of {recordBytes}-byte records, flush: os, MB/s of bodies written unparsed",
                recordBytes >= 1000 ? 0.8 : 0.5,
                race.Ratio("LogHttp, flush: os", "stock Kestrel, written unparsed", static figures => figures.Rate)
            );
            bench.Goal(
                $"batches of {recordBytes}-byte records, flush: always, MB/s of bodies written unparsed and synced",
                0.8,
                race.Ratio(
                    "LogHttp, flush: always",
                    "stock Kestrel, written unparsed, fdatasync each",
                    static figures => figures.Rate
                )
            );
        }
        await TruncateAsync();
        await bench.Client.DeleteAsync("batches-os");
        await bench.Client.DeleteAsync("batches-always");
    }
}
