using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace LogHttp.Benchmarks;

/// <summary>
/// One fast follower alone, and among slow, stopped and vanishing ones, in turns. Its latency should be the same.
/// </summary>
static class MixedFollowers
{
    public static async Task RunAsync(Uri address, int seconds, int others, int rounds)
    {
        for (var round = 1; round <= rounds; round++)
        {
            Console.WriteLine($"{round}: alone: {await MeasureAsync(address, seconds, others: 0)}");
            Console.WriteLine(
                $"{round}: beside {others} slow, {others} stopped and {others} vanishing: "
                    + $"{await MeasureAsync(address, seconds, others)}"
            );
        }
    }

    static async Task<Percentiles> MeasureAsync(Uri address, int seconds, int others)
    {
        var topic = $"mixed-{Guid.NewGuid():N}";
        using var producer = new RawConnection(address);
        await producer.SendAsync("PUT", $"/topics/{topic}");
        await producer.ReceiveAnswerAsync();
        using var over = new CancellationTokenSource();
        var background = new List<Task>();
        for (var i = 0; i < others; i++)
        {
            background.Add(SlowAsync(address, topic, TimeSpan.FromMilliseconds(50), over.Token));
            background.Add(SlowAsync(address, topic, Timeout.InfiniteTimeSpan, over.Token));
            background.Add(VanishAsync(address, topic, new Random(i), over.Token));
        }
        using var fast = new RawConnection(address, bufferBytes: 64 << 10);
        await fast.SendAsync("GET", $"/topics/{topic}/latest?follow=true");
        await fast.ReceiveAsync();
        var spread = new Percentiles();
        var sent = new long[seconds * 100];
        var reading = Task.Run(async () =>
        {
            for (var seen = 0; seen < sent.Length; )
            {
                var text = Encoding.ASCII.GetString((await fast.ReceiveAsync()).Span);
                for (
                    var at = text.IndexOf('#', StringComparison.Ordinal);
                    at >= 0 && at + 10 < text.Length;
                    at = text.IndexOf('#', at + 11), seen++
                )
                    spread.Add(
                        sent[int.Parse(text.AsSpan(at + 1, 9), CultureInfo.InvariantCulture)],
                        Stopwatch.GetTimestamp()
                    );
            }
        });
        var started = Stopwatch.StartNew();
        for (var number = 0; number < sent.Length; number++)
        {
            var due = TimeSpan.FromSeconds(number / 100.0) - started.Elapsed;
            if (due > TimeSpan.Zero)
                await Task.Delay(due);
            sent[number] = Stopwatch.GetTimestamp();
            await producer.SendAsync(
                "POST",
                $"/topics/{topic}",
                string.Create(CultureInfo.InvariantCulture, $"#{number:D9}#{new string('x', 2_000)}")
            );
            await producer.ReceiveAnswerAsync();
        }
        await reading.WaitAsync(TimeSpan.FromSeconds(30));
        await over.CancelAsync();
        await Task.WhenAll(background);
        return spread;
    }

    static async Task SlowAsync(Uri address, string topic, TimeSpan pause, CancellationToken over)
    {
        using var connection = new RawConnection(address, bufferBytes: 256);
        await connection.SendAsync("GET", $"/topics/{topic}/earliest?follow=true");
        try
        {
            while (!over.IsCancellationRequested)
            {
                await connection.ReceiveAsync();
                await Task.Delay(pause, over);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or System.Net.Sockets.SocketException)
        {
            // The run is over, or the server dropped the connection as it should.
        }
    }

    /// <summary>Connects, reads a little, vanishes, and connects again.</summary>
    static async Task VanishAsync(Uri address, string topic, Random random, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            using var connection = new RawConnection(address, bufferBytes: 256);
            await connection.SendAsync("GET", $"/topics/{topic}/-10?follow=true");
            await connection.ReceiveAsync();
            await Task.Delay(random.Next(100, 2_000), CancellationToken.None);
        }
    }
}
