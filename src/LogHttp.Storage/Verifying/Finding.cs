namespace LogHttp.Storage.Verifying;

/// <summary>What a finding means for the records.</summary>
public enum FindingKind
{
    /// <summary>Worth knowing, and nothing is wrong with the log.</summary>
    Note,

    /// <summary>
    /// An index, or another file that the log can do without, is not what it should be: it is made anew from the
    /// segment.
    /// </summary>
    Index,

    /// <summary>Records, or what says where they are, are not what was written: only a copy brings them back.</summary>
    Data,
}

/// <summary>Something that a verification came upon.</summary>
/// <param name="Kind">What it means for the records.</param>
/// <param name="Path">The file, or the directory.</param>
/// <param name="Position">Where in the file it begins, in bytes.</param>
/// <param name="LengthBytes">How far it reaches; 0 where that says nothing.</param>
/// <param name="Reason">What was expected and found.</param>
public sealed record Finding(FindingKind Kind, string Path, long Position, long LengthBytes, string Reason)
{
    /// <summary>The topic, where it is known.</summary>
    public string? Topic { get; init; }

    /// <summary>The partition, where it is of one.</summary>
    public int? Partition { get; init; }

    /// <summary>The segment's base offset, where it is of one.</summary>
    public long? Segment { get; init; }

    /// <summary>The offset after the damaged block, where that is known: readers can go on there.</summary>
    public long? NextOffset { get; init; }
}
