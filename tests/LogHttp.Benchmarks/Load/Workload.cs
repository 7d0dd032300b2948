using System.Diagnostics;
using System.Net;
using HdrHistogram;

namespace LogHttp.Benchmarks.Load;

/// <summary>What is asked of a server, how hard, and for how long.</summary>
sealed record Workload(EndPoint Server, Func<int, IConversation> Conversation)
{
    public int Connections { get; init; } = 64;

    /// <summary>
    /// Each has its share of the connections. One costs the server the least of the processors; large pages want two.
    /// </summary>
    public int Threads { get; init; } = 1;

    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>So many requests in all instead of a time.</summary>
    public int? Requests { get; init; }

    /// <summary>
    /// An open loop: a request is due at its time whatever became of those before, and its latency counts from then, so
    /// that a server that stalls is charged with all that it kept waiting. Null is a closed loop: each connection sends
    /// when it has its answer.
    /// </summary>
    public double? RatePerSecond { get; init; }

    public LoadResult Run()
    {
        using var start = new Barrier(Threads + 1);
        var parts = Enumerable.Range(0, Threads).Select(number => new LoadThread(this, number, start)).ToArray();
        var threads = Array.ConvertAll(parts, static part => new Thread(part.Run) { IsBackground = true });
        Array.ForEach(threads, static thread => thread.Start());
        var isReady = start.SignalAndWait(TimeSpan.FromSeconds(60));
        var started = Stopwatch.GetTimestamp();
        Array.ForEach(threads, static thread => thread.Join());
        var elapsed = Requests is null ? Duration : Stopwatch.GetElapsedTime(started);
        if (parts.FirstOrDefault(static part => part.Error is not null)?.Error is { } error)
            throw new IOException($"A connection failed: {error.Message}", error);
        if (!isReady)
            throw new TimeoutException("The connections were not there within a minute.");
        var latencies = parts[0].Latencies;
        foreach (var part in parts.Skip(1))
            latencies.Add(part.Latencies);
        return new(
            elapsed.TotalSeconds,
            parts.Sum(static part => part.Answers),
            parts.Sum(static part => part.ReceivedBytes),
            latencies
        );
    }
}

/// <summary>What came of a load.</summary>
sealed record LoadResult(double Seconds, long Answers, long ReceivedBytes, HistogramBase Latencies)
{
    /// <summary>In milliseconds; the histogram has nanoseconds.</summary>
    public double Percentile(double percentile) =>
        Answers == 0 ? double.NaN : Latencies.GetValueAtPercentile(percentile) / 1e6;
}
