using System.Diagnostics;

namespace LogHttp.Benchmarks;

/// <summary>Thousands of followers of one topic: whether each gets every record, and the server's cost.</summary>
static class ManyFollowers
{
    public static async Task RunAsync(Uri address, int followers, int seconds, int ratePerSecond)
    {
        const string Topic = "many-followers";
        using var producer = new RawConnection(address);
        await producer.SendAsync("PUT", $"/topics/{Topic}");
        await producer.ReceiveAnswerAsync();
        var idle = ServerProcess.Read(address);
        var received = new long[followers];
        var connections = await ParkAsync(address, Topic, followers);
        var parked = ServerProcess.Read(address);
        Console.WriteLine(
            $"{followers} followers parked: {(parked.ResidentBytes - idle.ResidentBytes) / followers} bytes of "
                + $"resident memory each, {parked.Threads} threads (before: {idle.Threads})"
        );
        for (var number = 0; number < followers; number++)
            _ = CountAsync(connections[number], received, number);
        var total = seconds * ratePerSecond;
        var started = Stopwatch.StartNew();
        var spread = new Percentiles();
        for (var number = 0; number < total; number++)
        {
            var due = TimeSpan.FromSeconds((double)number / ratePerSecond) - started.Elapsed;
            if (due > TimeSpan.Zero)
                await Task.Delay(due);
            var sent = Stopwatch.GetTimestamp();
            await PostAsync(producer, Topic);
            spread.Add(sent, Stopwatch.GetTimestamp());
        }
        var waited = Stopwatch.StartNew();
        while (received.Min() < total && waited.Elapsed < TimeSpan.FromSeconds(60))
            await Task.Delay(10);
        var busy = ServerProcess.Read(address);
        Console.WriteLine(
            $"{total} records in {started.Elapsed.TotalSeconds:0.0} s; {received.Count(count => count == total)} "
                + $"of {followers} followers got all of them, the last {waited.Elapsed.TotalSeconds:0.00} s after the "
                + "last answer"
        );
        Console.WriteLine(
            $"server: {(busy.CpuSeconds - parked.CpuSeconds) / started.Elapsed.TotalSeconds:0.00} cores, "
                + $"{(busy.ResidentBytes - idle.ResidentBytes) / followers} bytes each, {busy.Threads} threads; POST: "
                + $"{spread}"
        );
        foreach (var connection in connections)
            connection.Dispose();
    }

    /// <summary>The memory of each follower, before any record and after some.</summary>
    public static async Task<(double ParkedBytes, double BusyBytes)> MeasureAsync(
        Uri address,
        Func<long> residentBytes,
        int followers
    )
    {
        const string Topic = "followed";
        const int Records = 100;
        using var producer = new RawConnection(address);
        await producer.SendAsync("PUT", $"/topics/{Topic}", """{"flush":"os"}""");
        await producer.ReceiveAnswerAsync();
        var idle = residentBytes();
        var received = new long[followers];
        var connections = await ParkAsync(address, Topic, followers);
        var parked = residentBytes();
        for (var number = 0; number < followers; number++)
            _ = CountAsync(connections[number], received, number);
        for (var number = 0; number < Records; number++)
        {
            await PostAsync(producer, Topic);
            await Task.Delay(50);
        }
        for (var waited = Stopwatch.StartNew(); received.Min() < Records && waited.Elapsed < TimeSpan.FromSeconds(60); )
            await Task.Delay(10);
        var busy = residentBytes();
        foreach (var connection in connections)
            connection.Dispose();
        return ((parked - idle) / (double)followers, (busy - idle) / (double)followers);
    }

    /// <summary>Connects followers that get nothing yet, and gives the server time to settle.</summary>
    static async Task<RawConnection[]> ParkAsync(Uri address, string topic, int followers)
    {
        var connections = new RawConnection[followers];
        for (var number = 0; number < followers; number++)
        {
            connections[number] = new RawConnection(address, bufferBytes: 512);
            await connections[number].SendAsync("GET", $"/topics/{topic}/latest?follow=true");
            await connections[number].ReceiveAsync();
        }
        await Task.Delay(TimeSpan.FromSeconds(2));
        return connections;
    }

    static async Task PostAsync(RawConnection producer, string topic)
    {
        await producer.SendAsync(
            "POST",
            $"/topics/{topic}",
            "100 bytes of text, or nearly so, as an event of some shop or sensor might have them, and a little"
        );
        await producer.ReceiveAnswerAsync();
    }

    /// <summary>
    /// Counts records, which are lines that are not empty. A chunk's size and its end have lines of their own.
    /// </summary>
    static async Task CountAsync(RawConnection connection, long[] received, int number)
    {
        try
        {
            while (true)
            {
                var piece = await connection.ReceiveAsync();
                if (piece.IsEmpty)
                    return;
                received[number] += piece.Span.Count("{\"offset\":"u8);
            }
        }
        catch (Exception exception) when (exception is System.Net.Sockets.SocketException or ObjectDisposedException)
        {
            // The run is over.
        }
    }
}
