using System.Globalization;
using System.Reflection;
using LogHttp.Storage;

namespace LogHttp.AspNetCore.Settings;

/// <summary>
/// The settings of the log: the <c>LogHttp</c> section of appsettings.json, or <c>LogHttp__Name</c> in the environment.
/// Durations are written <c>100ms</c>, <c>30s</c>, <c>7d</c> or <c>0</c> there. README.md has the table with all
/// defaults.
/// </summary>
/// <remarks>
/// Set before the app starts. Later changes have no effect. Values out of their range fail the start with an
/// <see cref="Microsoft.Extensions.Options.OptionsValidationException"/> that names all of them.
/// </remarks>
public class LogHttpSettings
{
    internal const string Section = "LogHttp";

    static readonly StorageOptions Defaults = new() { Directory = "data" };

    /// <summary>The directory of the log, relative to the working directory. One process uses it at a time.</summary>
    public string DataDirectory { get; set; } = Defaults.Directory;

    /// <summary>Whether a POST to an unknown topic creates it.</summary>
    public bool AutoCreateTopics { get; set; } = true;

    /// <summary>The partitions of a new topic, 1 to 1024.</summary>
    [SettingRange(1, 1024)]
    public int Partitions { get; set; } = Defaults.TopicDefaults.Partitions;

    /// <summary>
    /// The flush policy of a new topic: <c>always</c>, <c>os</c>, or an interval from <c>1ms</c> to <c>1h</c>.
    /// </summary>
    public string Flush { get; set; } = Defaults.TopicDefaults.Flush.ToString();

    /// <summary>
    /// The segment size of a new topic, in bytes, 64 KiB to 2 GiB. The batch that would exceed it begins a new segment.
    /// </summary>
    [SettingRange(64 << 10, 2L << 30)]
    public long SegmentBytes { get; set; } = Defaults.TopicDefaults.SegmentBytes;

    /// <summary>How long a new topic keeps its records, 1 s to 100 years. Zero: for ever.</summary>
    [FormerName("RetentionMs", "ms")]
    [SettingRange("1s", "36525d", OrZero = true)]
    public TimeSpan Retention { get; set; } = TimeSpan.FromMilliseconds(Defaults.TopicDefaults.RetentionMs);

    /// <summary>
    /// How many bytes the partitions of a new topic keep together, 64 KiB to 1 EiB. 0: any number.
    /// </summary>
    [SettingRange(64 << 10, 1L << 60, OrZero = true)]
    public long RetentionBytes { get; set; } = Defaults.TopicDefaults.RetentionBytes;

    /// <summary>How often retention looks for records to remove, 1 s to 1 day.</summary>
    [FormerName("RetentionIntervalSeconds", "s")]
    [SettingRange("1s", "1d")]
    public TimeSpan RetentionInterval { get; set; } = Defaults.RetentionInterval;

    /// <summary>
    /// The time after a start in which retention keeps a topic that is too old as a whole, such as a restored backup.
    /// Zero to 1 day.
    /// </summary>
    [FormerName("RetentionGraceSeconds", "s")]
    [SettingRange("0", "1d")]
    public TimeSpan RetentionGrace { get; set; } = Defaults.RetentionGrace;

    /// <summary>
    /// The rate at which sealed segments are read again in search of damage, in bytes per second, up to 1 GiB. 0: no
    /// scrub.
    /// </summary>
    [SettingRange(0, 1 << 30)]
    public long ScrubBytesPerSecond { get; set; } = 1 << 20;

    /// <summary>The rate at which a requested verification reads, in bytes per second, 1 KiB to 16 GiB.</summary>
    [SettingRange(1 << 10, 16L << 30)]
    public long VerifyBytesPerSecond { get; set; } = 128 << 20;

    /// <summary>The most topics, 1 to 1,000,000. More get 429.</summary>
    [SettingRange(1, 1_000_000)]
    public int MaxTopics { get; set; } = Defaults.MaxTopics;

    /// <summary>The most partitions of all topics together, 1 to 10,000,000. More get 429.</summary>
    [SettingRange(1, 10_000_000)]
    public int MaxPartitions { get; set; } = Defaults.MaxPartitions;

    /// <summary>
    /// The memory of accepted batches without a response yet, in all partitions together, in bytes, up to 1 TiB. It has
    /// room for the largest record. More get 503. 0: a third of the memory that the process may use, at most 1 GiB.
    /// </summary>
    [SettingRange(1, 1L << 40, OrZero = true)]
    public long MaxAppendingBytes { get; set; }

    /// <summary>
    /// The numbered producers that a partition remembers, 1 to 100,000. Beyond it, those longest silent are forgotten.
    /// </summary>
    [SettingRange(1, 100_000)]
    public int MaxProducers { get; set; } = Defaults.MaxProducers;

    /// <summary>How long a silent producer is remembered, 1 minute to 366 days.</summary>
    [FormerName("ProducerExpirySeconds", "s")]
    [SettingRange("1m", "366d")]
    public TimeSpan ProducerExpiry { get; set; } = Defaults.ProducerExpiry;

    /// <summary>As <see cref="MaxProducers"/>, for producers of Kafka's protocol.</summary>
    [SettingRange(1, 100_000)]
    public int MaxKafkaProducers { get; set; } = Defaults.MaxKafkaProducers;

    /// <summary>As <see cref="ProducerExpiry"/>, for producers of Kafka's protocol.</summary>
    [FormerName("KafkaProducerExpirySeconds", "s")]
    [SettingRange("1m", "366d")]
    public TimeSpan KafkaProducerExpiry { get; set; } = Defaults.KafkaProducerExpiry;

    /// <summary>
    /// The idempotency keys that a partition remembers, 1 to 1,000,000. While all of them are younger than
    /// <see cref="IdempotencyExpiry"/>, requests with new keys get 503.
    /// </summary>
    [SettingRange(1, 1_000_000)]
    public int MaxIdempotencyKeys { get; set; } = Defaults.MaxIdempotencyKeys;

    /// <summary>How long a request can be repeated with its idempotency key, 1 second to 366 days.</summary>
    [SettingRange("1s", "366d")]
    public TimeSpan IdempotencyExpiry { get; set; } = Defaults.IdempotencyExpiry;

    /// <summary>
    /// The largest record once encoded, without its offset and time, in bytes, 1 KiB to 64 MiB. More get 413.
    /// </summary>
    [SettingRange(1 << 10, 64 << 20)]
    public int MaxRecordBytes { get; set; } = Defaults.Records.MaxRecordBytes;

    /// <summary>
    /// The largest batch once encoded, in bytes, from <see cref="MaxRecordBytes"/> and 77 to 1 GiB. More get 413.
    /// Lowered at the start to fit into memory.
    /// </summary>
    [SettingRange(1 << 10, 1 << 30)]
    public int MaxBatchBytes { get; set; } = Defaults.Records.MaxBatchBytes;

    /// <summary>The longest key in UTF-8, in bytes, 1 to 64 KiB. More get 400.</summary>
    [SettingRange(1, 64 << 10)]
    public int MaxKeyBytes { get; set; } = Defaults.Records.MaxKeyBytes;

    /// <summary>The most bytes of a record's headers, 1 to 1 MiB. More get 400.</summary>
    [SettingRange(1, 1 << 20)]
    public int MaxHeadersBytes { get; set; } = Defaults.Records.MaxHeadersBytes;

    /// <summary>
    /// The bytes that wait to be written in one partition, from one batch to 16 GiB. More get 503. 0: a quarter of
    /// <see cref="MaxAppendingBytes"/>, and at least one batch.
    /// </summary>
    [SettingRange(1, 16L << 30, OrZero = true)]
    public long MaxQueuedBytes { get; set; }

    /// <summary>
    /// The bytes that one sync of a partition covers, 64 KiB to 1 GiB. A larger batch is written in slices.
    /// </summary>
    [SettingRange(64 << 10, 1 << 30)]
    public int MaxGroupBytes { get; set; } = Defaults.MaxGroupBytes;

    /// <summary>The bytes of a partition that a start after a crash reads, about, 64 KiB to 4 GiB.</summary>
    [SettingRange(64 << 10, 4L << 30)]
    public long CheckpointBytes { get; set; } = Defaults.CheckpointBytes;

    /// <summary>The number of dirty files from which one syncfs stands for their fdatasyncs. 0: never.</summary>
    [SettingRange(0, int.MaxValue)]
    public int SyncAllThreshold { get; set; } = Defaults.SyncAllThreshold;

    /// <summary>The size of the first journal files, in bytes, 64 KiB to 1 GiB.</summary>
    [SettingRange(64 << 10, 1 << 30)]
    public long MinJournalFileBytes { get; set; } = Defaults.MinJournalFileBytes;

    /// <summary>The size that journal files grow to, in bytes, up to 1 GiB. There are at most four.</summary>
    [SettingRange(64 << 10, 1 << 30)]
    public long MaxJournalFileBytes { get; set; } = Defaults.MaxJournalFileBytes;

    /// <summary>The most segments open at once, with two file handles each, 4 to 1,000,000. 0: chosen.</summary>
    [SettingRange(4, 1_000_000, OrZero = true)]
    public int MaxOpenSegments { get; set; }

    /// <summary>
    /// The largest request body, in bytes, 1 to 1 GiB. More get 413. Lowered at the start to fit into memory.
    /// <see cref="MaxBatchBytes"/> bounds what a body becomes.
    /// </summary>
    [SettingRange(1, 1 << 30)]
    public long MaxBodyBytes { get; set; } = Defaults.Records.MaxBatchBytes;

    /// <summary>
    /// Pages up to this size are copied, in bytes, 0 to 1 MiB. One send with the headers is cheaper there.
    /// </summary>
    [SettingRange(0, 1 << 20)]
    public int SmallRegionBytes { get; set; } = 32 << 10;

    /// <summary>
    /// How many pages outside the page cache are read from the disk at once, and how many lookups wait for the disk at
    /// once. 1 to 1024.
    /// </summary>
    [SettingRange(1, 1024)]
    public int MaxColdReads { get; set; } = 1;

    /// <summary>
    /// How long caches may keep a page that cannot change, in whole seconds, up to 68 years. Zero: they revalidate.
    /// </summary>
    [FormerName("CacheMaxAgeSeconds", "s")]
    [SettingRange("1s", "24855d", OrZero = true)]
    public TimeSpan CacheMaxAge { get; set; } = TimeSpan.FromDays(365);

    /// <summary>
    /// The memory of request bodies that are being read, all together, in bytes, up to 1 TiB. More get 503. 0: a third
    /// of the memory that the process may use, at most 1 GiB.
    /// </summary>
    [SettingRange(1, 1L << 40, OrZero = true)]
    public long MaxReadingBytes { get; set; }

    /// <summary>
    /// Of <see cref="MaxReadingBytes"/>, the most that the bodies of one client hold, in bytes, at least
    /// <see cref="MaxBodyBytes"/>. More get 503. 0: a quarter, and at least one batch.
    /// </summary>
    [SettingRange(1, 1L << 40, OrZero = true)]
    public long MaxClientReadingBytes { get; set; }

    /// <summary>
    /// The most requests that wait for records at once, long polls and followers together, up to 10,000,000. More get
    /// 503.
    /// </summary>
    [SettingRange(0, 10_000_000)]
    public int MaxWaiting { get; set; } = 50_000;

    /// <summary>
    /// The memory of records that clients have not taken yet, of all followers and copied pages, in bytes, 64 KiB to
    /// 1 TiB. More wait. 0: a sixteenth of the memory that the process may use, at most 1 GiB.
    /// </summary>
    [SettingRange(1 << 16, 1L << 40, OrZero = true)]
    public long MaxFollowingBytes { get; set; }

    /// <summary>The longest wait that a long poll may request, 1 s to 1 hour. More get 400.</summary>
    [FormerName("MaxWaitSeconds", "s")]
    [SettingRange("1s", "1h")]
    public TimeSpan MaxWait { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How often a follower gets a heartbeat when there are no records, and an idle stream of records. 1 s to 1 hour.
    /// </summary>
    [FormerName("HeartbeatSeconds", "s")]
    [SettingRange("1s", "1h")]
    public TimeSpan HeartbeatInterval { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>The most partitions that one connection may follow, 1 to 1024. More get 400.</summary>
    [SettingRange(1, 1024)]
    public int MaxStreamPartitions { get; set; } = 64;

    /// <summary>How long a body may bring nothing, 1 s to 1 hour. Longer gets 408.</summary>
    [FormerName("BodyTimeoutSeconds", "s")]
    [SettingRange("1s", "1h")]
    public TimeSpan BodyTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How fast a body must come once it has taken longer than <see cref="BodyTimeout"/>, in bytes per second, 1 to
    /// 1 GiB. Slower gets 408.
    /// </summary>
    [SettingRange(1, 1 << 30)]
    public int MinBodyBytesPerSecond { get; set; } = 100;

    /// <summary>
    /// The most batches of one <c>?stream=true</c> that wait to be committed while its body is read on. 1 to 64.
    /// </summary>
    [SettingRange(1, 64)]
    public int MaxProduceStreamBatches { get; set; } = 4;

    /// <summary>
    /// How long a line of such a body waits for others to be committed with it, 1 ms to 1 minute. It waits longer while
    /// the last batch is being committed.
    /// </summary>
    [FormerName("ProduceStreamLingerMilliseconds", "ms")]
    [SettingRange("1ms", "1m")]
    public TimeSpan ProduceStreamLinger { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// How long such a body may bring nothing between two lines, if its reports are sent at the end. 1 s to 7 days.
    /// Otherwise heartbeats show whether the client is there, and it may bring nothing for ever.
    /// </summary>
    [FormerName("ProduceStreamIdleSeconds", "s")]
    [SettingRange("1s", "7d")]
    public TimeSpan ProduceStreamIdleTimeout { get; set; } = TimeSpan.FromHours(1);

    /// <summary>
    /// How many times its size such a body may unpack to beyond <see cref="MaxBodyBytes"/>, 1 to 1,000,000. Other
    /// bodies unpack to that at the most.
    /// </summary>
    [SettingRange(1, 1_000_000)]
    public int MaxProduceStreamUnpackRatio { get; set; } = 1000;

    /// <summary>
    /// The memory that the process may use, where <see cref="MaxBodyBytes"/> had to be lowered for it.
    /// </summary>
    internal long? MemoryLimit { get; set; }

    /// <summary>
    /// The faults of the given settings, one sentence for each. A wrong value is replaced by its default, so that the
    /// values derived from it are not reported as well.
    /// </summary>
    internal List<string> Faults { get; } = [];

    /// <summary>The settings of a class, those of the library first.</summary>
    internal static IEnumerable<PropertyInfo> Of(Type type) =>
        type.GetProperties().OrderBy(static property => property.DeclaringType != typeof(LogHttpSettings));

    /// <summary>Replaces values out of their range by the default, and adds a fault for each.</summary>
    internal void ReplaceOutOfRange()
    {
        var defaults = Activator.CreateInstance(GetType());
        foreach (var property in Of(GetType()))
        {
            var value = property.GetValue(this)!;
            if (property.GetCustomAttribute<SettingRangeAttribute>() is not { } range || range.Allows(value))
                continue;
            Faults.Add($"{property.Name} is {SettingText.Of(value)}. Allowed: {range}");
            property.SetValue(this, property.GetValue(defaults));
        }
    }

    /// <summary>Says what is wrong beyond the ranges of single settings.</summary>
    internal virtual IEnumerable<string> FindFaults()
    {
        var faults = FindRelativeFaults().ToList();
        if (string.IsNullOrWhiteSpace(DataDirectory))
            faults.Add($"{nameof(DataDirectory)} is \"{DataDirectory}\". Allowed: the path of a directory");
        if (!FlushPolicy.TryParse(Flush, out _))
            faults.Add($"{nameof(Flush)} is \"{Flush}\". Allowed: always, os, or a time from 1ms to 1h");
        // The storage has the last word. Its ranges are those above, which a test compares.
        return faults.Count == 0 && ToStorageOptions().Check() is { } fault ? [fault] : faults;
    }

    IEnumerable<string> FindRelativeFaults()
    {
        var recordBytes = MaxRecordBytes + RecordLimits.MaxHeadBytes;
        var onlyRecord = $"{nameof(MaxRecordBytes)} and {RecordLimits.MaxHeadBytes}";
        return new[]
        {
            // An even smaller budget has lowered the batch.
            MaxAppendingBytes < recordBytes
                ? FindFault(nameof(MaxAppendingBytes), MaxAppendingBytes, recordBytes, onlyRecord)
                : FindFault(nameof(MaxBatchBytes), MaxBatchBytes, recordBytes, onlyRecord),
            FindFault(nameof(MaxQueuedBytes), MaxQueuedBytes, MaxBatchBytes, nameof(MaxBatchBytes)),
            FindFault(nameof(MaxClientReadingBytes), MaxClientReadingBytes, MaxBodyBytes, nameof(MaxBodyBytes)),
            FindFault(
                nameof(MaxJournalFileBytes),
                MaxJournalFileBytes,
                MinJournalFileBytes,
                nameof(MinJournalFileBytes)
            ),
        }.OfType<string>();
    }

    /// <summary>Says that a setting is smaller than another one demands, or null.</summary>
    internal static string? FindFault(string name, long value, long min, string other) =>
        value < min
            ? string.Create(CultureInfo.InvariantCulture, $"{name} is {value}. Allowed: {min} ({other}) or more")
            : null;

    internal StorageOptions ToStorageOptions() =>
        new()
        {
            Directory = DataDirectory.Length == 0 ? "" : Path.GetFullPath(DataDirectory),
            TopicDefaults = new TopicConfiguration
            {
                Partitions = Partitions,
                SegmentBytes = SegmentBytes,
                RetentionMs = (long)Retention.TotalMilliseconds,
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
            RetentionInterval = RetentionInterval,
            RetentionGrace = RetentionGrace,
            ScrubBytesPerSecond = ScrubBytesPerSecond,
            MaxProducers = MaxProducers,
            ProducerExpiry = ProducerExpiry,
            MaxKafkaProducers = MaxKafkaProducers,
            KafkaProducerExpiry = KafkaProducerExpiry,
            MaxIdempotencyKeys = MaxIdempotencyKeys,
            IdempotencyExpiry = IdempotencyExpiry,
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
