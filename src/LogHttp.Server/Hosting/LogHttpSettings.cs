using LogHttp.Storage;
using LogHttp.Storage.Records;

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

    public int MaxTopics { get; set; } = Defaults.MaxTopics;
    public int MaxRecordBytes { get; set; } = Defaults.Records.MaxRecordBytes;
    public int MaxBatchBytes { get; set; } = Defaults.Records.MaxBatchBytes;
    public int MaxKeyBytes { get; set; } = Defaults.Records.MaxKeyBytes;
    public int MaxHeadersBytes { get; set; } = Defaults.Records.MaxHeadersBytes;
    public long MaxQueuedBytes { get; set; } = Defaults.MaxQueuedBytes;
    public int MaxGroupBytes { get; set; } = Defaults.MaxGroupBytes;
    public long CheckpointBytes { get; set; } = Defaults.CheckpointBytes;
    public int SyncAllThreshold { get; set; } = Defaults.SyncAllThreshold;
    public int MaxOpenSegments { get; set; } = Defaults.MaxOpenSegments;

    /// <summary>The largest request body; what a batch may have once framed is <see cref="MaxBatchBytes"/>.</summary>
    public long MaxBodyBytes { get; set; } = Defaults.Records.MaxBatchBytes;

    /// <summary>Connections at once; more are closed as they come.</summary>
    public int MaxConnections { get; set; } = 15_000;

    /// <summary>Request bodies that are being read, all together; more are refused until some are done.</summary>
    public long MaxReadingBytes { get; set; } = 1L << 30;

    /// <summary>How long a body may bring nothing before its request is given up.</summary>
    public int BodyTimeoutSeconds { get; set; } = 30;

    /// <summary>How long a stop waits for requests under way; what was accepted is committed in any case.</summary>
    public int ShutdownTimeoutSeconds { get; set; } = 5;

    /// <summary>The limit on open files that <see cref="MaxConnections"/> and <see cref="MaxOpenSegments"/> had to be lowered for.</summary>
    internal long? HandleLimit { get; set; }

    /// <summary>Says what is wrong with the settings, or null.</summary>
    public string? Check()
    {
        if (LogFormat is not ("text" or "json"))
            return $"LogFormat is \"{LogFormat}\"; it must be \"text\" or \"json\"";
        if (!FlushPolicy.TryParse(Flush, out _))
            return $"Flush is \"{Flush}\"; it must be \"always\", \"os\", or a time from 1ms to 60m such as \"100ms\" or \"5s\"";
        if (MaxBodyBytes is < 1 or > 1L << 30)
            return $"MaxBodyBytes is {MaxBodyBytes}; it must be from 1 to {1L << 30}";
        if (MaxConnections < 1)
            return $"MaxConnections is {MaxConnections}; it must be 1 or more";
        if (MaxReadingBytes < MaxBodyBytes)
            return $"MaxReadingBytes is {MaxReadingBytes}; it must be at least MaxBodyBytes, {MaxBodyBytes}";
        if (BodyTimeoutSeconds is < 1 or > 3600)
            return $"BodyTimeoutSeconds is {BodyTimeoutSeconds}; it must be from 1 to 3600";
        if (ShutdownTimeoutSeconds is < 0 or > 3600)
            return $"ShutdownTimeoutSeconds is {ShutdownTimeoutSeconds}; it must be from 0 to 3600";
        return ToStorageOptions().Check();
    }

    public StorageOptions ToStorageOptions() => new()
    {
        Directory = DataDirectory.Length == 0 ? "" : Path.GetFullPath(DataDirectory),
        TopicDefaults = new TopicConfiguration
        {
            Partitions = Partitions,
            SegmentBytes = SegmentBytes,
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
        MaxQueuedBytes = MaxQueuedBytes,
        MaxGroupBytes = MaxGroupBytes,
        CheckpointBytes = CheckpointBytes,
        SyncAllThreshold = SyncAllThreshold,
        MaxOpenSegments = MaxOpenSegments,
    };
}
