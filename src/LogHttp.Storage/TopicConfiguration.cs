using System.Globalization;

namespace LogHttp.Storage;

/// <summary>The configuration of one topic, kept in its topic.json (api/FORMAT.md §6).</summary>
public sealed record TopicConfiguration
{
    /// <summary>The most partitions of a topic.</summary>
    public const int MaxPartitions = 1024;

    /// <summary>The number of partitions, 1 to <see cref="MaxPartitions"/>.</summary>
    public int Partitions { get; init; } = 1;

    /// <summary>
    /// The size of a segment, 64 KiB to 2 GiB. A segment is sealed before the batch that would exceed it. A larger
    /// batch gets a segment of its own.
    /// </summary>
    public long SegmentBytes { get; init; } = 256L << 20;

    /// <summary>Decides when records are acknowledged.</summary>
    public FlushPolicy Flush { get; init; } = FlushPolicy.Always;

    /// <summary>
    /// How long records are kept after the last append to their segment, in milliseconds, a second or more. 0 keeps
    /// them for ever.
    /// </summary>
    public long RetentionMs { get; init; }

    /// <summary>The most bytes of the segments of all partitions together, 64 KiB or more. 0 sets no limit.</summary>
    public long RetentionBytes { get; init; }

    /// <summary>The form of the values. When it changes, the records in the log stay as they are.</summary>
    public ValueForm Values { get; init; }

    /// <summary>
    /// The largest encoded record, 1 KiB or more. 0, or a value above <see cref="RecordLimits.MaxRecordBytes"/>,
    /// applies that limit.
    /// </summary>
    public int MaxRecordBytes { get; init; }

    /// <summary>Labels that users give the topic. They have no effect.</summary>
    public TopicLabels Labels { get; init; } = TopicLabels.None;

    /// <summary>Returns the limits of this topic's records, within the server's limits.</summary>
    public RecordLimits LimitsWithin(RecordLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        return MaxRecordBytes == 0 || MaxRecordBytes >= limits.MaxRecordBytes
            ? limits
            : limits with
            {
                MaxRecordBytes = MaxRecordBytes,
            };
    }

    /// <summary>
    /// The size of a segment. Retention removes whole segments. So they are small enough that it removes about an
    /// eighth of the kept bytes at once, and not all of them.
    /// </summary>
    internal long RollBytes =>
        RetentionBytes == 0
            ? SegmentBytes
            : Math.Clamp(RetentionBytes / Partitions / RetentionSteps, SegmentBytesLowerBound, SegmentBytes);

    /// <summary>The longest time that a segment is appended to, for the same reason. 0: for ever.</summary>
    internal long RollMs => RetentionMs / RetentionSteps;

    /// <summary>A hundred years.</summary>
    const long RetentionMsUpperBound = 36_525L * 24 * 3600 * 1000;

    const int RetentionSteps = 8;
    const long SegmentBytesLowerBound = 64 << 10;
    const int MaxRecordBytesLowerBound = 1 << 10;

    /// <summary>Returns a message about the first setting that is out of its range, or null.</summary>
    public string? Check() =>
        Partitions is < 1 or > MaxPartitions
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"Partitions is {Partitions}; it must be from 1 to {MaxPartitions}"
            )
        : SegmentBytes is < SegmentBytesLowerBound or > 2L << 30
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"SegmentBytes is {SegmentBytes}; it must be from {SegmentBytesLowerBound} to {2L << 30}"
            )
        : RetentionMs is not 0 and (< 1000 or > RetentionMsUpperBound)
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"RetentionMs is {RetentionMs}; it must be from 1000 to {RetentionMsUpperBound}, or 0 to keep records "
                    + $"for ever"
            )
        : RetentionBytes is not 0 and (< SegmentBytesLowerBound or > 1L << 60)
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"RetentionBytes is {RetentionBytes}; it must be from {SegmentBytesLowerBound} to {1L << 60}, or 0 for "
                    + $"no bound"
            )
        : !Enum.IsDefined(Values)
            ? string.Create(CultureInfo.InvariantCulture, $"Values is {Values}; it must be {ValueForms.Grammar}")
        : MaxRecordBytes is not 0 and (< MaxRecordBytesLowerBound or > RecordLimits.MaxRecordBytesUpperBound)
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"MaxRecordBytes is {MaxRecordBytes}; it must be from {MaxRecordBytesLowerBound} to "
                    + $"{RecordLimits.MaxRecordBytesUpperBound}, or 0 for the server's setting"
            )
        : Labels.Check();
}
