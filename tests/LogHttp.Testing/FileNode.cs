using System.Diagnostics;

namespace LogHttp.Testing;

/// <summary>
/// A file's content in two layers: the live bytes, and the disk's bytes of each page that may differ.
/// </summary>
/// <remarks>
/// A page is in one of three states. Clean: the disk holds the live bytes. Dirty: a sync will write it, and until then
/// each 512-byte sector on the disk is old or live. Lost: a sync failed to write it and the kernel marked it clean.
/// Processes see the live bytes, the disk surely holds the old ones, and only another write makes the page dirty again.
/// The kernel may write a dirty page at any time. Then the disk's bytes are neither those of the last sync nor the live
/// ones. Live bytes beyond the end of the file are always zeros.
/// </remarks>
sealed class FileNode(SimulatedVolume volume, long number) : Node
{
    public const int PageSizeBytes = 4096;

    const int SectorSizeBytes = 512;
    const int SectorsPerPage = PageSizeBytes / SectorSizeBytes;
    const int NoSectors = 0;
    const int AllSectors = (1 << SectorsPerPage) - 1;

    readonly List<int> _dirtyPages = [];
    readonly List<LengthRun> _lengthRuns = [new(0, 0)];
    byte[] _live = [];
    Page[] _pages = [];
    int _copiedPageCount;

    public SimulatedVolume Volume => volume;

    /// <summary>Numbers the files of a disk in the order of their creation.</summary>
    public long Number { get; } = number;

    public long LengthBytes { get; private set; }

    /// <summary>
    /// The time of the last write, in Unix milliseconds. It stays the same through a power cut: the seam promises
    /// nothing of it.
    /// </summary>
    public long LastWriteMs { get; set; }

    /// <summary>The number of live names that lead to this file.</summary>
    public int LinkCount { get; set; }

    public int OpenHandleCount { get; set; }

    /// <summary>
    /// The number of failed syncs of this file. A handle reports each one once, unless it was opened later.
    /// </summary>
    public long ErrorCount { get; private set; }

    /// <summary>The fault of the last failed sync.</summary>
    public Fault LastError { get; private set; }

    /// <summary>
    /// The space that the file takes on the disk. Holes count. So do old pages that a copy-on-write volume keeps until
    /// a sync.
    /// </summary>
    public long AllocatedBytes => RoundUpToPages(LengthBytes) + (long)_copiedPageCount * PageSizeBytes;

    /// <summary>Whether a sync would write anything.</summary>
    public bool IsDirty => _dirtyPages.Count > 0 || !IsLengthDurable;

    bool IsLengthDurable => _lengthRuns.Count == 1 && _lengthRuns[0].LowestBytes == _lengthRuns[0].HighestBytes;

    public static long RoundUpToPages(long sizeBytes) =>
        (sizeBytes + PageSizeBytes - 1) / PageSizeBytes * PageSizeBytes;

    public int Read(Span<byte> destination, long position)
    {
        var count = (int)Math.Clamp(LengthBytes - position, 0, destination.Length);
        if (count > 0)
            _live.AsSpan((int)position, count).CopyTo(destination);
        return count;
    }

    public void Write(ReadOnlySpan<byte> source, long position)
    {
        if (source.IsEmpty)
            return;
        var end = checked((int)(position + source.Length));
        MakeRoom(end);
        for (var page = (int)(position / PageSizeBytes); page <= (end - 1) / PageSizeBytes; page++)
        {
            if (volume.IsCopyOnWrite && !_pages[page].IsDirty && page * (long)PageSizeBytes < LengthBytes)
                _copiedPageCount++;
            MarkDirty(page);
        }
        source.CopyTo(_live.AsSpan((int)position));
        if (end <= LengthBytes)
            return;
        LengthBytes = end;
        _lengthRuns[^1] = _lengthRuns[^1] with { HighestBytes = end };
    }

    public void Truncate(long lengthBytes)
    {
        Debug.Assert(lengthBytes >= 0 && lengthBytes <= LengthBytes, "truncation beyond the end");
        if (lengthBytes == LengthBytes)
            return;
        for (var page = (int)(lengthBytes / PageSizeBytes); page <= (LengthBytes - 1) / PageSizeBytes; page++)
            MarkDirty(page);
        _live.AsSpan((int)lengthBytes, (int)(LengthBytes - lengthBytes)).Clear();
        LengthBytes = lengthBytes;
        _lengthRuns.Add(new LengthRun(lengthBytes, lengthBytes));
    }

    /// <summary>Whether a write to a page needs a block that the file does not have yet.</summary>
    public bool NeedsBlock(int page) =>
        page * (long)PageSizeBytes >= RoundUpToPages(LengthBytes) || (volume.IsCopyOnWrite && !_pages[page].IsDirty);

    /// <summary>
    /// Makes the dirty pages and the length durable. Lost pages are not written, because the kernel takes them for
    /// clean.
    /// </summary>
    public void Sync()
    {
        foreach (var page in _dirtyPages)
            _pages[page] = default;
        _dirtyPages.Clear();
        _copiedPageCount = 0;
        MakeLengthDurable();
    }

    /// <summary>
    /// Fails a sync: some dirty pages reach the disk, whole or in part. The others are lost, and none stays dirty.
    /// </summary>
    public void FailSync(Random random, Fault error)
    {
        ErrorCount++;
        LastError = error;
        var survival = Survival.Draw(random);
        var tears = DrawTears(random);
        foreach (var page in _dirtyPages)
        {
            if (survival.Next())
            {
                _pages[page] = default;
                continue;
            }
            if (tears)
                WriteBack(page, DrawSectors(random));
            _pages[page].IsDirty = false;
        }
        _dirtyPages.Clear();
        _copiedPageCount = 0;
        if (random.Next(2) == 0)
            MakeLengthDurable();
    }

    /// <summary>Replaces the live content by the content that survives on the disk.</summary>
    public void PowerCut(Random random)
    {
        OpenHandleCount = 0;
        var survival = IsDirty ? Survival.Draw(random) : Survival.Certain(random);
        var tears = IsDirty && DrawTears(random);
        var (lengthBytes, truncatedToBytes) = DrawLength(random);
        for (var page = 0; page < _pages.Length; page++)
        {
            var position = page * PageSizeBytes;
            if (_pages[page].OnDisk is null)
                continue;
            // Pages wholly beyond the live end were cut away. The kernel never writes them back.
            var written = NoSectors;
            if (_pages[page].IsDirty && position < LengthBytes)
            {
                written = survival.Next() ? AllSectors : NoSectors;
                if (tears && random.Next(2) == 0)
                    written = DrawSectors(random);
            }
            if (written != AllSectors)
                RestoreOnDisk(page, written, truncatedToBytes, random);
            _pages[page] = default;
        }
        LengthBytes = lengthBytes;
        _live.AsSpan((int)lengthBytes).Clear();
        _dirtyPages.Clear();
        _copiedPageCount = 0;
        ResetLengthRuns();
    }

    // Whole pages are more frequent, as on most disks.
    bool DrawTears(Random random) => volume.Disk.TearsPages && random.Next(4) == 0;

    // Some sectors of a page: at least one, and not all.
    static int DrawSectors(Random random) => random.Next(NoSectors + 1, AllSectors);

    static bool Has(int sectors, int sector) => (sectors >> sector & 1) != 0;

    /// <summary>
    /// Writes sectors of a dirty page to the disk, as the kernel may. Processes see the page unchanged.
    /// </summary>
    void WriteBack(int page, int sectors)
    {
        var position = page * PageSizeBytes;
        if (position >= LengthBytes)
            return;
        ReadOnlySpan<byte> live = _live.AsSpan(position, PageSizeBytes);
        var liveBytes = (int)Math.Min(LengthBytes - position, PageSizeBytes);
        var onDisk = _pages[page].OnDisk;
        var sizeBytes = onDisk!.Length;
        for (var sector = 0; sector < SectorsPerPage; sector++)
            if (Has(sectors, sector))
                sizeBytes = Math.Max(sizeBytes, Math.Min((sector + 1) * SectorSizeBytes, liveBytes));
        Array.Resize(ref onDisk, sizeBytes);
        for (var sector = 0; sector < SectorsPerPage && sector * SectorSizeBytes < sizeBytes; sector++)
        {
            var start = sector * SectorSizeBytes;
            if (Has(sectors, sector))
                live[start..Math.Min(start + SectorSizeBytes, sizeBytes)].CopyTo(onDisk.AsSpan(start));
        }
        _pages[page].OnDisk = onDisk;
    }

    /// <summary>Restores the disk's bytes, except in the sectors that were written.</summary>
    void RestoreOnDisk(int page, int written, long truncatedToBytes, Random random)
    {
        ReadOnlySpan<byte> onDisk = _pages[page].OnDisk;
        var position = page * PageSizeBytes;
        // A truncation cut these bytes away. A page that grew back unwritten may hold them still, or zeros.
        var keptBytes = (int)Math.Clamp(truncatedToBytes - position, 0, onDisk.Length);
        if (keptBytes < onDisk.Length && random.Next(2) == 0)
            onDisk = onDisk[..keptBytes];
        for (var sector = 0; sector < SectorsPerPage; sector++)
        {
            if (Has(written, sector))
                continue;
            var start = sector * SectorSizeBytes;
            var live = _live.AsSpan(position + start, SectorSizeBytes);
            var old = onDisk[Math.Min(start, onDisk.Length)..Math.Min(start + SectorSizeBytes, onDisk.Length)];
            old.CopyTo(live);
            live[old.Length..].Clear();
        }
    }

    (long LengthBytes, long TruncatedToBytes) DrawLength(Random random)
    {
        if (IsLengthDurable)
            return (LengthBytes, long.MaxValue);
        // The latest run half the time. Otherwise a file with many truncations would rarely have all of them happen.
        var index = random.Next(2) == 0 ? _lengthRuns.Count - 1 : random.Next(_lengthRuns.Count);
        var run = _lengthRuns[index];
        var lengthBytes = random.Next(3) switch
        {
            0 => run.LowestBytes,
            1 => run.HighestBytes,
            _ => random.NextInt64(run.LowestBytes, run.HighestBytes + 1),
        };
        return (lengthBytes, LowestTruncation(index));
    }

    long LowestTruncation(int lastRun)
    {
        var lowestBytes = long.MaxValue;
        for (var index = 1; index <= lastRun; index++)
            lowestBytes = Math.Min(lowestBytes, _lengthRuns[index].LowestBytes);
        return lowestBytes;
    }

    void MakeLengthDurable()
    {
        // A durable truncation discards the bytes of lost pages beyond it. If the file grows again, they read as zeros.
        var truncatedToBytes = LowestTruncation(_lengthRuns.Count - 1);
        if (truncatedToBytes < long.MaxValue)
        {
            for (var page = (int)(truncatedToBytes / PageSizeBytes); page < _pages.Length; page++)
            {
                var keptBytes = (int)Math.Max(0, truncatedToBytes - page * PageSizeBytes);
                if (_pages[page].OnDisk is { } onDisk && onDisk.Length > keptBytes)
                    _pages[page].OnDisk = onDisk[..keptBytes];
            }
        }
        ResetLengthRuns();
    }

    void ResetLengthRuns()
    {
        _lengthRuns.RemoveRange(1, _lengthRuns.Count - 1);
        _lengthRuns[0] = new LengthRun(LengthBytes, LengthBytes);
    }

    void MarkDirty(int page)
    {
        ref var state = ref _pages[page];
        if (state.IsDirty)
        {
            if (volume.Disk.DrawsEarlyWriteBack())
                WriteBack(page, DrawTears(volume.Disk.Random) ? DrawSectors(volume.Disk.Random) : AllSectors);
            return;
        }
        if (state.OnDisk is null)
        {
            var position = page * PageSizeBytes;
            var sizeBytes = (int)Math.Clamp(LengthBytes - position, 0, PageSizeBytes);
            state.OnDisk = sizeBytes == 0 ? [] : _live.AsSpan(position, sizeBytes).ToArray();
        }
        state.IsDirty = true;
        _dirtyPages.Add(page);
    }

    void MakeRoom(int lengthBytes)
    {
        if (lengthBytes <= _live.Length)
            return;
        var sizeBytes = checked((int)RoundUpToPages(Math.Max(lengthBytes, _live.Length * 2L)));
        Array.Resize(ref _live, sizeBytes);
        Array.Resize(ref _pages, sizeBytes / PageSizeBytes);
    }

    /// <param name="OnDisk">
    /// The disk's bytes, up to the end that the file had there, with zeros behind it. Null if the disk holds the live
    /// bytes.
    /// </param>
    /// <param name="IsDirty">Whether the next sync writes the page.</param>
    record struct Page(byte[]? OnDisk, bool IsDirty);

    /// <summary>
    /// The lengths between two truncations that were not synced. Growth reaches the disk by any amount. A truncation
    /// reaches it whole or not at all.
    /// </summary>
    readonly record struct LengthRun(long LowestBytes, long HighestBytes);
}
