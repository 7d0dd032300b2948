namespace LogHttp.Benchmarks;

/// <summary>Fetches at random places of a log, and of one many times as large: the cost must not grow with what is there.</summary>
static class PlaceRaces
{
    const int RecordBytes = 300;
    const int BodyBytes = 16 << 20;
    const int Places = 4_096;

    public static async Task RunAsync(Bench bench)
    {
        var (server, address) = await PeerStarts.LogHttpAsync(bench.Options.Work, "places");
        bench.Started(server);
        using var client = new LogClient(address);
        var body = Payloads.JsonLines(RecordBytes, BodyBytes);
        var small = await FillAsync(client, "small", body, gigabytes: 1);
        var afterSmall = server.ResidentBytes;
        var large = await FillAsync(client, "large", body, bench.Options.BigGigabytes);
        var afterLarge = server.ResidentBytes;
        bench.Note($"Resident memory after 1 GB was appended {afterSmall / 1e6:0} MB, after {1 + bench.Options.BigGigabytes} GB {afterLarge / 1e6:0} MB.");
        Contender Of(string name, string topic, long records)
        {
            var random = new Random(7);
            var requests = Enumerable.Range(0, Places).Select(_ => HttpConversation.Request("GET", $"/topics/{topic}/{random.NextInt64(records)}?maxBytes=4096")).ToArray();
            return new(name, server, new Load(address, number => new HttpConversation(requests, number * 61, 200)) { Duration = bench.Options.Turn, Connections = 4 });
        }

        var (smallName, largeName) = ("1 GB", $"{bench.Options.BigGigabytes} GB");
        var race = await bench.RunAsync("Fetch of 4 KiB at random places, warm, 4 connections", Unit.Requests, Of(smallName, "small", small), Of(largeName, "large", large));
        bench.Goal($"p50 of a fetch at a random place in {largeName}, of that in 1 GB", 1.1, race.Ratio(largeName, smallName, static figures => figures.P50), lessIsBetter: true);
        bench.Stop(server);
        Directory.Delete(Path.Combine(bench.Options.Work, "places"), recursive: true);
    }

    static async Task<long> FillAsync(LogClient client, string topic, byte[] body, int gigabytes)
    {
        await client.MakeAsync(topic, "os");
        var bodies = gigabytes * 1_000_000_000L / (BodyBytes / RecordBytes * (RecordBytes + 50L));
        for (var i = 0; i < bodies; i++)
            await client.PostAsync(topic, body, "application/x-ndjson");
        return bodies * (BodyBytes / (RecordBytes + 1));
    }
}
