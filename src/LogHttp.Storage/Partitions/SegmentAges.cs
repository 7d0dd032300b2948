namespace LogHttp.Storage.Partitions;

/// <summary>The last append to segments with content, as a start found it.</summary>
/// <param name="NewestAppendMs">The latest of the times, Unix milliseconds.</param>
/// <param name="AreUnknown">Whether some of them are the files' own times, which a copy does not keep.</param>
internal readonly record struct SegmentAges(long NewestAppendMs, bool AreUnknown)
{
    /// <summary>Combines the ages of two partitions. Null stands for an empty partition.</summary>
    public static SegmentAges? Combine(SegmentAges? left, SegmentAges? right) =>
        (left, right) switch
        {
            (null, _) => right,
            (_, null) => left,
            ({ } one, { } other) => new(
                Math.Max(one.NewestAppendMs, other.NewestAppendMs),
                one.AreUnknown || other.AreUnknown
            ),
        };
}
