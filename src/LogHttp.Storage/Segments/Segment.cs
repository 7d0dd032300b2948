using LogHttp.Storage.Files;

namespace LogHttp.Storage.Segments;

/// <summary>
/// One segment: its name, its two files while they are in use, and the end of a sealed one. The first
/// <see cref="Acquire"/> opens the files. <see cref="OpenSegments"/> closes them when they are idle, never during a
/// lease. Any thread.
/// </summary>
/// <remarks>
/// Locks are taken in the order <c>_preparing</c>, <c>_opening</c>, <c>_gate</c>. No call of the file system runs under
/// <c>_gate</c>. Under <c>_preparing</c> one thread finds the end or rebuilds the index, which can read the whole
/// segment. Threads that need neither pass, and a thread that may not wait gets a <see cref="WouldWaitException"/>.
/// </remarks>
internal sealed class Segment
{
    readonly OpenSegments _open;
    readonly StorageEnvironment _environment;
    readonly string _directory;
    readonly Lock _preparing = new();

    // Held while a file is opened or created by its name. Also taken to retire: the name may become another topic's.
    readonly Lock _opening = new();

    readonly Lock _gate = new();

    // Written under _preparing.
    volatile int _indexRebuildCount;

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

    // Joined at each call: two paths are as large as all other memory of an idle segment.
    public string DataPath => Path.Combine(_directory, SegmentLayout.DataName(BaseOffset));
    public string IndexPath => Path.Combine(_directory, SegmentLayout.IndexName(BaseOffset));

    /// <summary>The end of a sealed segment. Null while it is active, and until it is first opened.</summary>
    public SegmentEnd? End { get; private set; }

    /// <summary>The length of a sealed segment, also before it is first opened.</summary>
    public long SealedBytes { get; set; }

    /// <summary>
    /// For a segment of the manifest whose file is missing: the offset after its records. Null for all others.
    /// </summary>
    public long? MissingUntilOffset { get; set; }

    /// <summary>The damage that verifications found, in order.</summary>
    public IReadOnlyList<DamagedRange> Damage
    {
        get => _damage;
        set => _damage = [.. value.OrderBy(static range => range.Position)];
    }

    /// <summary>
    /// The time of the last verification since the start, as a timestamp of the environment, or null. Used by the scrub
    /// only.
    /// </summary>
    public long? LastVerified { get; set; }

    /// <summary>Whether the segment was removed from the log.</summary>
    public bool IsRetired
    {
        get
        {
            lock (_gate)
                return _retired;
        }
    }

    /// <summary>
    /// The time of the last append by the server's clock, in Unix milliseconds. After a start, the time of the file's
    /// last write.
    /// </summary>
    public long LastAppendMs
    {
        get => Volatile.Read(ref _lastAppendMs);
        set => Volatile.Write(ref _lastAppendMs, value);
    }

    /// <summary>
    /// The last acquisition, as a timestamp of the environment. Decides which segment is closed first.
    /// </summary>
    public long LastUsed => Volatile.Read(ref _lastUsed);

    /// <summary>
    /// Creates both files of a new, empty segment, and replaces those of a failed earlier attempt. The index's header
    /// is durable with the first sync of the index, which precedes every checkpoint of the segment.
    /// </summary>
    /// <param name="syncsIndex">Whether a checkpoint of the segment follows that does not sync the index.</param>
    public void Create(bool syncsIndex = false)
    {
        DeleteFiles();
        _environment.FileSystem.Create(DataPath).Dispose();
        using var index = _environment.FileSystem.Create(IndexPath);
        IndexFile.WriteHeader(index, BaseOffset);
        if (syncsIndex)
            index.Sync();
    }

    /// <summary>Opens the files if need be and keeps them open until the lease is disposed of.</summary>
    /// <param name="isSealed">Also ensures <see cref="End"/>, and an index that reaches it.</param>
    /// <param name="mayWait">Whether the thread may wait for the disk to do so.</param>
    /// <exception cref="LogClosedException">
    /// It is retired and its files are closed. Another topic may have their names by now.
    /// </exception>
    /// <exception cref="WouldWaitException">The thread may not wait, but would have to.</exception>
    /// <exception cref="CorruptionException">The file is missing.</exception>
    public SegmentLease Acquire(bool isSealed, bool mayWait = true)
    {
        if (MissingUntilOffset is { } nextOffset)
            throw new CorruptionException(DataPath, 0, "the segment is missing") { NextOffset = nextOffset };
        if (TryAcquire(isSealed) is { } lease)
            return lease;
        // Opening a file may wait for the disk, and so may the thread that opens it now.
        if (!mayWait)
            throw new WouldWaitException();
        lock (_preparing)
        {
            // Another thread may have prepared it meanwhile.
            return TryAcquire(isSealed) ?? Prepare(isSealed);
        }
    }

    /// <summary>
    /// Returns a lease if the files are open and, for a sealed segment, the end is known. Waits for nothing.
    /// </summary>
    SegmentLease? TryAcquire(bool isSealed)
    {
        lock (_gate)
            return _files is null || (isSealed && End is null) ? null : NewLease(_files);
    }

    SegmentLease Prepare(bool isSealed)
    {
        _open.MakeRoom();
        var lease = AcquireOpen();
        if (!isSealed || End is not null)
            return lease;
        try
        {
            var end = ReadEnd(lease.Files);
            lock (_gate)
                End ??= end;
            return lease;
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    SegmentLease AcquireOpen()
    {
        lock (_opening)
        {
            lock (_gate)
            {
                if (_files is not null)
                    return NewLease(_files);
                if (_retired)
                    throw new LogClosedException();
            }
            var files = SegmentFiles.Open(_environment.FileSystem, this);
            lock (_gate)
            {
                _files = files;
                _open.Add(this);
                return NewLease(files);
            }
        }
    }

    // Under _gate.
    SegmentLease NewLease(SegmentFiles files)
    {
        _leases++;
        Volatile.Write(ref _lastUsed, _environment.Time.GetTimestamp());
        return new SegmentLease(this, files);
    }

    /// <summary>
    /// Opens the index of a segment whose files are open. A missing index is created empty. The first reader that needs
    /// an entry rebuilds it.
    /// </summary>
    /// <exception cref="LogClosedException">
    /// The segment is retired. Its index name may belong to another topic by now.
    /// </exception>
    internal IFile OpenIndex(ref IFile? index)
    {
        // Prepare has made room already.
        if (!_preparing.IsHeldByCurrentThread)
            _open.MakeRoom();
        lock (_opening)
        {
            lock (_gate)
            {
                if (index is not null)
                    return index;
                if (_retired)
                    throw new LogClosedException();
            }
            var opened = OpenOrCreateIndex();
            lock (_gate)
            {
                _open.AddIndex();
                Volatile.Write(ref index, opened);
                return opened;
            }
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

    /// <summary>Returns the first damage that overlaps a range.</summary>
    public DamagedRange? DamageWithin(long position, long endPosition)
    {
        foreach (var range in _damage)
        {
            if (range.Position < endPosition && position < range.EndPosition)
                return range;
        }
        return null;
    }

    /// <summary>Seals the segment at this end.</summary>
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

    /// <summary>Called once the segment is unreachable. Its files are closed with the last lease.</summary>
    public void Retire()
    {
        lock (_opening)
        {
            lock (_gate)
                _retired = true;
        }
        TryClose();
    }

    /// <summary>Removes both files' names.</summary>
    public void DeleteFiles()
    {
        _environment.FileSystem.DeleteFile(DataPath);
        _environment.FileSystem.DeleteFile(IndexPath);
    }

    /// <summary>Closes the files unless they are in use, and returns how many were open.</summary>
    public int TryClose()
    {
        SegmentFiles files;
        int count;
        lock (_gate)
        {
            if (_leases > 0 || _files is null)
                return 0;
            files = _files;
            count = files.Count;
            _files = null;
            _open.Remove(this, count);
        }
        files.Dispose();
        return count;
    }

    /// <summary>
    /// How often readers rebuilt the index. Read it before a lookup, and pass it to
    /// <see cref="RebuildIndex(SegmentFiles, long, bool, int)"/>.
    /// </summary>
    public int IndexRebuildCount => _indexRebuildCount;

    /// <summary>
    /// Rebuilds the index after a lookup found it wrong. One of several readers rebuilds it, and the others wait.
    /// </summary>
    /// <returns>
    /// False if another reader rebuilt it since <paramref name="seenRebuildCount"/>. Then the lookup may succeed.
    /// </returns>
    public bool RebuildIndex(SegmentFiles files, long endPosition, bool isSealed, int seenRebuildCount)
    {
        lock (_preparing)
        {
            if (_indexRebuildCount != seenRebuildCount)
                return false;
            RebuildIndex(files, endPosition, isSealed);
            _indexRebuildCount++;
            return true;
        }
    }

    /// <summary>
    /// Computes the boundaries from the segment's bytes and overwrites the index with them. May run beside readers and
    /// the writer.
    /// </summary>
    void RebuildIndex(SegmentFiles files, long endPosition, bool isSealed)
    {
        var scan = SegmentScan.Run(files.Data, new SegmentCursor(BaseOffset), endPosition);
        if (scan.Bad is { } bad)
            throw new CorruptionException(DataPath, bad.Position, bad.Reason);
        var end = scan.End;
        if (isSealed && end.BlockPosition != end.Position)
            scan.Entries.Add(end.CloseBlock());
        if (isSealed)
            ThrowIfDamageForgotten(files, scan.Entries);
        IndexFile.WriteHeader(files.Index, BaseOffset);
        IndexFile.Write(files.Index, BaseOffset, 0, scan.Entries.ToArray());
        if (isSealed)
        {
            IndexFile.Truncate(files.Index, scan.Entries.Count);
            files.Index.Sync();
        }
        StorageLog.IndexRebuilt(_environment.Logger, IndexPath, scan.Entries.Count);
    }

    /// <summary>
    /// Throws if a sound entry of the old index has another CRC for its block. The block is damaged then, and a rebuilt
    /// index would make it look right.
    /// </summary>
    void ThrowIfDamageForgotten(SegmentFiles files, List<IndexEntry> entries)
    {
        var position = 0L;
        for (var number = 0; number < entries.Count; number++)
        {
            if (
                IndexFile.TryRead(files.Index, number) is { } old
                && old.Position == entries[number].Position
                && old.BlockCrc != entries[number].BlockCrc
            )
                throw new CorruptionException(
                    DataPath,
                    position,
                    "the block that begins here is not what was written, by the CRC in the index"
                );
            position = entries[number].Position;
        }
    }

    SegmentEnd ReadEnd(SegmentFiles files)
    {
        var lengthBytes = files.Data.LengthBytes;
        // A write that was cut off may have left bytes behind the end that the manifest has.
        if (SealedBytes > 0)
            lengthBytes = Math.Min(lengthBytes, SealedBytes);
        if (TryReadEnd(files.Index, lengthBytes) is { } end)
            return end;
        // A whole index that reaches beyond the segment is evidence, and is not overwritten.
        if (LastEntry(files.Index) is { } last && last.Position > lengthBytes)
            throw new CorruptionException(
                DataPath,
                lengthBytes,
                $"the segment ends here, but was sealed at position {last.Position}"
            )
            {
                NextOffset = BaseOffset + last.RelativeOffset,
            };
        RebuildIndex(files, lengthBytes, isSealed: true);
        _environment.FileSystem.SyncDirectory(_directory);
        return TryReadEnd(files.Index, lengthBytes)
            ?? throw new CorruptionException(IndexPath, 0, "the index does not read back as it was written");
    }

    SegmentEnd? TryReadEnd(IFile index, long lengthBytes) =>
        LastEntry(index) is { } last && last.Position == lengthBytes
            ? new SegmentEnd(lengthBytes, BaseOffset + last.RelativeOffset, last.MaxTimestampMs, EntryCount(index))
            : null;

    /// <summary>Returns the last entry of an index that is whole in itself, or null for any other.</summary>
    IndexEntry? LastEntry(IFile index)
    {
        var entries = EntryCount(index);
        return
            entries > 0 && index.LengthBytes == IndexFile.PositionOf(entries) && IndexFile.HasHeader(index, BaseOffset)
            ? IndexFile.TryRead(index, entries - 1)
            : null;
    }

    static int EntryCount(IFile index) => (int)((index.LengthBytes - IndexFile.HeaderBytes) / IndexEntry.SizeBytes);
}
