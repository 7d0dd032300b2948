using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Waiting;

namespace LogHttp.Storage.Tests.Simulation;

/// <summary>
/// A reader that reads and waits as the server does for its clients. A long poll is answered once there is enough or
/// its time is over. A follower of one or several partitions continues until it is ended.
/// </summary>
sealed class WaitingReader(int id, ReaderSource[] sources, PageSize size, long minBytes, bool isPoll, TimeSpan timeout)
{
    public ReaderSource[] Sources { get; } = sources;

    public PageSize Size { get; } = size;

    /// <summary>The bytes that a poll wants. A follower wants any.</summary>
    public long MinBytes { get; } = minBytes;

    public bool IsPoll { get; } = isPoll;

    /// <summary>The time limit of a poll, and the heartbeat interval of a follower.</summary>
    public TimeSpan Timeout { get; } = timeout;

    public LogWaiter Waiter { get; } = new();

    public ReaderPhase Phase { get; set; }

    /// <summary>The current wait. It has no continuation and is polled.</summary>
    public ValueTask<LogWake> Wait { get; set; }

    /// <summary>
    /// The end of a poll's time, or a follower's next heartbeat, as a timestamp of the simulated clock.
    /// </summary>
    public long DueAt { get; set; }

    /// <summary>The latest end of its wait, up to the clock's resolution.</summary>
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

    /// <summary>It has read all records. Any step may run before its wait begins.</summary>
    IsAboutToWait,
    Waits,
    HasEnded,
}

/// <summary>A partition that a reader reads, and its position there.</summary>
sealed class ReaderSource(PartitionLog log, PartitionModel model, LogPlace place, long offset)
{
    public PartitionLog Log { get; } = log;

    public PartitionModel Model { get; } = model;

    public LogFollower Follower { get; } = new(log, place);

    /// <summary>The offset to look for the next record.</summary>
    public long Offset { get; set; } = offset;

    /// <summary>The length of the page that a poll has put back to wait for more.</summary>
    public long PutBackBytes { get; set; }

    /// <summary>The end of the visible part of the active segment at the last read.</summary>
    public long SeenPosition { get; set; }

    /// <summary>The base offset of the segment that was active at the last read.</summary>
    public long SeenBase { get; set; }

    /// <summary>How often the topic had grown at the last read. A growth wakes all readers.</summary>
    public int SeenTopicGrowths { get; set; }

    /// <summary>
    /// The position of the last page in its segment. Without a page, the position of the next record.
    /// </summary>
    public long PagePosition { get; set; }

    /// <summary>
    /// The base offset of the active segment, and the log's start, when the log was last at rest before that read.
    /// </summary>
    public (long Base, long Start)? Rested { get; set; }

    /// <summary>
    /// Whether other readers began to wait while another segment was active. The next growth wakes them, and all others
    /// with them.
    /// </summary>
    public bool IsBehindARoll { get; set; }
}
