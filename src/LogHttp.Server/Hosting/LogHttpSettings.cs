using System.Globalization;
using System.Net;
using LogHttp.Storage;

namespace LogHttp.Server.Hosting;

/// <summary>
/// The <c>LogHttp</c> section of appsettings.json (or <c>LogHttp__Name</c> in the environment). Defaults are the
/// storage's own where it has them; README.md has the table.
/// </summary>
internal sealed class LogHttpSettings
{
    public const string Section = "LogHttp";

    static readonly StorageOptions Defaults = new() { Directory = "data" };

    /// <summary>Where the log lives; relative to the working directory.</summary>
    public string DataDirectory { get; set; } = Defaults.Directory;

    /// <summary><c>text</c> for people, <c>json</c> for machines (one compact object a line).</summary>
    public string LogFormat { get; set; } = "text";

    /// <summary>Whether a POST to an unknown topic makes it.</summary>
    public bool AutoCreateTopics { get; set; } = true;

    /// <summary>Partitions of a new topic.</summary>
    public int Partitions { get; set; } = Defaults.TopicDefaults.Partitions;

    /// <summary>Flush policy of a new topic: <c>always</c>, <c>os</c>, or an interval such as <c>100ms</c>.</summary>
    public string Flush { get; set; } = Defaults.TopicDefaults.Flush.ToString();

    /// <summary>Segment size of a new topic.</summary>
    public long SegmentBytes { get; set; } = Defaults.TopicDefaults.SegmentBytes;
    public long RetentionMs { get; set; } = Defaults.TopicDefaults.RetentionMs;
    public long RetentionBytes { get; set; } = Defaults.TopicDefaults.RetentionBytes;
    public int RetentionIntervalSeconds { get; set; } = (int)Defaults.RetentionInterval.TotalSeconds;

    /// <summary>
    /// The time after a start in which retention keeps a topic that is too old as a whole, such as a restored backup.
    /// </summary>
    public int RetentionGraceSeconds { get; set; } = (int)Defaults.RetentionGrace.TotalSeconds;

    /// <summary>How much of the sealed segments is read again in a second, in search of damage; 0: nothing.</summary>
    public long ScrubBytesPerSecond { get; set; } = 1 << 20;

    /// <summary>How fast a verification that was asked for reads.</summary>
    public long VerifyBytesPerSecond { get; set; } = 128 << 20;

    public int MaxTopics { get; set; } = Defaults.MaxTopics;
    public int MaxPartitions { get; set; } = Defaults.MaxPartitions;
    public long MaxAppendingBytes { get; set; }
    public int MaxProducers { get; set; } = Defaults.MaxProducers;
    public int ProducerExpirySeconds { get; set; } = (int)Defaults.ProducerExpiry.TotalSeconds;
    public int MaxKafkaProducers { get; set; } = Defaults.MaxKafkaProducers;
    public int KafkaProducerExpirySeconds { get; set; } = (int)Defaults.KafkaProducerExpiry.TotalSeconds;
    public int MaxRecordBytes { get; set; } = Defaults.Records.MaxRecordBytes;
    public int MaxBatchBytes { get; set; } = Defaults.Records.MaxBatchBytes;
    public int MaxKeyBytes { get; set; } = Defaults.Records.MaxKeyBytes;
    public int MaxHeadersBytes { get; set; } = Defaults.Records.MaxHeadersBytes;
    public long MaxQueuedBytes { get; set; }
    public int MaxGroupBytes { get; set; } = Defaults.MaxGroupBytes;
    public long CheckpointBytes { get; set; } = Defaults.CheckpointBytes;
    public int SyncAllThreshold { get; set; } = Defaults.SyncAllThreshold;
    public long MinJournalFileBytes { get; set; } = Defaults.MinJournalFileBytes;
    public long MaxJournalFileBytes { get; set; } = Defaults.MaxJournalFileBytes;

    /// <summary>
    /// Segments whose files are open at once; 0: as many as the process may open beside <see cref="MaxConnections"/>.
    /// </summary>
    public int MaxOpenSegments { get; set; }

    /// <summary>The largest request body; what a batch may have once framed is <see cref="MaxBatchBytes"/>.</summary>
    public long MaxBodyBytes { get; set; } = Defaults.Records.MaxBatchBytes;

    /// <summary>Connections at once; more are closed as they come.</summary>
    public int MaxConnections { get; set; } = 15_000;

    /// <summary>The longest request line: method, URL, version. The longest key fits, percent-encoded.</summary>
    public int MaxRequestLineBytes { get; set; } = 64 << 10;

    /// <summary>All headers of a request together.</summary>
    public int MaxRequestHeadersBytes { get; set; } = 64 << 10;

    /// <summary>How many headers a request may have.</summary>
    public int MaxRequestHeaders { get; set; } = 100;

    /// <summary>How many requests a client may send a second, on average; 0: any number.</summary>
    public int MaxClientRequestsPerSecond { get; set; }

    /// <summary>How many it may send at once after a pause, where that is more.</summary>
    public int MaxClientBurst { get; set; }

    /// <summary>
    /// Addresses of proxies whose <c>X-Forwarded-For</c> says who the client is, split by semicolons.
    /// </summary>
    public string TrustedProxies { get; set; } = "";

    /// <summary>How long a request's headers may take to arrive.</summary>
    public int HeadersTimeoutSeconds { get; set; } = 30;

    /// <summary>How long a connection is kept that asks for nothing.</summary>
    public int KeepAliveTimeoutSeconds { get; set; } = 130;

    /// <summary>How long a reader may take no byte, while bytes wait for it, before it is dropped.</summary>
    public int StalledReaderSeconds { get; set; } = 30;

    /// <summary>
    /// How slowly a reader may take what waits for it, over <see cref="SlowReaderSeconds"/>; 0: at any pace.
    /// </summary>
    public int MinReaderBytesPerSecond { get; set; } = 50;

    /// <summary>How long bytes must have waited for a reader before its rate is judged.</summary>
    public int SlowReaderSeconds { get; set; } = 300;

    /// <summary>Pages up to this size are copied: one send with the headers is cheaper there.</summary>
    public int SmallRegionBytes { get; set; } = 32 << 10;

    /// <summary>
    /// How many pages that lie on the disk alone are read from it at once before they are sent; and as many lookups.
    /// </summary>
    public int MaxColdReads { get; set; } = 1;

    /// <summary>How much of such a page is read at a time: appends that are synced wait for no more of each.</summary>
    public int ColdReadBytes { get; set; } = 128 << 10;

    /// <summary>How long caches may keep a page that can't change; 0: they have to ask.</summary>
    public int CacheMaxAgeSeconds { get; set; } = 365 * 24 * 3600;

    /// <summary>
    /// Names in <c>Host</c> to accept besides IP addresses, <c>localhost</c> and the machine's own, split by
    /// semicolons; <c>*.example.org</c> for all below one, <c>*</c> for any.
    /// </summary>
    public string AllowedHosts { get; set; } = "";

    /// <summary>Origins of other sites whose pages may read, split by semicolons, <c>*</c> for all.</summary>
    public string AllowedOrigins { get; set; } = "";

    /// <summary>
    /// Origins of other sites whose pages may read, append, change and delete, split by semicolons, <c>*</c> for all.
    /// </summary>
    public string AllowedWriteOrigins { get; set; } = "";

    /// <summary>Request bodies that are being read, all together; more are refused until some are done.</summary>
    public long MaxReadingBytes { get; set; }

    /// <summary>Of these, the most that bodies of one client hold.</summary>
    public long MaxClientReadingBytes { get; set; }

    /// <summary>
    /// What all connections together may have received that is not read yet; those that send more are closed.
    /// </summary>
    public long MaxUnreadBytes { get; set; }

    /// <summary>The most bytes that large heads and HTTP/2 streams of all requests hold. More are refused.</summary>
    public long MaxHeldHeadBytes { get; set; }

    /// <summary>Of these, the most that requests of one client hold.</summary>
    public long MaxClientHeldHeadBytes { get; set; }

    /// <summary>
    /// The most bytes that connections hold beside their requests: heads that are not complete, and HTTP/2 connections
    /// with the bodies and responses in them. A connection that needs more is closed.
    /// </summary>
    public long MaxConnectionBytes { get; set; }

    /// <summary>Of these, the most that connections of one client hold.</summary>
    public long MaxClientConnectionBytes { get; set; }

    /// <summary>How many requests may wait for records at once, long polls and followers together.</summary>
    public int MaxWaiting { get; set; } = 50_000;

    /// <summary>
    /// What all followers and copied pages together may hold of records that their clients have not taken; more wait.
    /// </summary>
    public long MaxFollowingBytes { get; set; }

    /// <summary>How long a long poll may ask to wait.</summary>
    public int MaxWaitSeconds { get; set; } = 300;

    /// <summary>How often a follower hears something when there is nothing to say: less than proxies wait.</summary>
    public int HeartbeatSeconds { get; set; } = 15;

    /// <summary>How many partitions one connection may follow.</summary>
    public int MaxStreamPartitions { get; set; } = 64;

    /// <summary>How long a body may bring nothing before its request is given up.</summary>
    public int BodyTimeoutSeconds { get; set; } = 30;

    /// <summary>
    /// How fast a body must come on average, once it has taken longer than <see cref="BodyTimeoutSeconds"/>.
    /// </summary>
    public int MinBodyBytesPerSecond { get; set; } = 100;

    /// <summary>
    /// How many batches of one <c>?stream=true</c> may wait to be committed while its body is read on.
    /// </summary>
    public int MaxProduceStreamBatches { get; set; } = 4;

    /// <summary>How long a line of such a body may wait for others to be committed with it.</summary>
    public int ProduceStreamLingerMilliseconds { get; set; } = 100;

    /// <summary>How long such a body may bring nothing between two lines: a live pipe can be silent for long.</summary>
    public int ProduceStreamIdleSeconds { get; set; } = 3600;

    /// <summary>
    /// How many times its size such a body may unpack to, beyond <see cref="MaxBodyBytes"/>; others unpack to that at
    /// the most.
    /// </summary>
    public int MaxProduceStreamUnpackRatio { get; set; } = 1000;

    /// <summary>How long a stop waits for requests under way; what was accepted is committed in any case.</summary>
    public int ShutdownTimeoutSeconds { get; set; } = 5;

    internal string[] AllowedHostList => field ??= Split(AllowedHosts);

    internal string[] AllowedOriginList => field ??= Split(AllowedOrigins);

    internal string[] AllowedWriteOriginList => field ??= Split(AllowedWriteOrigins);

    internal IPAddress[] TrustedProxyList =>
        field ??= [
            .. Split(TrustedProxies)
                .Select(static text => IPAddress.TryParse(text, out var address) ? address : IPAddress.None),
        ];

    /// <summary>
    /// The limit on open files that <see cref="MaxConnections"/> and <see cref="MaxOpenSegments"/> had to be lowered
    /// for.
    /// </summary>
    internal long? HandleLimit { get; set; }

    /// <summary>
    /// The memory that the process may use, if <see cref="MaxConnections"/>, <see cref="MaxBodyBytes"/> or
    /// <see cref="MaxBatchBytes"/> had to be lowered for it.
    /// </summary>
    internal long? MemoryLimit { get; set; }

    /// <summary>The settings there are.</summary>
    internal static IReadOnlyList<string> Names { get; } =
    [.. typeof(LogHttpSettings).GetProperties().Select(static property => property.Name)];

    /// <summary>A name that was set and is none of them.</summary>
    internal string? Unknown { get; set; }

    /// <summary>Says what is wrong with the settings, or null.</summary>
    public string? Check()
    {
        if (Unknown is not null)
            return $"there is no setting \"{Unknown}\"; there are {string.Join(", ", Names)}";
        if (LogFormat is not ("text" or "json"))
            return $"LogFormat is \"{LogFormat}\"; it must be \"text\" or \"json\"";
        if (!FlushPolicy.TryParse(Flush, out _))
            return $"Flush is \"{Flush}\"; {FlushPolicy.Grammar}";
        if (
            (
                CheckOrigins(nameof(AllowedOrigins), AllowedOriginList)
                ?? CheckOrigins(nameof(AllowedWriteOrigins), AllowedWriteOriginList)
            ) is
            { } fault
        )
            return fault;
        if (TrustedProxyList.Contains(IPAddress.None))
            return $"TrustedProxies is \"{TrustedProxies}\"; it must be IP addresses, ; between them";
        return Range(nameof(MaxBodyBytes), MaxBodyBytes, 1, 1L << 30)
            ?? Range(nameof(MaxReadingBytes), MaxReadingBytes, MaxBodyBytes, 1L << 40)
            ?? Range(
                nameof(MaxClientReadingBytes),
                MaxClientReadingBytes,
                Math.Min(MaxBodyBytes, MaxReadingBytes),
                1L << 40
            )
            ?? Range(nameof(MaxUnreadBytes), MaxUnreadBytes, 1 << 20, 1L << 40)
            ?? Range(nameof(MaxHeldHeadBytes), MaxHeldHeadBytes, RequestHeads.MaxBytesOf(this), 1L << 40)
            ?? Range(nameof(MaxClientHeldHeadBytes), MaxClientHeldHeadBytes, RequestHeads.MaxBytesOf(this), 1L << 40)
            ?? Range(nameof(MaxConnectionBytes), MaxConnectionBytes, 1 << 20, 1L << 40)
            ?? Range(nameof(MaxClientConnectionBytes), MaxClientConnectionBytes, 1 << 18, 1L << 40)
            ?? Range(nameof(MaxConnections), MaxConnections, 1, 10_000_000)
            ?? Range(nameof(MaxRequestLineBytes), MaxRequestLineBytes, 1 << 10, 1 << 20)
            ?? Range(nameof(MaxRequestHeadersBytes), MaxRequestHeadersBytes, 1 << 10, 16 << 20)
            ?? Range(nameof(MaxRequestHeaders), MaxRequestHeaders, 10, 10_000)
            ?? Range(nameof(MaxWaiting), MaxWaiting, 0, 10_000_000)
            ?? Range(nameof(MaxFollowingBytes), MaxFollowingBytes, 1 << 16, 1L << 40)
            ?? Range(nameof(MaxWaitSeconds), MaxWaitSeconds, 1, 3600)
            ?? Range(nameof(HeartbeatSeconds), HeartbeatSeconds, 1, 3600)
            ?? Range(nameof(MaxStreamPartitions), MaxStreamPartitions, 1, 1024)
            ?? Range(nameof(BodyTimeoutSeconds), BodyTimeoutSeconds, 1, 3600)
            ?? Range(nameof(MinBodyBytesPerSecond), MinBodyBytesPerSecond, 1, 1 << 30)
            ?? Range(nameof(MaxClientRequestsPerSecond), MaxClientRequestsPerSecond, 0, 10_000_000)
            ?? Range(nameof(MaxClientBurst), MaxClientBurst, 0, 10_000_000)
            ?? Range(nameof(MaxProduceStreamBatches), MaxProduceStreamBatches, 1, 64)
            ?? Range(nameof(ProduceStreamLingerMilliseconds), ProduceStreamLingerMilliseconds, 1, 60_000)
            ?? Range(nameof(ProduceStreamIdleSeconds), ProduceStreamIdleSeconds, 1, 604_800)
            ?? Range(nameof(MaxProduceStreamUnpackRatio), MaxProduceStreamUnpackRatio, 1, 1_000_000)
            ?? Range(nameof(HeadersTimeoutSeconds), HeadersTimeoutSeconds, 1, 3600)
            ?? Range(nameof(KeepAliveTimeoutSeconds), KeepAliveTimeoutSeconds, 1, 86_400)
            ?? Range(nameof(StalledReaderSeconds), StalledReaderSeconds, 1, 86_400)
            ?? Range(nameof(MinReaderBytesPerSecond), MinReaderBytesPerSecond, 0, 1 << 30)
            ?? Range(nameof(SlowReaderSeconds), SlowReaderSeconds, 1, 86_400)
            ?? Range(nameof(ShutdownTimeoutSeconds), ShutdownTimeoutSeconds, 0, 3600)
            ?? Range(nameof(SmallRegionBytes), SmallRegionBytes, 0, 1 << 20)
            ?? Range(nameof(MaxColdReads), MaxColdReads, 1, 1024)
            ?? Range(nameof(ColdReadBytes), ColdReadBytes, 4 << 10, 64 << 20)
            ?? Range(nameof(CacheMaxAgeSeconds), CacheMaxAgeSeconds, 0, int.MaxValue)
            ?? Range(nameof(VerifyBytesPerSecond), VerifyBytesPerSecond, 1 << 10, 16L << 30)
            ?? ToStorageOptions().Check();
    }

    static string? Range(string name, long value, long least, long most) =>
        value < least || value > most
            ? string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; it must be from {least} to {most}")
            : null;

    static string? CheckOrigins(string name, string[] origins) =>
        origins.FirstOrDefault(static origin => origin != "*" && !IsOrigin(origin)) is { } other
            ? $"{name} has \"{other}\"; an origin is a scheme, a host and perhaps a port, such as "
                + $"https://example.org:8443"
            : null;

    static string[] Split(string list) =>
        list.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri)
        && uri.GetLeftPart(UriPartial.Authority).Equals(text, StringComparison.OrdinalIgnoreCase);

    public StorageOptions ToStorageOptions() =>
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
            MaxOpenSegments = MaxOpenSegments,
            MaxColdReads = MaxColdReads,
        };
}
