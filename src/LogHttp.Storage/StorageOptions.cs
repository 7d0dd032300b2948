using System.Globalization;
using LogHttp.Storage.Text;

namespace LogHttp.Storage;

/// <summary>Every default and bound of the log. Each data directory has one such object.</summary>
public sealed record StorageOptions
{
    /// <summary>The data directory.</summary>
    public required string Directory { get; init; }

    /// <summary>The configuration of a new topic.</summary>
    public TopicConfiguration TopicDefaults { get; init; } = new();

    /// <summary>How large records and batches may be.</summary>
    public RecordLimits Records { get; init; } = new();

    /// <summary>The most topics, 1 to 1,000,000.</summary>
    public int MaxTopics { get; init; } = 10_000;

    /// <summary>The most partitions of all topics together, 1 to 10,000,000.</summary>
    public int MaxPartitions { get; init; } = 100_000;

    /// <summary>The upper bound of <see cref="MaxProducers"/> and <see cref="MaxKafkaProducers"/>.</summary>
    internal const int MaxProducersUpperBound = 100_000;

    /// <summary>
    /// The most producers with numbered records that a partition remembers, 1 to 100,000. Beyond it, the partition
    /// forgets those silent for the longest.
    /// </summary>
    public int MaxProducers { get; init; } = 10_000;

    /// <summary>How long a silent producer is remembered, a minute to a year.</summary>
    public TimeSpan ProducerExpiry { get; init; } = TimeSpan.FromDays(7);

    /// <summary>
    /// The most Kafka producers that a partition remembers in addition, 1 to 100,000. A Java producer takes a new id at
    /// every start.
    /// </summary>
    public int MaxKafkaProducers { get; init; } = 10_000;

    /// <summary>How long a silent Kafka producer is remembered, a minute to a year.</summary>
    public TimeSpan KafkaProducerExpiry { get; init; } = TimeSpan.FromDays(1);

    /// <summary>The upper bound of <see cref="MaxIdempotencyKeys"/>.</summary>
    internal const int MaxIdempotencyKeysUpperBound = 1_000_000;

    /// <summary>
    /// The most idempotency keys that a partition remembers, 1 to 1,000,000. While all of them are younger than
    /// <see cref="IdempotencyExpiry"/>, it refuses appends with new keys.
    /// </summary>
    public int MaxIdempotencyKeys { get; init; } = 100_000;

    /// <summary>How long an idempotency key is remembered, a second to a year.</summary>
    public TimeSpan IdempotencyExpiry { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How often retention looks for expired records, a second to a day.</summary>
    public TimeSpan RetentionInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long after a start retention spares some topics: those whose newest record is expired already, and those of
    /// unknown age. So an operator can look at a restored backup before retention empties it. At most 24 hours.
    /// </summary>
    public TimeSpan RetentionGrace { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// The rate at which the scrub reads sealed segments, in bytes per second. At most 1 GiB. 0 disables it.
    /// </summary>
    public long ScrubBytesPerSecond { get; init; }

    /// <summary>
    /// The most bytes that wait to be written in one partition. Further appends are refused. At least a batch, at most
    /// 16 GiB.
    /// </summary>
    public long MaxQueuedBytes { get; init; } = 256L << 20;

    /// <summary>
    /// The most bytes that appends to all partitions hold before their responses. Further appends are refused. At least
    /// a batch, at most 1 TiB.
    /// </summary>
    public long MaxAppendingBytes { get; init; } = 1L << 30;

    /// <summary>
    /// The most bytes that one commit of a partition covers, 64 KiB to 1 GiB. A group takes waiting batches up to this
    /// size. A larger batch is written and synced in slices of this size, so that it does not stall the other
    /// partitions.
    /// </summary>
    public int MaxGroupBytes { get; init; } = 4 << 20;

    /// <summary>
    /// Appended bytes after which a partition writes a new checkpoint, 64 KiB to 4 GiB. Bounds the bytes that a start
    /// reads after a crash.
    /// </summary>
    public long CheckpointBytes { get; init; } = 16L << 20;

    /// <summary>
    /// The number of files waiting for a sync from which one syncfs(2) replaces their fdatasyncs, if the file system
    /// can be trusted with it. 0 disables it.
    /// </summary>
    public int SyncAllThreshold { get; init; } = 4;

    /// <summary>
    /// The size of the first journal files, 64 KiB to 1 GiB. The files grow when half of one fills faster than its
    /// segments are synced.
    /// </summary>
    public long MinJournalFileBytes { get; init; } = 8L << 20;

    /// <summary>
    /// The size that journal files grow to, at least <see cref="MinJournalFileBytes"/> and at most 1 GiB. There are at
    /// most four.
    /// </summary>
    public long MaxJournalFileBytes { get; init; } = 64L << 20;

    /// <summary>
    /// The most segments with both files open at once, 4 to 1,000,000. Twice as many may be open without their index.
    /// </summary>
    public int MaxOpenSegments { get; init; } = 2048;

    /// <summary>The most lookups that wait for the disk at once, 1 to 1,024.</summary>
    public int MaxColdReads { get; init; } = 1;

    /// <summary>
    /// Groups of this size and above bypass the journal, because writing them twice costs more than a sync of their
    /// own. Measured at 256 KiB: 0.3 ms for the sync, and as long for the second write.
    /// </summary>
    internal int JournalGroupBytes => (int)Math.Min(256 << 10, MinJournalFileBytes / 8);

    /// <summary>
    /// A group of this size is written while the one before it becomes durable. Batches of 16 KiB from 16 producers
    /// were a quarter faster than with groups that waited up to <see cref="JournalGroupBytes"/>.
    /// </summary>
    internal int GatheredBytes => Math.Min(64 << 10, JournalGroupBytes);

    /// <summary>
    /// The most partitions that keep their files open because only the journal has some of their bytes durably. On a
    /// volume without syncfs, no more partitions may have such bytes.
    /// </summary>
    internal int MaxUnsyncedLogs => Math.Max(2, MaxOpenSegments / 2);

    internal ProducerLimits ProducerLimits =>
        new(MaxProducers, (long)ProducerExpiry.TotalMilliseconds)
        {
            MaxKafkaProducers = MaxKafkaProducers,
            KafkaExpiryMs = (long)KafkaProducerExpiry.TotalMilliseconds,
            MaxIdempotencyKeys = MaxIdempotencyKeys,
            IdempotencyExpiryMs = (long)IdempotencyExpiry.TotalMilliseconds,
        };

    /// <summary>Returns a message about the first option that is out of its range, or null.</summary>
    public string? Check()
    {
        static string? Range(string name, long value, long min, long max) =>
            value < min || value > max
                ? string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; it must be from {min} to {max}")
                : null;

        static string? DurationRange(string name, TimeSpan value, TimeSpan min, TimeSpan max) =>
            value < min || value > max
                ? $"{name} is {DurationText.Format(value)}; it must be from {DurationText.Format(min)} to "
                    + DurationText.Format(max)
                : null;

        return string.IsNullOrWhiteSpace(Directory)
            ? "Directory is empty; it must name a directory"
            : null
                ?? Range(
                    nameof(RecordLimits.MaxRecordBytes),
                    Records.MaxRecordBytes,
                    1 << 10,
                    RecordLimits.MaxRecordBytesUpperBound
                )
                ?? Range(
                    nameof(RecordLimits.MaxBatchBytes),
                    Records.MaxBatchBytes,
                    Records.MaxRecordBytes + RecordLimits.MaxHeadBytes,
                    1 << 30
                )
                ?? Range(nameof(RecordLimits.MaxKeyBytes), Records.MaxKeyBytes, 1, 64 << 10)
                ?? Range(nameof(RecordLimits.MaxHeadersBytes), Records.MaxHeadersBytes, 1, 1 << 20)
                ?? Range(nameof(MaxTopics), MaxTopics, 1, 1_000_000)
                ?? Range(nameof(MaxPartitions), MaxPartitions, 1, 10_000_000)
                ?? Range(nameof(MaxProducers), MaxProducers, 1, MaxProducersUpperBound)
                ?? DurationRange(
                    nameof(ProducerExpiry),
                    ProducerExpiry,
                    TimeSpan.FromMinutes(1),
                    TimeSpan.FromDays(366)
                )
                ?? Range(nameof(MaxKafkaProducers), MaxKafkaProducers, 1, MaxProducersUpperBound)
                ?? DurationRange(
                    nameof(KafkaProducerExpiry),
                    KafkaProducerExpiry,
                    TimeSpan.FromMinutes(1),
                    TimeSpan.FromDays(366)
                )
                ?? Range(nameof(MaxIdempotencyKeys), MaxIdempotencyKeys, 1, MaxIdempotencyKeysUpperBound)
                ?? DurationRange(
                    nameof(IdempotencyExpiry),
                    IdempotencyExpiry,
                    TimeSpan.FromSeconds(1),
                    TimeSpan.FromDays(366)
                )
                ?? DurationRange(nameof(RetentionGrace), RetentionGrace, TimeSpan.Zero, TimeSpan.FromDays(1))
                ?? DurationRange(
                    nameof(RetentionInterval),
                    RetentionInterval,
                    TimeSpan.FromSeconds(1),
                    TimeSpan.FromDays(1)
                )
                ?? Range(nameof(ScrubBytesPerSecond), ScrubBytesPerSecond, 0, 1L << 30)
                ?? Range(nameof(MaxQueuedBytes), MaxQueuedBytes, Records.MaxBatchBytes, 16L << 30)
                ?? Range(nameof(MaxAppendingBytes), MaxAppendingBytes, Records.MaxBatchBytes, 1L << 40)
                ?? Range(nameof(MaxGroupBytes), MaxGroupBytes, 64 << 10, 1 << 30)
                ?? Range(nameof(CheckpointBytes), CheckpointBytes, 64 << 10, 4L << 30)
                ?? Range(nameof(SyncAllThreshold), SyncAllThreshold, 0, int.MaxValue)
                ?? Range(nameof(MaxOpenSegments), MaxOpenSegments, 4, 1_000_000)
                ?? Range(nameof(MinJournalFileBytes), MinJournalFileBytes, 64 << 10, 1L << 30)
                ?? Range(nameof(MaxJournalFileBytes), MaxJournalFileBytes, MinJournalFileBytes, 1L << 30)
                ?? Range(nameof(MaxColdReads), MaxColdReads, 1, 1024)
                ?? TopicDefaults.Check();
    }
}
