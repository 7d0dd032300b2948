using System.Net;
using System.Net.Sockets;
using System.Text;

namespace LogHttp.Benchmarks;

/// <summary>Other logs on the same payloads, where the work is the same; what is not is in the names: who syncs before the answer.</summary>
static class PeerRaces
{
    const int RecordBytes = 100;
    const int Connections = 64;
    const int ReadRecords = 10_000;

    public static async Task RunAsync(Bench bench)
    {
        var payload = Payloads.Json(RecordBytes);
        await bench.Client.MakeAsync("peers", "always");
        await bench.Client.MakeAsync("peers-os", "os");
        var redisAlways = await PeerStarts.RedisAsync(bench.Options.Work, "always");
        var redisSecond = await PeerStarts.RedisAsync(bench.Options.Work, "everysec");
        var natsAlways = await SyncedNatsAsync(bench);
        var nats = await PeerStarts.NatsAsync(bench.Options.Work, syncAlways: false);
        foreach (var peer in new[] { redisAlways, redisSecond, natsAlways, nats })
        {
            if (peer is { } there)
                bench.Started(there.Process);
        }
        if (redisAlways is null)
            bench.Note("redis-server is not installed, and was left out.");
        if (nats is null)
            bench.Note("nats-server is not installed, and was left out.");
        foreach (var there in new[] { natsAlways, nats })
        {
            if (there is { } server)
                await NatsConversation.MakeStreamAsync(server.Address, "events");
        }

        Contender LogHttp(string name, string topic)
        {
            ReadOnlyMemory<byte>[] requests = [HttpConversation.Request("POST", $"/topics/{topic}", "application/json", payload)];
            return new(name, bench.LogHttp, new Load(bench.Client.Address, _ => new HttpConversation(requests, 0, 201)) { Duration = bench.Options.Turn, Connections = Connections });
        }

        var add = RedisConversation.Command("XADD"u8.ToArray(), "events"u8.ToArray(), "*"u8.ToArray(), "value"u8.ToArray(), payload);
        Contender? Redis(string name, (PeerProcess Process, IPEndPoint Address)? server) => server is { } there
            ? new(name, there.Process, new Load(there.Address, _ => new RedisConversation(add, 0)) { Duration = bench.Options.Turn, Connections = Connections }) : null;
        Contender? Nats(string name, (PeerProcess Process, IPEndPoint Address)? server) => server is { } there
            ? new(name, there.Process, new Load(there.Address, number => new NatsConversation(number, "events", payload)) { Duration = bench.Options.Turn, Connections = Connections }) : null;

        var synced = await bench.RunAsync(
            $"Append of one record of {RecordBytes} bytes, answered when it is synced, {Connections} connections", Unit.Requests,
            LogHttp("LogHttp, flush: always", "peers"), Redis("Redis Streams, appendfsync always", redisAlways), Nats("NATS JetStream, sync_interval: always", natsAlways));
        bench.Goal("append, synced: records/s of Redis Streams", 1, synced.Ratio("LogHttp, flush: always", "Redis Streams, appendfsync always", static figures => figures.Rate));
        bench.Goal("append, synced: records/s of NATS JetStream", 1, synced.Ratio("LogHttp, flush: always", "NATS JetStream, sync_interval: always", static figures => figures.Rate));
        var written = await bench.RunAsync(
            $"Append of one record of {RecordBytes} bytes, answered before any sync, {Connections} connections", Unit.Requests,
            LogHttp("LogHttp, flush: os", "peers-os"), Redis("Redis Streams, appendfsync everysec", redisSecond), Nats("NATS JetStream, synced every 2 min", nats));
        bench.Goal("append, not synced: records/s of Redis Streams", 1, written.Ratio("LogHttp, flush: os", "Redis Streams, appendfsync everysec", static figures => figures.Rate));
        bench.Goal("append, not synced: records/s of NATS JetStream", 1, written.Ratio("LogHttp, flush: os", "NATS JetStream, synced every 2 min", static figures => figures.Rate));
        await ReadAsync(bench, redisSecond, payload);
        foreach (var peer in new[] { redisAlways, redisSecond, natsAlways, nats })
        {
            if (peer is { } there)
                bench.Stop(there.Process);
        }
    }

    static async Task<(PeerProcess Process, IPEndPoint Address)?> SyncedNatsAsync(Bench bench)
    {
        try
        {
            return await PeerStarts.NatsAsync(bench.Options.Work, syncAlways: true);
        }
        catch (InvalidOperationException exception) when (exception.Message.Contains("sync_interval", StringComparison.Ordinal))
        {
            bench.Note("nats-server is older than 2.10, which can't sync before it answers; it races only where nobody does.");
            return null;
        }
    }

    /// <summary>Catching up: pages of some thousand records, from memory at both.</summary>
    static async Task ReadAsync(Bench bench, (PeerProcess Process, IPEndPoint Address)? redis, byte[] payload)
    {
        const string Topic = "peers-read";
        const int RecordsAtOnce = 1_000;
        await bench.Client.MakeAsync(Topic, "os");
        await bench.Client.PostAsync(Topic, Payloads.JsonLines(RecordBytes, ReadRecords * (RecordBytes + 1)), "application/x-ndjson");
        var page = (await bench.Client.PagesAsync(Topic, 256 << 10, 2))[0];
        var records = await bench.Client.RecordsInAsync(page.Url);
        ReadOnlyMemory<byte>[] requests = [HttpConversation.Request("GET", page.Url)];
        var own = new Contender("LogHttp", bench.LogHttp, new Load(bench.Client.Address, _ => new HttpConversation(requests, 0, 200)) { Duration = bench.Options.Turn, Connections = 4, Threads = 2 });
        var ours = await bench.RunAsync($"Catch-up read of records of {RecordBytes} bytes, {records} a page, 4 connections: LogHttp", Unit.Records(records), own);
        if (redis is not { } there)
            return;
        var range = RedisConversation.Command("XRANGE"u8.ToArray(), "events"u8.ToArray(), "-"u8.ToArray(), "+"u8.ToArray(), "COUNT"u8.ToArray(), Encoding.ASCII.GetBytes($"{RecordsAtOnce}"));
        var size = await SizeOfReplyAsync(there.Address, range);
        var theirs = await bench.RunAsync(
            $"Catch-up read of records of {RecordBytes} bytes, {RecordsAtOnce} a command, 4 connections: Redis Streams, XRANGE", Unit.Records(RecordsAtOnce),
            new Contender("Redis Streams, XRANGE", there.Process, new Load(there.Address, _ => new RedisConversation(range, size)) { Duration = bench.Options.Turn, Connections = 4, Threads = 2 }));
        bench.Goal("catch-up read: records/s of Redis Streams, one after the other", 1, Spread.Of([ours.Of("LogHttp", static figures => figures.Rate).Median / theirs.Of("Redis Streams, XRANGE", static figures => figures.Rate).Median]));
    }

    static async Task<int> SizeOfReplyAsync(IPEndPoint address, byte[] command)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address);
        await socket.SendAsync(command);
        var (buffer, size) = (new byte[1 << 20], 0);
        // Until nothing has come for a while: the reply says its size nowhere.
        while (true)
        {
            using var quiet = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            try
            {
                size += await socket.ReceiveAsync(buffer, quiet.Token);
            }
            catch (OperationCanceledException)
            {
                return size;
            }
        }
    }
}
