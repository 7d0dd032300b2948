using System.Diagnostics;
using System.Globalization;

namespace LogHttp.Benchmarks;

/// <summary>The distribution of durations. Safe for concurrent use.</summary>
sealed class Percentiles
{
    readonly List<double> _milliseconds = [];

    public int Count
    {
        get
        {
            lock (_milliseconds)
                return _milliseconds.Count;
        }
    }

    public void Add(long fromTimestamp, long toTimestamp)
    {
        lock (_milliseconds)
            _milliseconds.Add(Stopwatch.GetElapsedTime(fromTimestamp, toTimestamp).TotalMilliseconds);
    }

    /// <summary>The milliseconds that a given share of the durations did not exceed.</summary>
    public double At(double share)
    {
        lock (_milliseconds)
        {
            _milliseconds.Sort();
            return _milliseconds.Count == 0
                ? double.NaN
                : _milliseconds[(int)Math.Min(_milliseconds.Count - 1, share * _milliseconds.Count)];
        }
    }

    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"n {Count}, p50 {At(0.5):0.000} ms, p99 {At(0.99):0.000} ms, max {At(1):0.000} ms"
        );
}
