using LogHttp.Benchmarks.Load;
using LogHttp.Benchmarks.Peers;

namespace LogHttp.Benchmarks.Contest;

/// <summary>
/// Pages of one segment, the same bytes from all. Small ones race a constant, the others race the servers with
/// sendfile.
/// </summary>
static class FetchRaces
{
    public const string Topic = "pages";
    const int FillBodies = 50;
    const int FillBodyBytes = 4 << 20;
    const int RecordBytes = 300;

    public static async Task FillAsync(LogClient client)
    {
        await client.MakeAsync(Topic, "os");
        var body = Payloads.JsonLines(RecordBytes, FillBodyBytes);
        for (var i = 0; i < FillBodies; i++)
            await client.PostAsync(Topic, body, "application/x-ndjson");
    }

    public static async Task RunAsync(Bench bench)
    {
        foreach (var bytes in new[] { 1 << 10, 4 << 10 })
            await RunSmallAsync(bench, bytes);
        var nginx = await PeerStarts.NginxAsync(bench.Options.Work, Path.GetDirectoryName(bench.SegmentPath)!);
        if (nginx is not null)
            bench.Started(nginx.Value.Process);
        else
            bench.Note("nginx is not installed, and was left out.");
        foreach (
            var (bytes, pages, name) in new[]
            {
                (64 << 10, 512, "64 KiB"),
                (1 << 20, 64, "1 MiB"),
                (16 << 20, 8, "16 MiB"),
                (64 << 20, 2, "64 MiB"),
            }
        )
            await RunLargeAsync(bench, nginx, await bench.Client.PagesAsync(Topic, bytes, pages), name);
        if (nginx is not null)
            bench.Stop(nginx.Value.Process);
    }

    static async Task RunSmallAsync(Bench bench, int bytes)
    {
        var topic = $"small-{bytes}";
        await bench.Client.MakeAsync(topic);
        await bench.Client.PostAsync(topic, Payloads.Json(bytes - 52), "application/json");
        var page = (await bench.Client.PagesAsync(topic, 4096, 1)).Single();
        // With the topic's id, as in the links that consumers follow.
        var url = await bench.Client.PermanentUrlAsync(topic);
        var race = await bench.RunAsync(
            $"Fetch, {page.SizeBytes} bytes, 64 connections",
            Unit.Requests,
            new Contender("LogHttp", bench.LogHttp, Gets(bench, bench.Client.Address, [url])),
            new Contender(
                "stock Kestrel, a constant",
                bench.Reference,
                Gets(bench, bench.Kestrel, [$"/constant/{page.SizeBytes}"])
            ),
            new Contender(
                "stock Kestrel, SendFileAsync",
                bench.Reference,
                Gets(bench, bench.Kestrel, [$"/file?position=0&length={page.SizeBytes}"])
            )
        );
        bench.Goal(
            $"fetch of {page.SizeBytes} bytes, requests/s of stock Kestrel's constant",
            0.95,
            race.Ratio("LogHttp", "stock Kestrel, a constant", static figures => figures.Rate)
        );
    }

    static async Task RunLargeAsync(
        Bench bench,
        (PeerProcess Process, System.Net.IPEndPoint Address)? nginx,
        List<(string Url, long Position, int SizeBytes)> pages,
        string name
    )
    {
        Workload Of(System.Net.IPEndPoint address, IEnumerable<string> urls) =>
            Gets(bench, address, urls) with
            {
                Connections = 4,
                Threads = 2,
            };
        var files = pages.Select(static page => $"/file?position={page.Position}&length={page.SizeBytes}");
        var race = await bench.RunAsync(
            $"Fetch, pages of {name}, 4 connections",
            Unit.Gigabytes,
            new Contender("LogHttp", bench.LogHttp, Of(bench.Client.Address, pages.Select(static page => page.Url))),
            new Contender("bare socket, SendPacketsAsync", bench.Reference, Of(bench.Bare, files)),
            nginx is { } there
                ? new Contender("nginx, sendfile", there.Process, Ranges(bench, there.Address, pages))
                : null,
            new Contender("stock Kestrel, SendFileAsync", bench.Reference, Of(bench.Kestrel, files))
        );
        if (pages[0].SizeBytes < 512 << 10)
        {
            bench.Goal(
                $"fetch of {name}, GB/s of nginx",
                0.8,
                race.Ratio("LogHttp", "nginx, sendfile", static figures => figures.Rate)
            );
            return;
        }
        bench.Goal(
            $"fetch of {name}, GB/s of a bare socket",
            0.95,
            race.Ratio("LogHttp", "bare socket, SendPacketsAsync", static figures => figures.Rate)
        );
        bench.Goal(
            $"fetch of {name}, GB/s of nginx",
            0.95,
            race.Ratio("LogHttp", "nginx, sendfile", static figures => figures.Rate)
        );
        bench.Goal(
            $"fetch of {name}, CPU s/GB of nginx",
            1.15,
            race.Ratio("LogHttp", "nginx, sendfile", static figures => figures.Cpu),
            lessIsBetter: true
        );
        bench.Goal(
            $"fetch of {name}, GB/s of stock Kestrel's SendFileAsync",
            3,
            race.Ratio("LogHttp", "stock Kestrel, SendFileAsync", static figures => figures.Rate)
        );
    }

    static Workload Gets(Bench bench, System.Net.IPEndPoint address, IEnumerable<string> urls)
    {
        var requests = urls.Select(static url => HttpConversation.Request("GET", url)).ToArray();
        return new(address, number => new HttpConversation(requests, number * 7, 200))
        {
            Duration = bench.Options.Turn,
        };
    }

    static Workload Ranges(
        Bench bench,
        System.Net.IPEndPoint address,
        List<(string Url, long Position, int SizeBytes)> pages
    )
    {
        var requests = pages
            .Select(page =>
                HttpConversation.Request(
                    "GET",
                    $"/{Path.GetFileName(bench.SegmentPath)}",
                    headers: $"Range: bytes={page.Position}-{page.Position + page.SizeBytes - 1}\r\n"
                )
            )
            .ToArray();
        return new(address, number => new HttpConversation(requests, number * 7, 206))
        {
            Duration = bench.Options.Turn,
            Connections = 4,
            Threads = 2,
        };
    }
}
