namespace LogHttp.Storage.Segments;

/// <summary>
/// Caches the last pages that were looked up in one segment, as long as its files are open. Many readers ask for the
/// same pages. A lookup reads the index and a line or a block, a tenth of the cost of a small page. Any thread: a page
/// is replaced as a whole, and a reader that finds another page in its slot looks its own up.
/// </summary>
internal sealed class FoundPages
{
    /// <summary>The number of cached pages: 4 KiB for a segment, or 16 KiB if all have companions.</summary>
    public const int Slots = 32;

    FoundPage?[]? _slots;

    /// <summary>Returns the page of that size from an offset on, if it was looked up and not replaced since.</summary>
    public FoundPage? Find(long offset, int maxBytes) =>
        Volatile.Read(ref _slots) is { } slots
        && Volatile.Read(ref slots[SlotOf(offset)]) is { } page
        && page.Offset == offset
        && page.MaxBytes == maxBytes
            ? page
            : null;

    public void Add(FoundPage page)
    {
        // If two threads add the first page at once, one page is lost.
        if (Volatile.Read(ref _slots) is not { } slots)
            Volatile.Write(ref _slots, slots = new FoundPage?[Slots]);
        Volatile.Write(ref slots[SlotOf(page.Offset)], page);
    }

    // Pages follow one another at equal steps. The high bits of a product are spread for every step.
    static int SlotOf(long offset) => (int)((ulong)offset * 0x9E37_79B9_7F4A_7C15 >> 59);
}

/// <summary>A page that was looked up.</summary>
/// <param name="Offset">The wanted offset.</param>
/// <param name="MaxBytes">The page size.</param>
/// <param name="Position">The position of the page.</param>
/// <param name="FirstOffset">The first record's offset. Behind a gap it is not the wanted one.</param>
/// <param name="EndPosition">The end of the page. If not <paramref name="IsFixed"/>, the end at the lookup.</param>
/// <param name="NextOffset">The offset after the page. If not <paramref name="IsFixed"/>, that at the lookup.</param>
/// <param name="IsFixed">Whether the page ends there for ever, however the log grows.</param>
internal sealed record FoundPage(
    long Offset,
    int MaxBytes,
    long Position,
    long FirstOffset,
    long EndPosition,
    long NextOffset,
    bool IsFixed
)
{
    volatile object? _companion;

    /// <summary>What a reader keeps beside a fixed page. Any thread. The last one that is set stays.</summary>
    public object? Companion
    {
        get => _companion;
        set => _companion = value;
    }
}
