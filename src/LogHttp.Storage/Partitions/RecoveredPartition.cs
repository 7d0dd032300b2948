using LogHttp.Storage.Producers;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Partitions;

/// <summary>The state of a partition at the start, as <see cref="PartitionRecovery"/> found it.</summary>
/// <param name="Checkpoint">The checkpoint that is on the disk.</param>
/// <param name="View">The records that readers see.</param>
/// <param name="Written">The position of the next record.</param>
/// <param name="LastStampMs">The server's last timestamp, Unix milliseconds.</param>
/// <param name="Producers">The producers up to that position.</param>
/// <param name="ReadOnlyReason">Why nothing may be appended, or null.</param>
internal sealed record RecoveredPartition(
    Checkpoint Checkpoint,
    LogView View,
    SegmentCursor Written,
    long LastStampMs,
    ProducerTable Producers,
    string? ReadOnlyReason
)
{
    /// <summary>Whether the journal decides the log's end.</summary>
    public bool IsJournaled { get; init; }

    /// <summary>The number of bytes after the checkpoint.</summary>
    public long UncheckpointedBytes { get; init; }

    /// <summary>The ages of the segments with content. Null if all are empty.</summary>
    public SegmentAges? Ages { get; init; }

    /// <summary>Segments before the log's start that the start could not remove, because the disk was full.</summary>
    public IReadOnlyList<Segment> Trimmed { get; init; } = [];

    /// <summary>The partition's manifest. Null for a read-only partition without a valid one.</summary>
    public SegmentManifest? Manifest { get; init; }
}
