using System.Net;
using System.Net.Sockets;
using System.Text;
using LogHttp.Benchmarks.Load;
using LogHttp.Benchmarks.Peers;

namespace LogHttp.Benchmarks.Contest;

/// <summary>
/// Other logs on the same payloads, if the work is the same. The contenders' names say the differences, such as a sync
/// before the response.
/// </summary>
static class PeerRaces
{
    const int RecordBytes = 100;
    const int Connections = 64;
    const int ReadRecords = 10_000;
    const int RecordsAtOnce = 1_000;

    // A NATS consumer reads them once, in a turn that may be the warm-up.
    const int NatsReadRecords = 2_000_000;

    public static async Task RunAsync(Bench bench)
    {
        var payload = Payloads.Json(RecordBytes);
        await bench.Client.MakeAsync("peers", "always");
        await bench.Client.MakeAsync("peers-os", "os");
        var redisAlways = await PeerStarts.RedisAsync(bench.Options.Work, "always");
        var redisSecond = await PeerStarts.RedisAsync(bench.Options.Work, "everysec");
        var natsAlways = await SyncedNatsAsync(bench);
        var nats = await PeerStarts.NatsAsync(bench.Options.Work, syncAlways: false);
        var durableStreams = await PeerStarts.DurableStreamsAsync(bench.Options.Work);
        foreach (var peer in new[] { redisAlways, redisSecond, natsAlways, nats, durableStreams })
        {
            if (peer is { } there)
                bench.Started(there.Process);
        }
        if (durableStreams is null)
            bench.Note(
                "The Durable Streams reference server is not installed (bench.sh durable-streams), and was left out."
            );
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
            ReadOnlyMemory<byte>[] requests =
            [
                HttpConversation.Request("POST", $"/topics/{topic}", "application/json", payload),
            ];
            return new(
                name,
                bench.LogHttp,
                new Workload(bench.Client.Address, _ => new HttpConversation(requests, 0, 201))
                {
                    Duration = bench.Options.Turn,
                    Connections = Connections,
                }
            );
        }

        var add = RedisConversation.Command(
            "XADD"u8.ToArray(),
            "events"u8.ToArray(),
            "*"u8.ToArray(),
            "value"u8.ToArray(),
            payload
        );
        Contender? Redis(string name, (PeerProcess Process, IPEndPoint Address)? server) =>
            server is { } there
                ? new(
                    name,
                    there.Process,
                    new Workload(there.Address, _ => new RedisConversation(add, 0))
                    {
                        Duration = bench.Options.Turn,
                        Connections = Connections,
                    }
                )
                : null;
        Contender? Nats(string name, (PeerProcess Process, IPEndPoint Address)? server) =>
            server is { } there
                ? new(
                    name,
                    there.Process,
                    new Workload(there.Address, number => new NatsConversation(number, "events", payload))
                    {
                        Duration = bench.Options.Turn,
                        Connections = Connections,
                    }
                )
                : null;

        Contender? Streams(string name)
        {
            if (durableStreams is not { } there)
                return null;
            ReadOnlyMemory<byte>[] requests =
            [
                HttpConversation.Request("POST", "/events", "application/json", payload),
            ];
            return new(
                name,
                there.Process,
                new Workload(there.Address, _ => new HttpConversation(requests, 0, 204))
                {
                    Duration = bench.Options.Turn,
                    Connections = Connections,
                }
            );
        }

        if (durableStreams is { } streams)
            await MakeDurableStreamAsync(streams.Address, "events", []);
        var synced = await bench.RunAsync(
            $"Append of one record of {RecordBytes} bytes, answered when it is synced, {Connections} connections",
            Unit.Requests,
            LogHttp("LogHttp, flush: always", "peers"),
            Redis("Redis Streams, appendfsync always", redisAlways),
            Nats("NATS JetStream, sync_interval: always", natsAlways),
            Streams("Durable Streams reference server, fdatasync")
        );
        bench.Goal(
            "append, synced: records/s of Redis Streams",
            1,
            synced.Ratio("LogHttp, flush: always", "Redis Streams, appendfsync always", static figures => figures.Rate)
        );
        bench.Goal(
            "append, synced: records/s of NATS JetStream",
            1,
            synced.Ratio(
                "LogHttp, flush: always",
                "NATS JetStream, sync_interval: always",
                static figures => figures.Rate
            )
        );
        bench.Goal(
            "append, synced: records/s of the Durable Streams reference server",
            1,
            synced.Ratio(
                "LogHttp, flush: always",
                "Durable Streams reference server, fdatasync",
                static figures => figures.Rate
            )
        );
        var written = await bench.RunAsync(
            $"Append of one record of {RecordBytes} bytes, answered before any sync, {Connections} connections",
            Unit.Requests,
            LogHttp("LogHttp, flush: os", "peers-os"),
            Redis("Redis Streams, appendfsync everysec", redisSecond),
            Nats("NATS JetStream, synced every 2 min", nats)
        );
        bench.Goal(
            "append, not synced: records/s of Redis Streams",
            1,
            written.Ratio("LogHttp, flush: os", "Redis Streams, appendfsync everysec", static figures => figures.Rate)
        );
        bench.Goal(
            "append, not synced: records/s of NATS JetStream",
            1,
            written.Ratio("LogHttp, flush: os", "NATS JetStream, synced every 2 min", static figures => figures.Rate)
        );
        await ReadAsync(bench, redisSecond, nats, durableStreams, payload);
        foreach (var peer in new[] { redisAlways, redisSecond, natsAlways, nats, durableStreams })
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
        catch (InvalidOperationException exception)
            when (exception.Message.Contains("sync_interval", StringComparison.Ordinal))
        {
            bench.Note(
                "nats-server is older than 2.10, which can't sync before it answers; it races only where nobody does."
            );
            return null;
        }
    }

    /// <summary>Creates a Durable Streams stream of JSON messages with these records.</summary>
    static async Task MakeDurableStreamAsync(IPEndPoint address, string name, IReadOnlyList<byte[]> messages)
    {
        using var client = new HttpClient { BaseAddress = new Uri($"http://{address}") };
        async Task SendAsync(HttpMethod method, byte[] body)
        {
            using var request = new HttpRequestMessage(method, new Uri($"/{name}", UriKind.Relative))
            {
                Content = new ByteArrayContent(body),
            };
            request.Content.Headers.ContentType = new("application/json");
            using var answer = await client.SendAsync(request);
            answer.EnsureSuccessStatusCode();
        }

        await SendAsync(HttpMethod.Put, []);
        if (messages.Count > 0)
            await SendAsync(
                HttpMethod.Post,
                [(byte)'[', .. messages.SelectMany(static message => message.Append((byte)',')).SkipLast(1), (byte)']']
            );
    }

    /// <summary>
    /// Reads from the beginning, some thousand records at a time, all of them in the page cache or in the server's
    /// memory.
    /// </summary>
    static async Task ReadAsync(
        Bench bench,
        (PeerProcess Process, IPEndPoint Address)? redis,
        (PeerProcess Process, IPEndPoint Address)? nats,
        (PeerProcess Process, IPEndPoint Address)? durableStreams,
        byte[] payload
    )
    {
        const string Topic = "peers-read";
        Contender Of(
            string name,
            PeerProcess server,
            IPEndPoint address,
            Func<int, IConversation> conversation,
            int records
        ) =>
            new(
                name,
                server,
                new Workload(address, conversation)
                {
                    Duration = bench.Options.Turn,
                    Connections = 4,
                    Threads = 2,
                }
            )
            {
                Unit = Unit.Records(records),
            };
        Func<int, IConversation> Gets(string url)
        {
            ReadOnlyMemory<byte>[] requests = [HttpConversation.Request("GET", url)];
            return _ => new HttpConversation(requests, 0, 200);
        }

        await bench.Client.MakeAsync(Topic, "os");
        await bench.Client.PostAsync(
            Topic,
            Payloads.JsonLines(RecordBytes, ReadRecords * (RecordBytes + 1)),
            "application/x-ndjson"
        );
        var page = (await bench.Client.PagesAsync(Topic, 256 << 10, 2))[0];
        var records = await bench.Client.RecordsInAsync(page.Url);
        var contenders = new List<Contender>
        {
            Of("LogHttp", bench.LogHttp, bench.Client.Address, Gets(page.Url), records),
        };
        if (redis is { } redisServer)
        {
            var range = RedisConversation.Command(
                "XRANGE"u8.ToArray(),
                "events"u8.ToArray(),
                "-"u8.ToArray(),
                "+"u8.ToArray(),
                "COUNT"u8.ToArray(),
                Encoding.ASCII.GetBytes($"{RecordsAtOnce}")
            );
            var size = await SizeOfReplyAsync(redisServer.Address, range);
            contenders.Add(
                Of(
                    "Redis Streams, XRANGE",
                    redisServer.Process,
                    redisServer.Address,
                    _ => new RedisConversation(range, size),
                    RecordsAtOnce
                )
            );
        }
        if (nats is { } natsServer)
        {
            await NatsConversation.MakeStreamAsync(natsServer.Address, "read");
            await NatsConversation.FillAsync(natsServer.Address, "read", payload, NatsReadRecords);
            contenders.Add(
                Of(
                    "NATS JetStream, a pull consumer each",
                    natsServer.Process,
                    natsServer.Address,
                    _ => new NatsReadConversation("read", RecordsAtOnce),
                    RecordsAtOnce
                )
            );
        }
        if (durableStreams is { } streams)
        {
            await MakeDurableStreamAsync(streams.Address, "read", [.. Enumerable.Repeat(payload, records)]);
            contenders.Add(
                Of(
                    "Durable Streams reference server",
                    streams.Process,
                    streams.Address,
                    Gets("/read?offset=-1"),
                    records
                )
            );
        }
        var race = await bench.RunAsync(
            $"Catch-up read of records of {RecordBytes} bytes, 4 connections: LogHttp and Durable Streams "
                + $"{records} at a time, the others {RecordsAtOnce}",
            Unit.Records(records),
            [.. contenders]
        );
        foreach (var peer in contenders.Skip(1))
            bench.Goal(
                $"catch-up read: records/s of {peer.Name}",
                1,
                race.Ratio("LogHttp", peer.Name, static figures => figures.Rate)
            );
    }

    static async Task<int> SizeOfReplyAsync(IPEndPoint address, byte[] command)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address);
        await socket.SendAsync(command);
        var (buffer, size) = (new byte[1 << 20], 0);
        // Until nothing has come for a while, because the reply does not contain its size.
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
