using System.Numerics;

namespace LogHttp.Storage.Reading;

/// <summary>
/// The size of the pages of a fetch. Page ends are positions in the segment that depend on the page size alone. So
/// readers that started anywhere read the same pages after their first one.
/// </summary>
/// <remarks>
/// Page ends are the last block boundaries at or before multiples of <see cref="GridBytes"/>, which is a little less
/// than the page size. Boundaries do not fall on the multiples. If the multiples were the page size apart, every second
/// page would exceed the page size, or else be a lone block.
/// </remarks>
public readonly record struct PageSize
{
    /// <summary>4 KiB, one block.</summary>
    public const int SmallestBytes = 4 << 10;

    /// <summary>64 MiB.</summary>
    public const int LargestBytes = 64 << 20;

    /// <summary>Room for a block of records of common sizes. Small pages use a share of their size instead.</summary>
    const int SlackBytes = 16 << 10;

    PageSize(int maxBytes) => MaxBytes = maxBytes;

    /// <summary>1 MiB.</summary>
    public static PageSize Default => new(1 << 20);

    /// <summary>Returns the largest page size up to a number of bytes: a power of two from 4 KiB to 64 MiB.</summary>
    public static PageSize AtMost(long maxBytes) =>
        new((int)BitOperations.RoundUpToPowerOf2((ulong)Math.Clamp(maxBytes, SmallestBytes, LargestBytes) / 2 + 1));

    /// <summary>The most bytes of a page, unless its first record alone is larger.</summary>
    public int MaxBytes { get; }

    /// <summary>The distance of page ends.</summary>
    public int GridBytes => MaxBytes - Math.Min(MaxBytes / 8, SlackBytes);

    /// <summary>The growth after which a page that reaches the segment's end may end before it.</summary>
    internal long GrowthToPageEnd(long position, long endPosition)
    {
        // Behind the first byte of the page, and behind the grid points at which no end was found.
        var nextGrid = Math.Max(position / GridBytes + 1, (endPosition + GridBytes - 1) / GridBytes) * GridBytes;
        return Math.Max(1, Math.Min(nextGrid, position + MaxBytes) - endPosition + 1);
    }
}
