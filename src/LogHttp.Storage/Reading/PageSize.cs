using System.Numerics;

namespace LogHttp.Storage.Reading;

/// <summary>
/// How large the pages of a fetch are. Page ends are places in the segment that depend on the page size alone, so that
/// readers who started anywhere meet on the same pages after one.
/// </summary>
/// <remarks>
/// The places are the last block boundaries at or before multiples of <see cref="GridBytes"/>, which is a little less
/// than the page size: boundaries do not fall on the multiples, and if the multiples were the page size apart, every
/// second page would be longer than asked for, or else a lone block.
/// </remarks>
public readonly record struct PageSize
{
    /// <summary>4 KiB, one block.</summary>
    public const int LeastBytes = 4 << 10;

    /// <summary>64 MiB.</summary>
    public const int MostBytes = 64 << 20;

    /// <summary>Room for a block of records of common sizes; a share of small pages.</summary>
    const int SlackBytes = 16 << 10;

    PageSize(int maxBytes) => MaxBytes = maxBytes;

    /// <summary>1 MiB.</summary>
    public static PageSize Default => new(1 << 20);

    /// <summary>What was asked for, rounded down to a power of two and into the range of 4 KiB to 64 MiB.</summary>
    public static PageSize AtMost(long maxBytes) =>
        new((int)BitOperations.RoundUpToPowerOf2((ulong)Math.Clamp(maxBytes, LeastBytes, MostBytes) / 2 + 1));

    /// <summary>The most bytes of a page, unless its first record alone is larger.</summary>
    public int MaxBytes { get; }

    /// <summary>How far apart page ends are.</summary>
    public int GridBytes => MaxBytes - Math.Min(MaxBytes / 8, SlackBytes);

    /// <summary>By how much a segment has to grow so that a page which goes to its end may end before it.</summary>
    internal long GrowthToPageEnd(long position, long endPosition)
    {
        // Behind its first byte, and not where its end was looked for in vain already.
        var nextGrid = Math.Max(position / GridBytes + 1, (endPosition + GridBytes - 1) / GridBytes) * GridBytes;
        return Math.Max(1, Math.Min(nextGrid, position + MaxBytes) - endPosition + 1);
    }
}
