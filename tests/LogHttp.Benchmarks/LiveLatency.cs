using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace LogHttp.Benchmarks;

/// <summary>
/// The time from a POST's response to the same record's bytes at a long poll, a follower and an event stream. The
/// producer and the readers share this process's clock. A negative time: the reader had the record before the producer
/// had its response.
/// </summary>
static class LiveLatency
{
    public static async Task RunAsync(Uri address, int records, int ratePerSecond)
    {
        foreach (var reader in new[] { "long poll", "follow", "events" })
            Console.WriteLine(
                $"{reader}: from the answer to the reader's bytes: "
                    + $"{await MeasureAsync(address, reader, records, ratePerSecond, "always")}"
            );
    }

    public static async Task<Percentiles> MeasureAsync(
        Uri address,
        string reader,
        int records,
        int ratePerSecond,
        string flush
    )
    {
        var topic = $"latency-{Guid.NewGuid():N}";
        using var producer = new RawConnection(address);
        await producer.SendAsync("PUT", $"/topics/{topic}", $$"""{"flush":"{{flush}}"}""");
        await producer.ReceiveAnswerAsync();
        var arrived = new ConcurrentDictionary<int, long>();
        using var connection = new RawConnection(address);
        var reading =
            reader == "long poll"
                ? PollAsync(connection, topic, records, arrived)
                : FollowAsync(connection, topic, reader == "events", records, arrived);
        var answered = new long[records];
        var started = Stopwatch.GetTimestamp();
        for (var number = 0; number < records; number++)
        {
            var due = TimeSpan.FromSeconds((double)number / ratePerSecond) - Stopwatch.GetElapsedTime(started);
            if (due > TimeSpan.Zero)
                await Task.Delay(due);
            await producer.SendAsync(
                "POST",
                $"/topics/{topic}",
                string.Create(CultureInfo.InvariantCulture, $"#{number:D9}#")
            );
            await producer.ReceiveAnswerAsync();
            answered[number] = Stopwatch.GetTimestamp();
        }
        await reading.WaitAsync(TimeSpan.FromSeconds(30));
        var spread = new Percentiles();
        for (var number = 0; number < records; number++)
            spread.Add(answered[number], arrived[number]);
        return spread;
    }

    static async Task PollAsync(
        RawConnection connection,
        string topic,
        int records,
        ConcurrentDictionary<int, long> arrived
    )
    {
        for (var next = 0; next < records; )
        {
            await connection.SendAsync(
                "GET",
                string.Create(CultureInfo.InvariantCulture, $"/topics/{topic}/{next}?wait=30s")
            );
            var body = await connection.ReceiveAnswerAsync();
            Mark(body, arrived);
            next += body.Count(static character => character == '\n');
        }
    }

    static async Task FollowAsync(
        RawConnection connection,
        string topic,
        bool isEvents,
        int records,
        ConcurrentDictionary<int, long> arrived
    )
    {
        await connection.SendAsync(
            "GET",
            $"/topics/{topic}/earliest?follow=true",
            headers: isEvents ? "Accept: text/event-stream\r\n" : ""
        );
        while (arrived.Count < records)
            Mark(System.Text.Encoding.ASCII.GetString((await connection.ReceiveAsync()).Span), arrived);
    }

    static void Mark(string text, ConcurrentDictionary<int, long> arrived)
    {
        var now = Stopwatch.GetTimestamp();
        for (
            var at = text.IndexOf('#', StringComparison.Ordinal);
            at >= 0 && at + 10 < text.Length;
            at = text.IndexOf('#', at + 11)
        )
            arrived.TryAdd(int.Parse(text.AsSpan(at + 1, 9), CultureInfo.InvariantCulture), now);
    }
}
