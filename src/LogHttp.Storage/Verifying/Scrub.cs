using LogHttp.Storage.Logs;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Verifying;

/// <summary>
/// Reads all sealed segments again and again, slowly, one at a time, so that it finds damage before a reader does. It
/// begins with the segment that was not read for the longest time. It takes no lock of appends or reads. The bytes stay
/// in the page cache as the system decides, because dropping them would drop pages that readers use.
/// </summary>
internal sealed class Scrub : IDisposable
{
    /// <summary>The time before a segment is read again. Without it, a small log would be read all the time.</summary>
    static readonly TimeSpan MinReadInterval = TimeSpan.FromDays(1);

    static readonly TimeSpan Step = TimeSpan.FromSeconds(1);

    /// <summary>The cost of opening a segment, as bytes of the allowance.</summary>
    const long OpeningBytes = 4096;

    readonly StorageEnvironment _environment;
    readonly long _bytesPerSecond;
    readonly Func<IEnumerable<Topic>> _topics;
    readonly Lock _gate = new();
    ITimer? _timer;

    // Guarded by _gate.
    IEnumerator<long>? _current;
    long _allowanceBytes;
    volatile bool _isDisposed;

    public Scrub(StorageEnvironment environment, long bytesPerSecond, Func<IEnumerable<Topic>> topics)
    {
        (_environment, _bytesPerSecond, _topics) = (environment, bytesPerSecond, topics);
    }

    /// <summary>Starts the timer. Call it once all topics are open.</summary>
    public void Start()
    {
        if (_bytesPerSecond > 0)
            _timer = _environment.Time.CreateTimer(static state => ((Scrub)state!).Run(), this, Step, Step);
    }

    public void Dispose()
    {
        _isDisposed = true;
        _timer?.Dispose();
        lock (_gate)
        {
            _current?.Dispose();
            _current = null;
        }
    }

    void Run()
    {
        // A run that takes longer than a second is not joined by the next.
        if (!_gate.TryEnter())
            return;
        try
        {
            _allowanceBytes = Math.Min(_allowanceBytes + _bytesPerSecond, _bytesPerSecond);
            while (_allowanceBytes > 0 && !_isDisposed && (_current ??= Next()) is { } segment)
                ReadNext(segment);
        }
        finally
        {
            _gate.Exit();
        }
    }

    void ReadNext(IEnumerator<long> segment)
    {
        try
        {
            if (segment.MoveNext())
            {
                _allowanceBytes -= segment.Current;
                return;
            }
        }
        catch (LogClosedException)
        {
            // The segment is being removed.
        }
        catch (IOException exception)
        {
            StorageLog.ScrubFailed(_environment.Logger, exception);
        }
        segment.Dispose();
        _current = null;
    }

    IEnumerator<long>? Next()
    {
        var now = _environment.Time.GetTimestamp();
        // Loops, because this runs every second. A query made 256 bytes of garbage for each idle partition.
        var due = new List<(string Topic, PartitionLog Log, LogView View, Segment Segment)>();
        foreach (var topic in _topics())
        {
            foreach (var partition in topic.Partitions)
            {
                var view = partition.View;
                for (var number = 0; number < view.Segments.Length - 1; number++)
                {
                    if (
                        view.Segments[number].LastVerified is not { } last
                        || _environment.Time.GetElapsedTime(last, now) >= MinReadInterval
                    )
                        due.Add((topic.Name, partition, view, view.Segments[number]));
                }
            }
        }
        if (due.Count == 0)
            return null;
        var first = due.Min(static found => found.Segment.LastVerified ?? long.MinValue);
        var oldest = due.FindAll(found => (found.Segment.LastVerified ?? long.MinValue) == first);
        // Chooses at random among the segments that were not read since the start. If it began with the first every
        // time, frequent starts would keep it from the last.
        var (name, log, itsView, chosen) = oldest[(int)((ulong)_environment.NewId() % (ulong)oldest.Count)];
        chosen.LastVerified = now;
        _allowanceBytes -= OpeningBytes;
        return OpenSegmentVerifier.Run(name, log, itsView, chosen, static _ => { }).GetEnumerator();
    }
}
