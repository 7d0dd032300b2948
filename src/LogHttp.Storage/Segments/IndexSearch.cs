using LogHttp.Storage.Files;

namespace LogHttp.Storage.Segments;

/// <summary>
/// Looks for boundaries in one index file. It keeps the last stretch of entries that it read. The boundaries of a page
/// are mostly in one stretch, and took four reads before. For one thread, and one view of the log.
/// </summary>
/// <param name="index">The index file.</param>
/// <param name="entries">How many of its entries count.</param>
/// <param name="stretch">The buffer for entries, of <see cref="StretchBytes"/>.</param>
internal ref struct IndexSearch(IFile index, int entries, Span<byte> stretch)
{
    /// <summary>The bytes of one read, less than a page of memory.</summary>
    public const int StretchBytes = StretchEntries * IndexEntry.SizeBytes;

    const int StretchEntries = 128;

    readonly Span<byte> _stretch = stretch;
    int _count;

    /// <summary>
    /// Returns the last boundary (position 0 before them all) whose key is not beyond the target. Keys do not decrease.
    /// </summary>
    /// <param name="target">The key to look for.</param>
    /// <param name="endKey">
    /// The key at the end of the entries. The search guesses the target's place between 0 and this key.
    /// </param>
    /// <param name="keyOf">Returns the key of an entry.</param>
    /// <exception cref="CorruptIndexException">An entry on the way is damaged.</exception>
    public IndexEntry Floor(long target, long endKey, Func<IndexEntry, long> keyOf)
    {
        if (_count > 1 && keyOf(Entry(0)) <= target && keyOf(Entry(_count - 1)) > target)
            return FloorInStretch(target, keyOf);
        // Blocks have nearly the same size, so a guess by proportion mostly finds the right stretch with the first
        // read. It cut 45 reads of a fetch to about 4 on a full segment. After the guess, the search halves.
        var (floor, low, high) = (IndexEntry.Start, 0, entries);
        var guess = (int)(entries * Math.Clamp((double)target / Math.Max(1, endKey), 0, 1));
        while (low < high)
        {
            var first = Math.Clamp(guess - StretchEntries / 2, low, Math.Max(low, high - StretchEntries));
            Read(first, Math.Min(StretchEntries, high - first));
            if (keyOf(Entry(0)) > target)
                high = first;
            else if (keyOf(Entry(_count - 1)) <= target)
                (floor, low) = (Entry(_count - 1), first + _count);
            else
                return FloorInStretch(target, keyOf);
            guess = low + (high - low) / 2;
        }
        return floor;
    }

    void Read(int first, int count)
    {
        _count = 0;
        var bytes = _stretch[..(count * IndexEntry.SizeBytes)];
        if (index.Read(bytes, IndexFile.PositionOf(first)) < bytes.Length)
            throw new CorruptIndexException();
        _count = count;
    }

    /// <summary>The first entry of the stretch is not beyond the target, but the last is.</summary>
    readonly IndexEntry FloorInStretch(long target, Func<IndexEntry, long> keyOf)
    {
        var (low, high) = (0, _count - 1);
        while (high - low > 1)
        {
            var middle = low + (high - low) / 2;
            if (keyOf(Entry(middle)) <= target)
                low = middle;
            else
                high = middle;
        }
        return Entry(low);
    }

    readonly IndexEntry Entry(int number) =>
        IndexEntry.TryRead(_stretch.Slice(number * IndexEntry.SizeBytes, IndexEntry.SizeBytes), out var entry)
            ? entry
            : throw new CorruptIndexException();
}
