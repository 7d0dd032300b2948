using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Waiting;

namespace LogHttp.Storage.Logs;

/// <summary>
/// One partition: records in the order of their offsets, in segment files. Appends come from any thread and are ordered
/// here. Fetches take no lock, and read no further than the flush policy allows.
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

    /// <summary>The number in the topic, from 0 on.</summary>
    public int Number { get; }

    /// <summary>The earliest available offset, or the end offset when there is no record.</summary>
    public long EarliestOffset => _appender.View.EarliestOffset;

    /// <summary>The high watermark: the offset after the last one that readers may see.</summary>
    public long EndOffset => _appender.View.EndOffset;

    /// <summary>The bytes of the segments up to the high watermark, without indexes.</summary>
    public long SizeBytes => _appender.View.SizeBytes;

    /// <summary>The number of segments.</summary>
    public int SegmentCount => _appender.View.Segments.Length;

    /// <summary>Why appends are refused, such as a failed sync or damage. Null while appends are taken.</summary>
    public string? StoppedReason => _appender.StoppedReason;

    /// <summary>
    /// Whether the journal decides where the log ends (api/FORMAT.md §5). Otherwise a start finds the end by reading.
    /// </summary>
    public bool IsJournaled => _appender.JournalPosition.IsJournaled;

    /// <summary>How many of the last bytes are durable in the journal only. 0 once the segment is synced.</summary>
    public long UnsyncedBytes => _appender.JournalPosition.UnsyncedBytes;

    internal string Directory => _context.Directory;

    internal StorageEnvironment Environment => _context.Environment;

    internal LogView View => _appender.View;

    internal LogWaiters Waiters => _appender.Waiters;

    internal SegmentManifest? Manifest => _appender.Manifest;

    /// <summary>The age of the records when the partition was opened, or null if it had none.</summary>
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
    /// Appends a batch: all of it or nothing. The batch belongs to the log from here on. An accepted batch is committed
    /// even if the caller goes away. The task ends when the topic's flush policy is satisfied.
    /// </summary>
    /// <param name="batch">
    /// The records. If the batch has a producer, its records must be the producer's next ones.
    /// </param>
    /// <param name="expectedNextOffset">
    /// The next offset of the log. At any other, the batch is refused. Null accepts every offset.
    /// </param>
    /// <param name="options">How the append differs from a plain one.</param>
    /// <exception cref="ArgumentException">
    /// The batch is empty, its offsets span more than a segment can, or it has offsets and may overlap.
    /// </exception>
    public Task<AppendResult> AppendAsync(
        RecordBatch batch,
        long? expectedNextOffset = null,
        AppendOptions options = AppendOptions.None
    )
    {
        Prepare(batch);
        if (options.HasFlag(AppendOptions.MayOverlap) && batch.ExplicitStampOf(0).Offset >= 0)
            throw new ArgumentException("A batch that may overlap has no offsets of its own.", nameof(options));
        var append = new TaskAppend(batch, expectedNextOffset, options);
        _appender.Append(append);
        return append.Task;
    }

    /// <summary>
    /// Appends a batch as <see cref="AppendAsync"/> does, without objects for this append alone. The code behind the
    /// await may run on the thread that completes a round's appends, and delay the others. It must not block. Await the
    /// result once. Then <see cref="RecordBatch.Reset"/> makes the batch ready for other records.
    /// </summary>
    /// <param name="batch">The records.</param>
    /// <param name="expectedNextOffset">
    /// The next offset of the log. At any other, the batch is refused. Null accepts every offset.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The batch is empty, or its offsets span more than a segment can.
    /// </exception>
    public ValueTask<AppendResult> AppendInlineAsync(RecordBatch batch, long? expectedNextOffset = null)
    {
        Prepare(batch);
        var append = (InlineAppend)(batch.Companion ??= new InlineAppend(batch));
        var result = append.Begin(expectedNextOffset);
        _appender.Append(append);
        return result;
    }

    /// <summary>
    /// Whether the current thread runs code behind <see cref="AppendInlineAsync"/>. Other appends' code waits for it,
    /// so it hands longer work to another thread.
    /// </summary>
    public static bool IsContinuingInline => RequestCompletions.IsRunning;

    /// <summary>
    /// Whether work of an append, of any log in the process, waits for a thread of the pool. Requests that need no pool
    /// would otherwise take the processors from it.
    /// </summary>
    public static bool AppendsWaitForThread => AppendPool.Shared.HasWaiting;

    /// <summary>
    /// Returns the refusal of a batch of about <paramref name="sizeBytes"/> at this time, or null if there is room. For
    /// callers that have not read the batch yet. Reserves nothing.
    /// </summary>
    public AppendResult? CheckRoom(long sizeBytes) => _appender.CheckRoom(sizeBytes);

    /// <summary>
    /// Returns a producer's epoch and next sequence, by its published records. Null if the producer is unknown or
    /// forgotten.
    /// </summary>
    public (long Epoch, long NextSequence)? FindProducer(string id) => _appender.FindProducer(id);

    /// <inheritdoc cref="Appender.FindKeyPartitions"/>
    internal int? FindKeyPartitions(string key) => _appender.FindKeyPartitions(key);

    /// <inheritdoc cref="Appender.CheckKey"/>
    internal AppendResult? CheckKey(IdempotencyStamp stamp) => _appender.CheckKey(stamp);

    /// <summary>Compares a producer's batch with the published batches of that producer.</summary>
    internal ProducerMatch CompareProducer(RecordBatch batch) => _appender.CompareProducer(batch);

    /// <summary>
    /// Returns the present offset of a place. The offset may be beyond the end if the place is a number. If a time has
    /// to be looked up on the disk, another thread waits for it.
    /// </summary>
    /// <exception cref="CorruptionException">A segment or index is damaged where a time was looked for.</exception>
    /// <exception cref="IOException">The disk can't be read.</exception>
    /// <exception cref="LogClosedException">The topic was deleted, or the log closed.</exception>
    /// <exception cref="OperationCanceledException">
    /// The caller cancelled it before its turn to wait for the disk.
    /// </exception>
    public ValueTask<long> ResolveAsync(LogPlace place, CancellationToken cancellationToken)
    {
        try
        {
            return new(Resolve(place, mayWait: false));
        }
        catch (WouldWaitException)
        {
            return RunOnColdThreadAsync(() => Resolve(place, mayWait: true), cancellationToken);
        }
    }

    /// <summary>
    /// Removes, durably, all records before an offset, which becomes the earliest. An offset below the earliest changes
    /// nothing. Segments before it are removed. Reads in progress finish.
    /// </summary>
    /// <param name="offset">The new earliest offset. One above <see cref="EndOffset"/> counts as that.</param>
    /// <returns>The earliest offset after the trim.</returns>
    /// <exception cref="PartitionStoppedException">The partition takes no changes.</exception>
    /// <exception cref="LogClosedException">The topic was deleted, or the log closed.</exception>
    /// <exception cref="IOException">
    /// The disk can't be written. All records stay until a restart. Then the trim may take effect.
    /// </exception>
    public Task<long> TrimAsync(long offset)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        return _appender.Trim(new TrimRequest(offset));
    }

    long Resolve(LogPlace place, bool mayWait) =>
        ReadView((place, mayWait), static (view, query) => PageFinder.OffsetOf(query.place, view, query.mayWait));

    static void Prepare(RecordBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Count == 0)
            throw new ArgumentException("The batch has no records.", nameof(batch));
        if (batch.ExplicitStampOf(batch.Count - 1).Offset - batch.ExplicitStampOf(0).Offset >= uint.MaxValue - 1)
            throw new ArgumentException("The batch's offsets span more than a segment can hold.", nameof(batch));
        if (batch.IdempotencyKey is not null && batch.Idempotency is null)
            throw new ArgumentException("The batch has an idempotency key and no stamp.", nameof(batch));
        // This thread computes the checksum, not the partition's turn.
        if (batch.Producer is not null)
            _ = batch.Crc;
    }

    internal void SetDamage(Segment segment, IReadOnlyList<DamagedRange> damage) =>
        _appender.SetDamage(segment, damage);

    internal void Configure(TopicConfiguration configuration) => _appender.Configure(configuration);

    internal void Tidy() => _appender.Tidy();

    internal Task CloseAsync(bool isDeletion = false) => _appender.CloseAsync(isDeletion);
}
