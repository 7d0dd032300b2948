using System.Globalization;
using LogHttp.Storage.Text;

namespace LogHttp.Storage;

/// <summary>Every default and bound of the log. One for a data directory.</summary>
public sealed record StorageOptions
{
    /// <summary>The data directory.</summary>
    public required string Directory { get; init; }

    /// <summary>What a new topic starts with.</summary>
    public TopicConfiguration TopicDefaults { get; init; } = new();

    /// <summary>How large records and batches may be.</summary>
    public RecordLimits Records { get; init; } = new();

    /// <summary>How many topics there may be, 1 to 1,000,000.</summary>
    public int MaxTopics { get; init; } = 10_000;

    /// <summary>How many partitions all topics may have together, 1 to 10,000,000.</summary>
    public int MaxPartitions { get; init; } = 100_000;

    /// <summary>The most that <see cref="MaxProducers"/> and <see cref="MaxKafkaProducers"/> may be.</summary>
    internal const int MostProducers = 100_000;

    /// <summary>
    /// How many producers that number their records a partition remembers, 1 to 100,000; of more, those longest silent
    /// are forgotten.
    /// </summary>
    public int MaxProducers { get; init; } = 10_000;

    /// <summary>How long a producer that is silent is remembered, a minute to a year.</summary>
    public TimeSpan ProducerExpiry { get; init; } = TimeSpan.FromDays(7);

    /// <summary>
    /// How many of Kafka's producers a partition remembers beside those, 1 to 100,000. Every start of a Java producer
    /// takes a new id.
    /// </summary>
    public int MaxKafkaProducers { get; init; } = 10_000;

    /// <summary>How long one of Kafka's producers that is silent is remembered, a minute to a year.</summary>
    public TimeSpan KafkaProducerExpiry { get; init; } = TimeSpan.FromDays(1);

    /// <summary>How often it is looked for records that are to be kept no longer, a second to a day.</summary>
    public TimeSpan RetentionInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long after a start retention leaves a topic alone whose newest record is too old already, or whose ages are
    /// unknown: a restored backup is not emptied before somebody can look at it. To 24 hours.
    /// </summary>
    public TimeSpan RetentionGrace { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// How much of the sealed segments is read again in a second, in search of damage, up to 1 GiB; 0: nothing.
    /// </summary>
    public long ScrubBytesPerSecond { get; init; }

    /// <summary>
    /// Bytes that may wait to be written in one partition; more is refused. At least a batch, at most 16 GiB.
    /// </summary>
    public long MaxQueuedBytes { get; init; } = 256L << 20;

    /// <summary>
    /// Bytes that appends to all partitions may hold until they are answered; more is refused. At least a batch, at
    /// most 1 TiB.
    /// </summary>
    public long MaxAppendingBytes { get; init; } = 1L << 30;

    /// <summary>
    /// Bytes that one commit of a partition covers, 64 KiB to 1 GiB: what waits is taken together up to this, and a
    /// larger batch is written and synced in slices of this, so that it does not stall the others.
    /// </summary>
    public int MaxGroupBytes { get; init; } = 4 << 20;

    /// <summary>
    /// Appended bytes after which a partition's checkpoint is renewed; bounds what a start after a crash reads. 64 KiB
    /// to 4 GiB.
    /// </summary>
    public long CheckpointBytes { get; init; } = 16L << 20;

    /// <summary>
    /// From how many files that wait to be made durable on one syncfs(2) stands for their fdatasyncs, where the file
    /// system can be trusted with it. 0: never.
    /// </summary>
    public int SyncAllThreshold { get; init; } = 4;

    /// <summary>
    /// The size of the first journal files, 64 KiB to 1 GiB. Files grow when half of one fills faster than its segments
    /// are synced.
    /// </summary>
    public long MinJournalFileBytes { get; init; } = 8L << 20;

    /// <summary>
    /// The size that journal files grow to, at least <see cref="MinJournalFileBytes"/> and at most 1 GiB. There are at
    /// most four.
    /// </summary>
    public long MaxJournalFileBytes { get; init; } = 64L << 20;

    /// <summary>
    /// How many segments have both their files open at once, 4 to 1,000,000; twice as many whose index nobody needs.
    /// </summary>
    public int MaxOpenSegments { get; init; } = 2048;

    /// <summary>How many lookups that have to wait for the disk do so at once, 1 to 1,024.</summary>
    public int MaxColdReads { get; init; } = 1;

    /// <summary>
    /// From this size on a group goes past the journal: writing it twice costs more than a sync of its own. Measured at
    /// 256 KiB: 0.3 ms for the sync, and as long for the second write.
    /// </summary>
    internal int JournalGroupBytes => (int)Math.Min(256 << 10, MinJournalFileBytes / 8);

    /// <summary>
    /// How many partitions may hold bytes that only the journal has durably; their segments stay open.
    /// </summary>
    internal int MaxUnsyncedLogs => Math.Max(2, MaxOpenSegments / 2);

    internal ProducerLimits ProducerLimits =>
        new(MaxProducers, (long)ProducerExpiry.TotalMilliseconds)
        {
            MaxKafkaProducers = MaxKafkaProducers,
            KafkaExpiryMs = (long)KafkaProducerExpiry.TotalMilliseconds,
        };

    /// <summary>Says which option is out of its range, or null when all are in theirs.</summary>
    public string? Check()
    {
        static string? Range(string name, long value, long least, long most) =>
            value < least || value > most
                ? string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; it must be from {least} to {most}")
                : null;

        static string? DurationRange(string name, TimeSpan value, TimeSpan least, TimeSpan most) =>
            value < least || value > most
                ? $"{name} is {DurationText.Format(value)}; it must be from {DurationText.Format(least)} to "
                    + DurationText.Format(most)
                : null;

        return string.IsNullOrWhiteSpace(Directory)
            ? "Directory is empty; it must name a directory"
            : null
                ?? Range(
                    nameof(RecordLimits.MaxRecordBytes),
                    Records.MaxRecordBytes,
                    1 << 10,
                    RecordLimits.MostRecordBytes
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
                ?? Range(nameof(MaxProducers), MaxProducers, 1, MostProducers)
                ?? DurationRange(
                    nameof(ProducerExpiry),
                    ProducerExpiry,
                    TimeSpan.FromMinutes(1),
                    TimeSpan.FromDays(366)
                )
                ?? Range(nameof(MaxKafkaProducers), MaxKafkaProducers, 1, MostProducers)
                ?? DurationRange(
                    nameof(KafkaProducerExpiry),
                    KafkaProducerExpiry,
                    TimeSpan.FromMinutes(1),
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
