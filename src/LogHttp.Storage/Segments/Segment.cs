using LogHttp.Storage.Files;

namespace LogHttp.Storage.Segments;

/// <summary>
/// One segment: its name, its two files while somebody uses them, and, once sealed, where it ends. Files are opened by
/// the first <see cref="Acquire"/> and closed by <see cref="OpenSegments"/> when idle, never below a lease. Any thread.
/// </summary>
internal sealed class Segment
{
    readonly OpenSegments _open;
    readonly StorageEnvironment _environment;
    readonly string _directory;
    readonly Lock _gate = new();

    // Guarded by _gate.
    SegmentFiles? _files;
    int _leases;
    bool _retired;

    volatile DamagedRange[] _damage = [];

    long _lastUsed;
    long _lastAppendMs;

    public Segment(StorageEnvironment environment, OpenSegments open, string directory, long baseOffset)
    {
        (_environment, _open, _directory, BaseOffset) = (environment, open, directory, baseOffset);
    }

    public long BaseOffset { get; }

    // Put together where they are asked for: two paths are as large as all else that an idle segment keeps.
    public string DataPath => Path.Combine(_directory, SegmentLayout.DataName(BaseOffset));
    public string IndexPath => Path.Combine(_directory, SegmentLayout.IndexName(BaseOffset));

    /// <summary>Where a sealed segment ends; null while it is active, and until it was first opened.</summary>
    public SegmentEnd? End { get; private set; }

    /// <summary>How long a sealed segment is, also before it is first opened.</summary>
    public long SealedBytes { get; set; }

    /// <summary>What verifications found to be wrong, in order.</summary>
    public IReadOnlyList<DamagedRange> Damage
    {
        get => _damage;
        set => _damage = [.. value.OrderBy(static range => range.Position)];
    }

    /// <summary>When it was last verified, as a timestamp of the environment's; null when it was not since the start. The scrub's own.</summary>
    public long? LastVerified { get; set; }

    /// <summary>Whether it is gone from the log.</summary>
    public bool IsRetired
    {
        get
        {
            lock (_gate)
                return _retired;
        }
    }

    /// <summary>When records were last appended to it, by the server's clock, Unix milliseconds; after a start, when the file was last written.</summary>
    public long LastAppendMs
    {
        get => Volatile.Read(ref _lastAppendMs);
        set => Volatile.Write(ref _lastAppendMs, value);
    }

    /// <summary>When it was last acquired, as a timestamp of the environment's; says who may be closed first.</summary>
    public long LastUsed => Volatile.Read(ref _lastUsed);

    /// <summary>Makes both files of a new, empty segment, replacing what a failed earlier attempt may have left.</summary>
    public void Create()
    {
        DeleteFiles();
        _environment.FileSystem.Create(DataPath).Dispose();
        using var index = _environment.FileSystem.Create(IndexPath);
        IndexFile.WriteHeader(index, BaseOffset);
        index.Sync();
    }

    /// <summary>Opens the files if need be and keeps them open until the lease is disposed of.</summary>
    /// <param name="isSealed">Also makes sure of <see cref="End"/>, and of an index that reaches it.</param>
    /// <param name="mayWait">Whether the thread may wait for the disk to do so.</param>
    /// <exception cref="LogClosedException">It is retired and its files are closed: by now another topic's may have their names.</exception>
    /// <exception cref="WouldWaitException">It may not wait, and has to.</exception>
    public SegmentLease Acquire(bool isSealed, bool mayWait = true)
    {
        // Before the lock is taken: making room takes the locks of other segments.
        if (Volatile.Read(ref _files) is null || (isSealed && End is null))
            _open.MakeRoom();
        lock (_gate)
        {
            if (_files is null)
            {
                if (_retired)
                    throw new LogClosedException();
                _files = SegmentFiles.Open(_environment.FileSystem, this);
                _open.Add(this);
            }
            if (isSealed && End is null)
                End = ReadEnd(_files, mayWait);
            _leases++;
            Volatile.Write(ref _lastUsed, _environment.Time.GetTimestamp());
            return new SegmentLease(this, _files);
        }
    }

    /// <summary>Opens the index of a segment whose files are open; the index is only a shortcut: a missing one is made, and rebuilt by whoever first needs what it holds.</summary>
    /// <exception cref="LogClosedException">It is retired: by now another topic's index, or nothing, may have its name.</exception>
    internal IFile OpenIndex(ref IFile? index)
    {
        // As in Acquire, which has done it where it is the one who asks.
        if (!_gate.IsHeldByCurrentThread)
            _open.MakeRoom();
        lock (_gate)
        {
            if (index is not null)
                return index;
            if (_retired)
                throw new LogClosedException();
            var opened = OpenOrCreateIndex();
            _open.AddIndex();
            Volatile.Write(ref index, opened);
            return opened;
        }
    }

    IFile OpenOrCreateIndex()
    {
        try
        {
            return _environment.FileSystem.Open(IndexPath);
        }
        catch (FileNotFoundException)
        {
            return _environment.FileSystem.Create(IndexPath);
        }
    }

    /// <summary>The first damage that reaches into a range.</summary>
    public DamagedRange? DamageWithin(long position, long endPosition)
    {
        foreach (var range in _damage)
        {
            if (range.Position < endPosition && position < range.EndPosition)
                return range;
        }
        return null;
    }

    /// <summary>Says that the segment was sealed at this place.</summary>
    public void Seal(SegmentEnd end)
    {
        lock (_gate)
            (End, SealedBytes) = (end, end.Position);
    }

    internal void Release()
    {
        bool isRetired;
        lock (_gate)
        {
            _leases--;
            isRetired = _retired;
        }
        if (isRetired)
            TryClose();
    }

    /// <summary>Nobody will ask for this segment any more: its files are closed with the last lease.</summary>
    public void Retire()
    {
        lock (_gate)
            _retired = true;
        TryClose();
    }

    /// <summary>Removes both files' names.</summary>
    public void DeleteFiles()
    {
        _environment.FileSystem.DeleteFile(DataPath);
        _environment.FileSystem.DeleteFile(IndexPath);
    }

    /// <summary>Closes the files unless somebody uses them; gives how many were open.</summary>
    public int TryClose()
    {
        lock (_gate)
        {
            if (_leases > 0 || _files is not { } files)
                return 0;
            var count = files.Count;
            files.Dispose();
            _files = null;
            _open.Remove(this, count);
            return count;
        }
    }

    /// <summary>Computes the first boundaries anew and writes them over what the index holds; the bytes decide, so this may run beside readers and the writer.</summary>
    public void RebuildIndex(SegmentFiles files, long endPosition, bool isSealed)
    {
        var scan = SegmentScan.Run(files.Data, new SegmentCursor(BaseOffset), endPosition);
        if (scan.Bad is { } bad)
            throw new CorruptionException(DataPath, bad.Position, bad.Reason);
        var end = scan.End;
        if (isSealed && end.BlockPosition != end.Position)
            scan.Entries.Add(end.CloseBlock());
        if (isSealed)
            RefuseToForgetDamage(files, scan.Entries);
        IndexFile.WriteHeader(files.Index, BaseOffset);
        IndexFile.Write(files.Index, 0, scan.Entries.ToArray());
        if (isSealed)
        {
            IndexFile.Truncate(files.Index, scan.Entries.Count);
            files.Index.Sync();
        }
        StorageLog.IndexRebuilt(_environment.Logger, IndexPath, scan.Entries.Count);
    }

    /// <summary>A sound entry of the old index knows the block as it was written: one made anew over other bytes would take them for right.</summary>
    void RefuseToForgetDamage(SegmentFiles files, List<IndexEntry> entries)
    {
        var position = 0L;
        for (var number = 0; number < entries.Count; number++)
        {
            if (IndexFile.TryRead(files.Index, number) is { } old && old.Position == entries[number].Position && old.BlockCrc != entries[number].BlockCrc)
                throw new CorruptionException(DataPath, position, "the block that begins here is not what was written, by the CRC in the index");
            position = entries[number].Position;
        }
    }

    SegmentEnd ReadEnd(SegmentFiles files, bool mayWait)
    {
        var lengthBytes = files.Data.LengthBytes;
        if (TryReadEnd(mayWait ? files.Index : files.Index.Cached, lengthBytes) is { } end)
            return end;
        if (!mayWait)
            throw new WouldWaitException();
        // A whole index that reaches beyond the segment is evidence, and is not written over.
        if (LastEntry(files.Index) is { } last && last.Position > lengthBytes)
            throw new CorruptionException(DataPath, lengthBytes, $"the segment ends here, but was sealed at position {last.Position}") { NextOffset = BaseOffset + last.RelativeOffset };
        RebuildIndex(files, lengthBytes, isSealed: true);
        _environment.FileSystem.SyncDirectory(_directory);
        return TryReadEnd(files.Index, lengthBytes) ?? throw new CorruptionException(IndexPath, 0, "the index does not read back as it was written");
    }

    SegmentEnd? TryReadEnd(IFile index, long lengthBytes) =>
        LastEntry(index) is { } last && last.Position == lengthBytes
            ? new SegmentEnd(lengthBytes, BaseOffset + last.RelativeOffset, last.MaxTimestampMs, EntryCount(index))
            : null;

    /// <summary>The last entry of an index that is whole in itself; null for any other.</summary>
    IndexEntry? LastEntry(IFile index)
    {
        var entries = EntryCount(index);
        return entries > 0 && index.LengthBytes == IndexFile.PositionOf(entries) && IndexFile.HasHeader(index, BaseOffset)
            ? IndexFile.TryRead(index, entries - 1)
            : null;
    }

    static int EntryCount(IFile index) => (int)((index.LengthBytes - IndexFile.HeaderBytes) / IndexEntry.SizeBytes);
}

/// <summary>Where a segment, or what readers may see of it, ends.</summary>
/// <param name="Position">In bytes.</param>
/// <param name="NextOffset">The offset after the last record's.</param>
/// <param name="MaxTimestampMs">The largest timestamp before.</param>
/// <param name="IndexEntries">How many index entries lie before.</param>
internal sealed record SegmentEnd(long Position, long NextOffset, long MaxTimestampMs, int IndexEntries);

/// <summary>A segment's open files: the index from its first use on, for an append that completes no block needs none. Any thread.</summary>
internal sealed class SegmentFiles : IDisposable
{
    readonly Segment _segment;

    // Written under the segment's lock.
    IFile? _index;

    SegmentFiles(Segment segment, IFile data) => (_segment, Data) = (segment, data);

    public IFile Data { get; }

    /// <summary>The index, opened where it was not.</summary>
    /// <exception cref="IOException">It can't be opened, or made.</exception>
    /// <exception cref="LogClosedException">The segment is retired, and its index was not open by then.</exception>
    public IFile Index => Volatile.Read(ref _index) ?? _segment.OpenIndex(ref _index);

    /// <summary>What was looked up in them.</summary>
    public FoundPages FoundPages { get; } = new();

    /// <summary>How many are open.</summary>
    public int Count => _index is null ? 1 : 2;

    public static SegmentFiles Open(IFileSystem fileSystem, Segment segment) => new(segment, fileSystem.Open(segment.DataPath));

    public void Dispose()
    {
        Data.Dispose();
        _index?.Dispose();
    }
}

/// <summary>Keeps a segment's files open. Disposed of once or more, on any thread.</summary>
internal sealed class SegmentLease(Segment segment, SegmentFiles files) : IDisposable
{
    int _released;

    public SegmentFiles Files { get; } = files;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _released, 1) == 0)
            segment.Release();
    }
}
