using System.Diagnostics;
using System.Net;
using HdrHistogram;

namespace LogHttp.Benchmarks.Load;

/// <summary>A load: the server, its requests, their rate and the duration.</summary>
sealed record Workload(EndPoint Server, Func<int, IConversation> Conversation)
{
    public int Connections { get; init; } = 64;

    /// <summary>
    /// The number of threads, each with its share of the connections. One thread takes the least processor time from
    /// the server. Large pages need two.
    /// </summary>
    public int Threads { get; init; } = 1;

    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The number of requests in all, instead of a duration.</summary>
    public int? Requests { get; init; }

    /// <summary>
    /// The rate of an open loop, or null for a closed loop. In an open loop a request is due at its time, whatever the
    /// state of those before. Its latency counts from then, so that it includes the time that a stall kept it waiting.
    /// In a closed loop each connection sends once it has its response.
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

/// <summary>The results of a load.</summary>
sealed record LoadResult(double Seconds, long Answers, long ReceivedBytes, HistogramBase Latencies)
{
    /// <summary>A percentile in milliseconds. The histogram has nanoseconds.</summary>
    public double Percentile(double percentile) =>
        Answers == 0 ? double.NaN : Latencies.GetValueAtPercentile(percentile) / 1e6;
}
