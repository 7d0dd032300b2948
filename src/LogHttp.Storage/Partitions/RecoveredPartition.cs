using LogHttp.Storage.Producers;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Partitions;

/// <summary>Where a partition stands at the start, as <see cref="PartitionRecovery"/> found it.</summary>
/// <param name="Checkpoint">The checkpoint that is on the disk.</param>
/// <param name="View">What readers may see.</param>
/// <param name="Written">Where the next record goes.</param>
/// <param name="LastStampMs">The last timestamp the server gave out.</param>
/// <param name="Producers">The producers up to there.</param>
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
    /// <summary>Whether the journal decides where the log ends, or no longer.</summary>
    public bool IsJournaled { get; init; }

    /// <summary>How much lies behind the checkpoint.</summary>
    public long UncheckpointedBytes { get; init; }

    /// <summary>How old the segments are that hold something; null where none does.</summary>
    public SegmentAges? Ages { get; init; }

    /// <summary>Segments before the log's start, whose files a full disk did not let the start remove.</summary>
    public IReadOnlyList<Segment> Trimmed { get; init; } = [];

    /// <summary>The partition's manifest; null of a read-only partition without a sound one.</summary>
    public SegmentManifest? Manifest { get; init; }
}
