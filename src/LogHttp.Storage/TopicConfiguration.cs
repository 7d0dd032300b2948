using System.Globalization;

namespace LogHttp.Storage;

/// <summary>What is decided for each topic; kept in its topic.json (api/FORMAT.md §6).</summary>
public sealed record TopicConfiguration
{
    /// <summary>How many partitions the topic has, 1 to 1,024.</summary>
    public int Partitions { get; init; } = 1;

    /// <summary>
    /// A segment is sealed before the batch that would make it larger, 64 KiB to 2 GiB. A larger batch gets one of its
    /// own.
    /// </summary>
    public long SegmentBytes { get; init; } = 256L << 20;

    /// <summary>What an acknowledgement means.</summary>
    public FlushPolicy Flush { get; init; } = FlushPolicy.Always;

    /// <summary>
    /// How long records are kept after their segment was last appended to, in milliseconds, from a second on; 0: for
    /// ever.
    /// </summary>
    public long RetentionMs { get; init; }

    /// <summary>
    /// How many bytes the segments of all partitions together may take, from 64 KiB on; 0: any number.
    /// </summary>
    public long RetentionBytes { get; init; }

    /// <summary>Which values records may have. Records that are in the log stay as they are when it changes.</summary>
    public ValueForm Values { get; init; }

    /// <summary>
    /// The largest encoded record, from 1 KiB; 0, or more than <see cref="RecordLimits.MaxRecordBytes"/>: as that says.
    /// </summary>
    public int MaxRecordBytes { get; init; }

    /// <summary>What is noted about the topic; it has no effect.</summary>
    public TopicLabels Labels { get; init; } = TopicLabels.None;

    /// <summary>How large records may be here, where the server's limits say how large they may be anywhere.</summary>
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
    /// How large a segment grows. What retention removes is whole segments: smaller ones, so that about an eighth of
    /// what is kept is removed at once, and not all of it.
    /// </summary>
    internal long RollBytes =>
        RetentionBytes == 0
            ? SegmentBytes
            : Math.Clamp(RetentionBytes / Partitions / RetentionSteps, LeastSegmentBytes, SegmentBytes);

    /// <summary>How long a segment is appended to at the most, for the same reason; 0: for ever.</summary>
    internal long RollMs => RetentionMs / RetentionSteps;

    /// <summary>A hundred years.</summary>
    const long MostRetentionMs = 36_525L * 24 * 3600 * 1000;

    const int RetentionSteps = 8;
    const long LeastSegmentBytes = 64 << 10;
    const int LeastRecordBytes = 1 << 10;

    /// <summary>Says which setting is out of its range, or null.</summary>
    public string? Check() =>
        Partitions is < 1 or > 1024
            ? string.Create(CultureInfo.InvariantCulture, $"Partitions is {Partitions}; it must be from 1 to 1024")
        : SegmentBytes is < LeastSegmentBytes or > 2L << 30
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"SegmentBytes is {SegmentBytes}; it must be from {LeastSegmentBytes} to {2L << 30}"
            )
        : RetentionMs is not 0 and (< 1000 or > MostRetentionMs)
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"RetentionMs is {RetentionMs}; it must be from 1000 to {MostRetentionMs}, or 0 to keep records "
                    + $"for ever"
            )
        : RetentionBytes is not 0 and (< LeastSegmentBytes or > 1L << 60)
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"RetentionBytes is {RetentionBytes}; it must be from {LeastSegmentBytes} to {1L << 60}, or 0 for "
                    + $"no bound"
            )
        : !Enum.IsDefined(Values)
            ? string.Create(CultureInfo.InvariantCulture, $"Values is {Values}; it must be {ValueForms.Grammar}")
        : MaxRecordBytes is not 0 and (< LeastRecordBytes or > RecordLimits.MostRecordBytes)
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"MaxRecordBytes is {MaxRecordBytes}; it must be from {LeastRecordBytes} to "
                    + $"{RecordLimits.MostRecordBytes}, or 0 for the server's setting"
            )
        : Labels.Check();
}
