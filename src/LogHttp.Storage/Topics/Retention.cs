using LogHttp.Storage.Logs;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Topics;

/// <summary>
/// Trims topics whose segments are too old or too large together. One timer checks all topics. The trims themselves are
/// steps of the partitions' turns. The timer also deletes files that a trim could not delete, and creates the reserve
/// again after a full disk used it.
/// </summary>
internal sealed class Retention : IDisposable
{
    readonly StorageEnvironment _environment;
    readonly Func<IEnumerable<Topic>> _topics;
    readonly Action _keepSpares;
    readonly TimeSpan _interval;
    readonly TimeSpan _grace;
    readonly long _startedMs;
    readonly long _started;

    // Used by the timer only: the ids of topics whose hold was logged.
    readonly HashSet<string> _held = [];
    ITimer? _timer;

    public Retention(
        StorageEnvironment environment,
        TimeSpan interval,
        TimeSpan grace,
        Func<IEnumerable<Topic>> topics,
        Action keepSpares
    )
    {
        (_environment, _interval, _topics, _keepSpares) = (environment, interval, topics, keepSpares);
        (_grace, _startedMs, _started) = (grace, environment.NowMs, environment.Time.GetTimestamp());
    }

    /// <summary>
    /// Starts the timer. Call it once all topics are open: a start may take longer than the interval.
    /// </summary>
    public void Start() =>
        _timer = _environment.Time.CreateTimer(static state => ((Retention)state!).Run(), this, _interval, _interval);

    public void Dispose() => _timer?.Dispose();

    void Run()
    {
        _keepSpares();
        foreach (var topic in _topics())
        {
            foreach (var partition in topic.Partitions)
                partition.Tidy();
            if (topic.Configuration is { RetentionMs: > 0 } or { RetentionBytes: > 0 } && !IsHeld(topic))
                Enforce(topic);
        }
    }

    /// <summary>
    /// Whether retention spares a topic for now. If all of a topic is too old at the start, it is mostly a restored
    /// backup. Retention must not empty it before an operator can look at it.
    /// </summary>
    bool IsHeld(Topic topic)
    {
        if (_environment.Time.GetElapsedTime(_started) >= _grace)
            return false;
        SegmentAges? ages = null;
        foreach (var partition in topic.Partitions)
            ages = SegmentAges.Combine(ages, partition.AgesAtStart);
        if (ages is not { } found)
            return false;
        var isOld =
            topic.Configuration.RetentionMs is > 0 and var retentionMs
            && found.NewestAppendMs <= _startedMs - retentionMs;
        if (!found.AreUnknown && !isOld)
            return false;
        if (_held.Add(topic.Id))
        {
            var reason = isOld ? "Its newest record was too old at the start" : "The ages of its segments are unknown";
            StorageLog.RetentionHeld(_environment.Logger, topic.Name, (long)_grace.TotalSeconds, reason);
        }
        return true;
    }

    void Enforce(Topic topic)
    {
        var partitions = topic.Partitions.Select(static partition => new RetainedPart(partition)).ToArray();
        if (topic.Configuration.RetentionMs is > 0 and var retentionMs)
        {
            foreach (var partition in partitions)
                partition.RemoveUntil(_environment.NowMs - retentionMs);
        }
        if (topic.Configuration.RetentionBytes is > 0 and var retentionBytes)
        {
            // The oldest of all first, in any partition.
            while (
                partitions.Sum(static partition => partition.SizeBytes) > retentionBytes
                && partitions
                    .Where(static partition => partition.Oldest is not null)
                    .MinBy(static partition => partition.Oldest!.LastAppendMs)
                    is { } first
            )
                first.RemoveOldest();
        }
        foreach (
            var partition in partitions.Where(static partition =>
                partition.StartOffset > partition.Log.EarliestOffset && partition.Log.StoppedReason is null
            )
        )
        {
            StorageLog.RetentionTrims(_environment.Logger, topic.Name, partition.Log.Number, partition.StartOffset);
            _ = TrimAsync(topic, partition);
        }
    }

    async Task TrimAsync(Topic topic, RetainedPart partition)
    {
        try
        {
            await partition.Log.TrimAsync(partition.StartOffset).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is LogClosedException or PartitionStoppedException)
        {
            // The topic is being deleted, or takes no changes and has logged why.
        }
        catch (IOException exception)
        {
            StorageLog.RetentionFailed(_environment.Logger, exception, topic.Name, partition.Log.Number);
        }
    }

    /// <summary>The part of a partition to keep. The active segment is removed only if all of it is too old.</summary>
    sealed class RetainedPart(PartitionLog log)
    {
        readonly LogView _view = log.View;
        long? _sizeBytes;
        int _first;
        bool _isEmpty;

        public PartitionLog Log => log;

        /// <summary>The oldest kept segment, except the active one.</summary>
        public Segment? Oldest => _first < _view.Segments.Length - 1 ? _view.Segments[_first] : null;

        public long StartOffset =>
            _isEmpty ? _view.EndOffset
            : _first == 0 ? 0
            : _view.Segments[_first].BaseOffset;

        public long SizeBytes =>
            _isEmpty
                ? 0
                : _sizeBytes ??=
                    _view.Segments[_first..^1].Sum(static segment => segment.SealedBytes) + _view.End.Position;

        public void RemoveOldest()
        {
            _sizeBytes = SizeBytes - _view.Segments[_first].SealedBytes;
            _first++;
        }

        public void RemoveUntil(long lastAppendMs)
        {
            while (Oldest?.LastAppendMs <= lastAppendMs)
                RemoveOldest();
            _isEmpty = Oldest is null && _view.End.Position > 0 && _view.Active.LastAppendMs <= lastAppendMs;
        }
    }
}
