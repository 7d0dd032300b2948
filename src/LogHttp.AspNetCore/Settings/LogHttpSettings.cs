using System.Globalization;
using System.Reflection;
using LogHttp.Storage;

namespace LogHttp.AspNetCore.Settings;

/// <summary>
/// The settings of the log: the <c>LogHttp</c> section of appsettings.json, or <c>LogHttp__Name</c> in the environment.
/// README.md has the table with all defaults. Set before the app starts; later changes have no effect.
/// </summary>
public class LogHttpSettings
{
    internal const string Section = "LogHttp";

    static readonly StorageOptions Defaults = new() { Directory = "data" };

    /// <summary>The directory of the log, relative to the working directory. One process uses it at a time.</summary>
    public string DataDirectory { get; set; } = Defaults.Directory;

    /// <summary>Whether a POST to an unknown topic creates it.</summary>
    public bool AutoCreateTopics { get; set; } = true;

    /// <summary>The partitions of a new topic, 1 to 1024.</summary>
    public int Partitions { get; set; } = Defaults.TopicDefaults.Partitions;

    /// <summary>
    /// The flush policy of a new topic: <c>always</c>, <c>os</c>, or an interval such as <c>100ms</c>.
    /// </summary>
    public string Flush { get; set; } = Defaults.TopicDefaults.Flush.ToString();

    /// <summary>
    /// The segment size of a new topic, in bytes. The batch that would exceed it begins a new segment.
    /// </summary>
    public long SegmentBytes { get; set; } = Defaults.TopicDefaults.SegmentBytes;

    /// <summary>How long a new topic keeps its records, in milliseconds. 0: for ever.</summary>
    public long RetentionMs { get; set; } = Defaults.TopicDefaults.RetentionMs;

    /// <summary>How many bytes each partition of a new topic keeps. 0: any number.</summary>
    public long RetentionBytes { get; set; } = Defaults.TopicDefaults.RetentionBytes;

    /// <summary>How often retention looks for records to remove, in seconds, 1 to 86,400.</summary>
    public int RetentionIntervalSeconds { get; set; } = (int)Defaults.RetentionInterval.TotalSeconds;

    /// <summary>
    /// The time after a start in which retention keeps a topic that is too old as a whole, such as a restored backup.
    /// In seconds, 0 to 86,400.
    /// </summary>
    public int RetentionGraceSeconds { get; set; } = (int)Defaults.RetentionGrace.TotalSeconds;

    /// <summary>
    /// The rate at which sealed segments are read again in search of damage, in bytes per second, up to 1 GiB. 0: no
    /// scrub.
    /// </summary>
    public long ScrubBytesPerSecond { get; set; } = 1 << 20;

    /// <summary>The rate at which a requested verification reads, in bytes per second, 1 KiB to 16 GiB.</summary>
    public long VerifyBytesPerSecond { get; set; } = 128 << 20;

    /// <summary>The most topics, 1 to 1,000,000. More get 429.</summary>
    public int MaxTopics { get; set; } = Defaults.MaxTopics;

    /// <summary>The most partitions of all topics together, 1 to 10,000,000. More get 429.</summary>
    public int MaxPartitions { get; set; } = Defaults.MaxPartitions;

    /// <summary>
    /// The memory of accepted batches without a response yet, in all partitions together, in bytes. More get 503. 0: a
    /// third of the memory that the process may use, at most 1 GiB.
    /// </summary>
    public long MaxAppendingBytes { get; set; }

    /// <summary>
    /// The numbered producers that a partition remembers. Beyond it, those longest silent are forgotten.
    /// </summary>
    public int MaxProducers { get; set; } = Defaults.MaxProducers;

    /// <summary>How long a silent producer is remembered, in seconds, from 60 to a year.</summary>
    public int ProducerExpirySeconds { get; set; } = (int)Defaults.ProducerExpiry.TotalSeconds;

    /// <summary>As <see cref="MaxProducers"/>, for producers of Kafka's protocol.</summary>
    public int MaxKafkaProducers { get; set; } = Defaults.MaxKafkaProducers;

    /// <summary>As <see cref="ProducerExpirySeconds"/>, for producers of Kafka's protocol.</summary>
    public int KafkaProducerExpirySeconds { get; set; } = (int)Defaults.KafkaProducerExpiry.TotalSeconds;

    /// <summary>
    /// The largest record once encoded, without its offset and time, in bytes, from 1 KiB. More get 413.
    /// </summary>
    public int MaxRecordBytes { get; set; } = Defaults.Records.MaxRecordBytes;

    /// <summary>
    /// The largest batch once encoded, in bytes. More get 413. Lowered at the start to what fits into memory.
    /// </summary>
    public int MaxBatchBytes { get; set; } = Defaults.Records.MaxBatchBytes;

    /// <summary>The longest key in UTF-8, in bytes, 1 to 64 KiB. More get 400.</summary>
    public int MaxKeyBytes { get; set; } = Defaults.Records.MaxKeyBytes;

    /// <summary>The most bytes of a record's headers, 1 to 1 MiB. More get 400.</summary>
    public int MaxHeadersBytes { get; set; } = Defaults.Records.MaxHeadersBytes;

    /// <summary>
    /// The bytes that wait to be written in one partition. More get 503. 0: a quarter of <see
    /// cref="MaxAppendingBytes"/>, and at least one batch.
    /// </summary>
    public long MaxQueuedBytes { get; set; }

    /// <summary>
    /// The bytes that one sync of a partition covers, 64 KiB to 1 GiB. A larger batch is written in slices.
    /// </summary>
    public int MaxGroupBytes { get; set; } = Defaults.MaxGroupBytes;

    /// <summary>The bytes of a partition that a start after a crash reads, about, 64 KiB to 4 GiB.</summary>
    public long CheckpointBytes { get; set; } = Defaults.CheckpointBytes;

    /// <summary>The number of dirty files from which one syncfs stands for their fdatasyncs. 0: never.</summary>
    public int SyncAllThreshold { get; set; } = Defaults.SyncAllThreshold;

    /// <summary>The size of the first journal files, in bytes, 64 KiB to 1 GiB.</summary>
    public long MinJournalFileBytes { get; set; } = Defaults.MinJournalFileBytes;

    /// <summary>The size that journal files grow to, in bytes, up to 1 GiB. There are at most four.</summary>
    public long MaxJournalFileBytes { get; set; } = Defaults.MaxJournalFileBytes;

    /// <summary>The most segments open at once, with two file handles each, 4 to 1,000,000. 0: chosen.</summary>
    public int MaxOpenSegments { get; set; }

    /// <summary>
    /// The largest request body, in bytes, 1 to 1 GiB. More get 413. Lowered at the start to what fits into memory.
    /// <see cref="MaxBatchBytes"/> bounds what a body becomes.
    /// </summary>
    public long MaxBodyBytes { get; set; } = Defaults.Records.MaxBatchBytes;

    /// <summary>
    /// Pages up to this size are copied, in bytes, 0 to 1 MiB. One send with the headers is cheaper there.
    /// </summary>
    public int SmallRegionBytes { get; set; } = 32 << 10;

    /// <summary>
    /// How many pages outside the page cache are read from the disk at once, and how many lookups wait for the disk at
    /// once. 1 to 1024.
    /// </summary>
    public int MaxColdReads { get; set; } = 1;

    /// <summary>How long caches may keep a page that cannot change, in seconds. 0: they revalidate.</summary>
    public int CacheMaxAgeSeconds { get; set; } = 365 * 24 * 3600;

    /// <summary>
    /// The memory of request bodies that are being read, all together, in bytes. More get 503. 0: a third of the memory
    /// that the process may use, at most 1 GiB.
    /// </summary>
    public long MaxReadingBytes { get; set; }

    /// <summary>
    /// Of <see cref="MaxReadingBytes"/>, the most that the bodies of one client hold. More get 503. 0: a quarter, and
    /// at least one batch.
    /// </summary>
    public long MaxClientReadingBytes { get; set; }

    /// <summary>
    /// The most requests that wait for records at once, long polls and followers together. More get 503.
    /// </summary>
    public int MaxWaiting { get; set; } = 50_000;

    /// <summary>
    /// The memory of records that clients have not taken yet, of all followers and copied pages, in bytes. More wait.
    /// 0: a sixteenth of the memory that the process may use, at most 1 GiB.
    /// </summary>
    public long MaxFollowingBytes { get; set; }

    /// <summary>The longest wait that a long poll may request, in seconds, 1 to 3600. More get 400.</summary>
    public int MaxWaitSeconds { get; set; } = 300;

    /// <summary>How often a follower gets a heartbeat when there are no records, in seconds, 1 to 3600.</summary>
    public int HeartbeatSeconds { get; set; } = 15;

    /// <summary>The most partitions that one connection may follow, 1 to 1024. More get 400.</summary>
    public int MaxStreamPartitions { get; set; } = 64;

    /// <summary>How long a body may bring nothing, in seconds, 1 to 3600. Longer gets 408.</summary>
    public int BodyTimeoutSeconds { get; set; } = 30;

    /// <summary>
    /// How fast a body must come, in bytes per second, once it has taken longer than <see cref="BodyTimeoutSeconds"/>.
    /// Slower gets 408.
    /// </summary>
    public int MinBodyBytesPerSecond { get; set; } = 100;

    /// <summary>
    /// The most batches of one <c>?stream=true</c> that wait to be committed while its body is read on. 1 to 64.
    /// </summary>
    public int MaxProduceStreamBatches { get; set; } = 4;

    /// <summary>
    /// How long a line of such a body waits for others to be committed with it, in milliseconds, 1 to 60,000.
    /// </summary>
    public int ProduceStreamLingerMilliseconds { get; set; } = 100;

    /// <summary>
    /// How long such a body may bring nothing between two lines, in seconds. A live pipe can be silent for long.
    /// </summary>
    public int ProduceStreamIdleSeconds { get; set; } = 3600;

    /// <summary>
    /// How many times its size such a body may unpack to, beyond <see cref="MaxBodyBytes"/>. Other bodies unpack to
    /// that at the most.
    /// </summary>
    public int MaxProduceStreamUnpackRatio { get; set; } = 1000;

    /// <summary>
    /// The memory that the process may use, where <see cref="MaxBodyBytes"/> had to be lowered for it.
    /// </summary>
    internal long? MemoryLimit { get; set; }

    /// <summary>A name that was set and is none of them.</summary>
    internal string? Unknown { get; set; }

    /// <summary>The settings of a class, those of the library first.</summary>
    internal static IEnumerable<PropertyInfo> Of(Type type) =>
        type.GetProperties().OrderBy(static property => property.DeclaringType != typeof(LogHttpSettings));

    /// <summary>Says what is wrong with the settings, or null.</summary>
    internal virtual string? Check()
    {
        if (Unknown is not null)
            return $"there is no setting \"{Unknown}\"; there are "
                + string.Join(", ", Of(GetType()).Select(static property => property.Name));
        if (!FlushPolicy.TryParse(Flush, out _))
            return $"Flush is \"{Flush}\"; {FlushPolicy.Grammar}";
        return Range(nameof(MaxBodyBytes), MaxBodyBytes, 1, 1L << 30)
            ?? Range(nameof(MaxReadingBytes), MaxReadingBytes, MaxBodyBytes, 1L << 40)
            ?? Range(
                nameof(MaxClientReadingBytes),
                MaxClientReadingBytes,
                Math.Min(MaxBodyBytes, MaxReadingBytes),
                1L << 40
            )
            ?? Range(nameof(MaxWaiting), MaxWaiting, 0, 10_000_000)
            ?? Range(nameof(MaxFollowingBytes), MaxFollowingBytes, 1 << 16, 1L << 40)
            ?? Range(nameof(MaxWaitSeconds), MaxWaitSeconds, 1, 3600)
            ?? Range(nameof(HeartbeatSeconds), HeartbeatSeconds, 1, 3600)
            ?? Range(nameof(MaxStreamPartitions), MaxStreamPartitions, 1, 1024)
            ?? Range(nameof(BodyTimeoutSeconds), BodyTimeoutSeconds, 1, 3600)
            ?? Range(nameof(MinBodyBytesPerSecond), MinBodyBytesPerSecond, 1, 1 << 30)
            ?? Range(nameof(MaxProduceStreamBatches), MaxProduceStreamBatches, 1, 64)
            ?? Range(nameof(ProduceStreamLingerMilliseconds), ProduceStreamLingerMilliseconds, 1, 60_000)
            ?? Range(nameof(ProduceStreamIdleSeconds), ProduceStreamIdleSeconds, 1, 604_800)
            ?? Range(nameof(MaxProduceStreamUnpackRatio), MaxProduceStreamUnpackRatio, 1, 1_000_000)
            ?? Range(nameof(SmallRegionBytes), SmallRegionBytes, 0, 1 << 20)
            ?? Range(nameof(MaxColdReads), MaxColdReads, 1, 1024)
            ?? Range(nameof(CacheMaxAgeSeconds), CacheMaxAgeSeconds, 0, int.MaxValue)
            ?? Range(nameof(VerifyBytesPerSecond), VerifyBytesPerSecond, 1 << 10, 16L << 30)
            ?? ToStorageOptions().Check();
    }

    internal static string? Range(string name, long value, long least, long most) =>
        value < least || value > most
            ? string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; it must be from {least} to {most}")
            : null;

    internal StorageOptions ToStorageOptions() =>
        new()
        {
            Directory = DataDirectory.Length == 0 ? "" : Path.GetFullPath(DataDirectory),
            TopicDefaults = new TopicConfiguration
            {
                Partitions = Partitions,
                SegmentBytes = SegmentBytes,
                RetentionMs = RetentionMs,
                RetentionBytes = RetentionBytes,
                Flush = FlushPolicy.TryParse(Flush, out var flush) ? flush : FlushPolicy.Always,
            },
            Records = new RecordLimits
            {
                MaxRecordBytes = MaxRecordBytes,
                MaxBatchBytes = MaxBatchBytes,
                MaxKeyBytes = MaxKeyBytes,
                MaxHeadersBytes = MaxHeadersBytes,
            },
            MaxTopics = MaxTopics,
            MaxPartitions = MaxPartitions,
            RetentionInterval = TimeSpan.FromSeconds(RetentionIntervalSeconds),
            RetentionGrace = TimeSpan.FromSeconds(RetentionGraceSeconds),
            ScrubBytesPerSecond = ScrubBytesPerSecond,
            MaxProducers = MaxProducers,
            ProducerExpiry = TimeSpan.FromSeconds(ProducerExpirySeconds),
            MaxKafkaProducers = MaxKafkaProducers,
            KafkaProducerExpiry = TimeSpan.FromSeconds(KafkaProducerExpirySeconds),
            MaxQueuedBytes = MaxQueuedBytes,
            MaxAppendingBytes = MaxAppendingBytes,
            MaxGroupBytes = MaxGroupBytes,
            CheckpointBytes = CheckpointBytes,
            SyncAllThreshold = SyncAllThreshold,
            MinJournalFileBytes = MinJournalFileBytes,
            MaxJournalFileBytes = MaxJournalFileBytes,
            MaxOpenSegments = MaxOpenSegments == 0 ? Defaults.MaxOpenSegments : MaxOpenSegments,
            MaxColdReads = MaxColdReads,
        };
}
