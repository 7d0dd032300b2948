namespace LogHttp.Storage.Verifying;

/// <summary>The kind of a finding: how it affects the records.</summary>
public enum FindingKind
{
    /// <summary>Worth knowing, but nothing is wrong with the log.</summary>
    Note,

    /// <summary>
    /// An index, or another file that the log can do without, is wrong. The server rebuilds it from the segment.
    /// </summary>
    Index,

    /// <summary>Records, or the data that locates them, are damaged. Only a copy brings them back.</summary>
    Data,
}

/// <summary>A finding of a verification.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Path">The file, or the directory.</param>
/// <param name="Position">The position in the file, in bytes.</param>
/// <param name="LengthBytes">The length, or 0 when it has no meaning.</param>
/// <param name="Reason">The content that was expected, and the content that was found.</param>
public sealed record Finding(FindingKind Kind, string Path, long Position, long LengthBytes, string Reason)
{
    /// <summary>The topic, or null if it is unknown.</summary>
    public string? Topic { get; init; }

    /// <summary>The partition, or null if the finding is not of one.</summary>
    public int? Partition { get; init; }

    /// <summary>The segment's base offset, or null if the finding is not of one.</summary>
    public long? Segment { get; init; }

    /// <summary>The offset after the damaged block, or null if it is unknown. Readers can resume there.</summary>
    public long? NextOffset { get; init; }
}
