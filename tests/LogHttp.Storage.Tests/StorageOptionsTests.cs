namespace LogHttp.Storage.Tests;

public class StorageOptionsTests
{
    static readonly StorageOptions Defaults = new() { Directory = "data" };

    [Fact]
    public void Check_Defaults_FindsNothing() => Assert.Null(Defaults.Check());

    public static TheoryData<string, StorageOptions> OutOfRange =>
        new()
        {
            { "Directory", Defaults with { Directory = " " } },
            { "MaxRecordBytes", Defaults with { Records = new RecordLimits { MaxRecordBytes = (1 << 10) - 1 } } },
            { "MaxRecordBytes", Defaults with { Records = new RecordLimits { MaxRecordBytes = (64 << 20) + 1 } } },
            { "MaxBatchBytes", Defaults with { Records = new RecordLimits { MaxBatchBytes = 1 << 20 } } },
            { "MaxKeyBytes", Defaults with { Records = new RecordLimits { MaxKeyBytes = 0 } } },
            { "MaxHeadersBytes", Defaults with { Records = new RecordLimits { MaxHeadersBytes = 0 } } },
            { "MaxTopics", Defaults with { MaxTopics = 0 } },
            { "MaxQueuedBytes", Defaults with { MaxQueuedBytes = (64 << 20) - 1 } },
            { "MaxGroupBytes", Defaults with { MaxGroupBytes = (64 << 10) - 1 } },
            { "CheckpointBytes", Defaults with { CheckpointBytes = (64 << 10) - 1 } },
            { "SyncAllThreshold", Defaults with { SyncAllThreshold = -1 } },
            { "MaxOpenSegments", Defaults with { MaxOpenSegments = 3 } },
            { "Partitions", Defaults with { TopicDefaults = new TopicConfiguration { Partitions = 0 } } },
            { "Partitions", Defaults with { TopicDefaults = new TopicConfiguration { Partitions = 1025 } } },
            {
                "SegmentBytes",
                Defaults with
                {
                    TopicDefaults = new TopicConfiguration { SegmentBytes = (64 << 10) - 1 },
                }
            },
            {
                "SegmentBytes",
                Defaults with
                {
                    TopicDefaults = new TopicConfiguration { SegmentBytes = (2L << 30) + 1 },
                }
            },
        };

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public void Check_OptionOutOfRange_NamesIt(string name, StorageOptions options) =>
        Assert.StartsWith(name, options.Check(), StringComparison.Ordinal);
}
