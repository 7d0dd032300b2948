using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Waiting;

namespace LogHttp.Storage.Logs;

/// <summary>
/// One partition: records in the order of their offsets, in segment files. Appends may come from any thread and are
/// ordered here; fetches take no lock and see only what the flush policy lets them.
/// </summary>
public sealed partial class PartitionLog
{
    readonly PartitionContext _context;
    readonly Appender _appender;

    PartitionLog(PartitionContext context, int number, Appender appender, SegmentAges? agesAtStart)
    {
        AgesAtStart = agesAtStart;
        _context = context;
        _appender = appender;
        Number = number;
    }

    /// <summary>Its number in the topic, from 0 on.</summary>
    public int Number { get; }

    /// <summary>The first offset there is; the end offset when there is no record.</summary>
    public long EarliestOffset => _appender.View.EarliestOffset;

    /// <summary>The offset after the last one that readers may see (the high watermark).</summary>
    public long EndOffset => _appender.View.EndOffset;

    /// <summary>How much its segments hold, in bytes, as far as readers may see it; indexes are not counted.</summary>
    public long SizeBytes => _appender.View.SizeBytes;

    /// <summary>How many segments it has.</summary>
    public int SegmentCount => _appender.View.Segments.Length;

    /// <summary>Why nothing can be appended, such as a failed sync or damage. Null while appends are taken.</summary>
    public string? StoppedReason => _appender.StoppedReason;

    /// <summary>
    /// Whether the journal decides where the log ends (api/FORMAT.md §5). Otherwise a start finds it by reading.
    /// </summary>
    public bool IsJournaled => _appender.JournalPosition.IsJournaled;

    /// <summary>How many of its last bytes are durable in the journal only. 0 once the segment is synced.</summary>
    public long UnsyncedBytes => _appender.JournalPosition.UnsyncedBytes;

    internal string Directory => _context.Directory;

    internal StorageEnvironment Environment => _context.Environment;

    internal LogView View => _appender.View;

    internal LogWaiters Waiters => _appender.Waiters;

    internal SegmentManifest? Manifest => _appender.Manifest;

    /// <summary>How old its records were when it was opened; null where there were none.</summary>
    internal SegmentAges? AgesAtStart { get; }

    internal static PartitionLog Open(
        PartitionContext context,
        AppendBudget budget,
        TopicConfiguration configuration,
        int number
    )
    {
        var found = PartitionRecovery.Run(context);
        return new(context, number, new Appender(context, budget, configuration, found), found.Ages);
    }

    /// <summary>
    /// Appends a batch: all of it or nothing. The batch belongs to the log from here on. Once accepted it is committed
    /// whatever becomes of the caller; the task ends when the topic's flush policy is satisfied.
    /// </summary>
    /// <param name="batch">
    /// The records; where it has a producer, one that is not the producer's next is not appended.
    /// </param>
    /// <param name="expectedNextOffset">The log's next offset, without which nothing is appended; null for any.</param>
    /// <param name="keepIfOverloaded">
    /// Whether a batch that is refused with <see cref="AppendStatus.Overloaded"/> stays the caller's, to be tried
    /// again.
    /// </param>
    /// <param name="mayOverlap">
    /// Whether the first of the producer's records are dropped where the log has them already; else such a batch is
    /// refused.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The batch is empty, its offsets span more than a segment can, or they are given and it may overlap.
    /// </exception>
    public Task<AppendResult> AppendAsync(
        RecordBatch batch,
        long? expectedNextOffset = null,
        bool keepIfOverloaded = false,
        bool mayOverlap = false
    )
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Count == 0)
            throw new ArgumentException("The batch has no records.", nameof(batch));
        if (batch.GivenTo(batch.Count - 1).Offset - batch.GivenTo(0).Offset >= uint.MaxValue - 1)
            throw new ArgumentException("The batch's offsets span more than a segment can hold.", nameof(batch));
        if (mayOverlap && batch.GivenTo(0).Offset >= 0)
            throw new ArgumentException("A batch that may overlap has no offsets of its own.", nameof(mayOverlap));
        // The checksum by this thread, and not in the partition's turn.
        if (batch.Producer is not null)
            _ = batch.Crc;
        return _appender.Append(new AppendRequest(batch, expectedNextOffset, keepIfOverloaded, mayOverlap));
    }

    /// <summary>
    /// What a batch of about <paramref name="sizeBytes"/> would be refused with now, or null where there is room: for
    /// who has not read it yet. Nothing is reserved.
    /// </summary>
    public AppendResult? CheckRoom(long sizeBytes) => _appender.CheckRoom(sizeBytes);

    /// <summary>
    /// Where a producer stands, by its published records: its epoch and the sequence that comes next. Null where it is
    /// not known, or no more.
    /// </summary>
    public (long Epoch, long NextSequence)? FindProducer(string id) => _appender.FindProducer(id);

    /// <summary>
    /// The offset that a place is now, which a number may have beyond the end. A time may have to be looked up on the
    /// disk: another thread waits for it.
    /// </summary>
    /// <exception cref="CorruptionException">A segment or index is damaged where a time was looked for.</exception>
    /// <exception cref="IOException">The disk can't be read.</exception>
    /// <exception cref="LogClosedException">The topic was deleted, or the log closed.</exception>
    /// <exception cref="OperationCanceledException">
    /// It was called off before its turn to wait for the disk came.
    /// </exception>
    public ValueTask<long> ResolveAsync(LogPlace place, CancellationToken cancellationToken)
    {
        try
        {
            return new(Resolve(place, mayWait: false));
        }
        catch (WouldWaitException)
        {
            return OnColdThreadAsync(() => Resolve(place, mayWait: true), cancellationToken);
        }
    }

    /// <summary>
    /// Forgets, durably, all records before an offset, which becomes the earliest; one that is before the earliest
    /// changes nothing. Segments that lie before it are removed; whoever reads them just now finishes.
    /// </summary>
    /// <param name="offset">At most <see cref="EndOffset"/>, and taken for that where it is more.</param>
    /// <returns>The earliest offset there is then.</returns>
    /// <exception cref="PartitionStoppedException">The partition takes no changes.</exception>
    /// <exception cref="LogClosedException">The topic was deleted, or the log closed.</exception>
    /// <exception cref="IOException">
    /// The disk can't be written; nothing is gone until a restart, which may find that it has happened.
    /// </exception>
    public Task<long> TrimAsync(long offset)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        return _appender.Trim(new TrimRequest(offset));
    }

    long Resolve(LogPlace place, bool mayWait) =>
        OnView((place, mayWait), static (view, asked) => PageFinder.OffsetOf(asked.place, view, asked.mayWait));

    internal void SetDamage(Segment segment, IReadOnlyList<DamagedRange> damage) =>
        _appender.SetDamage(segment, damage);

    internal void Configure(TopicConfiguration configuration) => _appender.Configure(configuration);

    internal void Tidy() => _appender.Tidy();

    internal Task CloseAsync(bool isDeletion = false) => _appender.CloseAsync(isDeletion);
}
