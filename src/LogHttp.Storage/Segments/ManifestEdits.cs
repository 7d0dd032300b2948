namespace LogHttp.Storage.Segments;

/// <summary>A segment in the manifest.</summary>
/// <param name="BaseOffset">The base offset.</param>
/// <param name="Generation">Raised when its records are written again in other files.</param>
/// <param name="LastAppendMs">The time of the last append, in Unix milliseconds. 0 if it is unknown.</param>
/// <param name="Extent">The end of the segment, or null while it is active.</param>
/// <param name="AppendedBytes">The length of the active segment at <c>LastAppendMs</c>. 0 if it is unknown.</param>
internal sealed record ManifestSegment(
    long BaseOffset,
    uint Generation,
    long LastAppendMs = 0,
    SegmentExtent? Extent = null,
    long AppendedBytes = 0
)
{
    /// <summary>Whether the segment never changes any more.</summary>
    public bool IsSealed => Extent is not null;
}

/// <summary>The end of a sealed segment.</summary>
/// <param name="EndOffset">The offset after its last record.</param>
/// <param name="LengthBytes">Its length.</param>
internal readonly record struct SegmentExtent(long EndOffset, long LengthBytes);

/// <summary>One change of a partition's segments (api/FORMAT.md §14).</summary>
internal abstract record ManifestEdit
{
    ManifestEdit() { }

    /// <summary>A segment was created behind all others. The one before it is sealed.</summary>
    public sealed record SegmentMade(ManifestSegment Segment) : ManifestEdit;

    /// <summary>The active segment was sealed.</summary>
    public sealed record SegmentSealed(ManifestSegment Segment) : ManifestEdit;

    /// <summary>Segments were removed, and the log starts at another offset or at the same.</summary>
    public sealed record SegmentsRemoved(IReadOnlyList<long> BaseOffsets, long LogStartOffset) : ManifestEdit;

    /// <summary>The log starts at a later offset.</summary>
    public sealed record LogStartMoved(long LogStartOffset) : ManifestEdit;

    /// <summary>The active segment was last appended to at this time, and was this long then.</summary>
    public sealed record ActiveAppended(long LastAppendMs, long LengthBytes) : ManifestEdit;

    /// <summary>
    /// Sealed segments that follow each other were replaced by others of a higher generation, all at once.
    /// </summary>
    public sealed record SegmentsSwapped(IReadOnlyList<long> BaseOffsets, IReadOnlyList<ManifestSegment> Replacements)
        : ManifestEdit;

    /// <summary>
    /// The topic's configuration changed. The number of partitions stands in the first line only, so a change of it
    /// replaces the file.
    /// </summary>
    public sealed record Configured(TopicConfiguration Configuration) : ManifestEdit;
}
