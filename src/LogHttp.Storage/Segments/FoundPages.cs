namespace LogHttp.Storage.Segments;

/// <summary>
/// The pages of one segment that were looked up last: many readers ask for the same ones, and a lookup reads the index
/// and a line or a block, a tenth of what a small page costs. As long as the files are open. Any thread: a page is
/// replaced as a whole, and whoever finds another in its place looks it up.
/// </summary>
internal sealed class FoundPages
{
    /// <summary>So many are remembered, less than 4 KiB for a segment.</summary>
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
        // Of two that come first, one is forgotten.
        if (Volatile.Read(ref _slots) is not { } slots)
            Volatile.Write(ref _slots, slots = new FoundPage?[Slots]);
        Volatile.Write(ref slots[SlotOf(page.Offset)], page);
    }

    // Pages follow one another at steps of one length: the high bits of a product are spread whatever it is.
    static int SlotOf(long offset) => (int)((ulong)offset * 0x9E37_79B9_7F4A_7C15 >> 59);
}

/// <summary>A page as it was found.</summary>
/// <param name="Offset">The offset that was asked for.</param>
/// <param name="MaxBytes">The page size that was asked for.</param>
/// <param name="Position">Where it begins.</param>
/// <param name="FirstOffset">The first record's offset: another than asked for behind a gap.</param>
/// <param name="EndPosition">Where it ends; if not <paramref name="IsFixed"/>, where it did.</param>
/// <param name="NextOffset">The offset that follows it; likewise.</param>
/// <param name="IsFixed">Whether it will end there for ever, however the log grows.</param>
internal sealed record FoundPage(
    long Offset,
    int MaxBytes,
    long Position,
    long FirstOffset,
    long EndPosition,
    long NextOffset,
    bool IsFixed
);
