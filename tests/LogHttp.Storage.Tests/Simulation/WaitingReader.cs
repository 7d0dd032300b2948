using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Waiting;

namespace LogHttp.Storage.Tests.Simulation;

/// <summary>
/// One that reads and waits as the server does for its clients: a long poll, answered once there is enough or its time
/// is over, or a follower of one or several partitions, which goes on until it is ended.
/// </summary>
sealed class WaitingReader(int id, ReaderSource[] sources, PageSize size, long minBytes, bool isPoll, TimeSpan timeout)
{
    public ReaderSource[] Sources { get; } = sources;

    public PageSize Size { get; } = size;

    /// <summary>How much a poll wants; a follower wants anything.</summary>
    public long MinBytes { get; } = minBytes;

    public bool IsPoll { get; } = isPoll;

    /// <summary>How long a poll may take, and how often a follower wants to hear something.</summary>
    public TimeSpan Timeout { get; } = timeout;

    public LogWaiter Waiter { get; } = new();

    public ReaderPhase Phase { get; set; }

    /// <summary>The wait under way, which nothing continues: it is asked.</summary>
    public ValueTask<LogWake> Wait { get; set; }

    /// <summary>
    /// When a poll's time is over, or a follower's heartbeat is due: a timestamp of the simulated clock.
    /// </summary>
    public long DueAt { get; set; }

    /// <summary>When its wait has to end, at the latest but for the clock's grain.</summary>
    public long SleepsUntil { get; set; }

    public bool IsCancelled { get; set; }

    public bool IsAsleep => Phase == ReaderPhase.Waits && !Wait.IsCompleted;

    public bool Reads(PartitionLog log) => Sources.Any(source => source.Log == log);

    public override string ToString() =>
        $"reader {id} ({(IsPoll ? $"poll for {MinBytes} bytes within {Timeout}" : "follower")} of "
        + $"{string.Join(", ", Sources.Select(source => $"{source.Model.Name} at {source.Follower.Place}"))})";
}

enum ReaderPhase
{
    Reads,

    /// <summary>It has read all there was; anything may happen before its wait begins.</summary>
    IsAboutToWait,
    Waits,
    HasEnded,
}

/// <summary>A partition that a reader reads, and where it stands there.</summary>
sealed class ReaderSource(PartitionLog log, PartitionModel model, LogPlace place, long offset)
{
    public PartitionLog Log { get; } = log;

    public PartitionModel Model { get; } = model;

    public LogFollower Follower { get; } = new(log, place);

    /// <summary>Where the next record is looked for.</summary>
    public long Offset { get; set; } = offset;

    /// <summary>How long the page was that a poll has put back for more.</summary>
    public long PutBackBytes { get; set; }

    /// <summary>Where in the active segment the visible part ended at the last read.</summary>
    public long SeenPosition { get; set; }

    /// <summary>The base offset of the segment that was active at the last read.</summary>
    public long SeenBase { get; set; }

    /// <summary>Where the last page began in its segment; where the next record would, when there was none.</summary>
    public long PagePosition { get; set; }

    /// <summary>
    /// The base offset of the segment that was active when the log was last at rest before that read, and where the log
    /// began then.
    /// </summary>
    public (long Base, long Start)? Rested { get; set; }

    /// <summary>
    /// Whether others waited already when another segment was active: they are woken with the next growth, and all with
    /// them.
    /// </summary>
    public bool IsBehindARoll { get; set; }
}
