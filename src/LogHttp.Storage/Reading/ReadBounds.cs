namespace LogHttp.Storage.Reading;

/// <summary>
/// Where a read ends, besides the end of the log: after a number of records, or before an offset. A page with bounds
/// has its own end. It does not end where the pages of other readers do.
/// </summary>
public sealed record ReadBounds
{
    /// <summary>
    /// The most records of a page, from 1 on. They are counted as offsets from the first record on, so a page has fewer
    /// where offsets have gaps.
    /// </summary>
    public long MaxRecords
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    } = long.MaxValue;

    /// <summary>The offset before which the read ends.</summary>
    public long EndOffset { get; init; } = long.MaxValue;

    /// <summary>Returns the offset before which a page ends that begins with this record.</summary>
    internal long EndOfPageAt(long firstOffset) =>
        MaxRecords > EndOffset - firstOffset ? EndOffset : firstOffset + MaxRecords;
}
