namespace LogHttp.Testing;

/// <summary>What outlives a process: the files, the names, and what of both is not durable yet.</summary>
sealed class SimulatedDisk(Random random, bool canSyncAll, long capacityBytes)
{
    readonly SortedDictionary<long, FileNode> _dirtyFiles = [];
    long _fileCount;

    public Lock Gate { get; } = new();
    public Random Random { get; } = random;
    public bool CanSyncAll { get; } = canSyncAll;
    public long CapacityBytes { get; set; } = capacityBytes;
    public long UsedBytes { get; set; }
    public long CallCount { get; set; }
    public TimeProvider Time { get; set; } = new SimulatedTime(DateTimeOffset.UnixEpoch);
    public DirectoryNode Root { get; } = new();
    public NameJournal Names { get; } = new();

    public FileNode CreateFile() => new(++_fileCount);

    /// <summary>How long a file may become with the room that is left; the rest of its last page is its own.</summary>
    public long LongestPossibleBytes(FileNode file)
    {
        var freeBytes = Math.Max(0, CapacityBytes - UsedBytes) / FileNode.PageSizeBytes * FileNode.PageSizeBytes;
        return freeBytes > long.MaxValue - file.AllocatedBytes ? long.MaxValue : file.AllocatedBytes + freeBytes;
    }

    public void Write(FileNode file, ReadOnlySpan<byte> source, long position)
    {
        var allocatedBytes = file.AllocatedBytes;
        file.Write(source, position);
        file.LastWriteMs = Time.GetUtcNow().ToUnixTimeMilliseconds();
        UsedBytes += file.AllocatedBytes - allocatedBytes;
        NoteIfDirty(file);
    }

    public void Truncate(FileNode file, long lengthBytes)
    {
        var allocatedBytes = file.AllocatedBytes;
        file.Truncate(lengthBytes);
        UsedBytes += file.AllocatedBytes - allocatedBytes;
        NoteIfDirty(file);
    }

    public void Sync(FileNode file)
    {
        file.Sync();
        _dirtyFiles.Remove(file.Number);
    }

    public void FailSync(FileNode file, Fault error)
    {
        file.FailSync(Random, error);
        if (!file.IsDirty)
            _dirtyFiles.Remove(file.Number);
    }

    public void SyncAll()
    {
        Names.SyncAll(Survival.Certain(Random));
        foreach (var file in _dirtyFiles.Values)
            file.Sync();
        _dirtyFiles.Clear();
    }

    /// <summary>A syncfs that fails: at least one dirty file loses data, the others are synced or still dirty.</summary>
    public void FailSyncAll(Fault error)
    {
        Names.SyncAll(Survival.Draw(Random));
        FileNode[] files = [.. _dirtyFiles.Values];
        var victim = Random.Next(Math.Max(1, files.Length));
        for (var index = 0; index < files.Length; index++)
        {
            if (index == victim || Random.Next(4) == 0)
                FailSync(files[index], error);
            else if (Random.Next(2) == 0)
                Sync(files[index]);
        }
    }

    /// <summary>Gives back the room of a file that has neither a name nor a handle any more.</summary>
    public void ReleaseIfUnused(FileNode file)
    {
        if (file.IsLinked || file.OpenHandleCount > 0)
            return;
        UsedBytes -= file.AllocatedBytes;
        _dirtyFiles.Remove(file.Number);
    }

    /// <summary>Ends every process: the handles are gone, the page cache stays.</summary>
    public void Kill()
    {
        _dirtyFiles.Clear();
        UsedBytes = 0;
        ForEachFile(Root, file =>
        {
            file.OpenHandleCount = 0;
            UsedBytes += file.AllocatedBytes;
            NoteIfDirty(file);
        });
    }

    /// <summary>Leaves what survives a power cut, names first: what no surviving name leads to is gone.</summary>
    public void PowerCut()
    {
        Names.PowerCut(Survival.Draw(Random));
        Reboot(Root);
        ForEachFile(Root, file => file.PowerCut(Random));
        Kill();
    }

    void NoteIfDirty(FileNode file)
    {
        if (file.IsDirty)
            _dirtyFiles[file.Number] = file;
    }

    static void Reboot(DirectoryNode directory)
    {
        directory.Reboot();
        foreach (var node in directory.Durable.Values)
            if (node is DirectoryNode below)
                Reboot(below);
    }

    static void ForEachFile(DirectoryNode directory, Action<FileNode> action)
    {
        foreach (var (_, node) in directory.Entries())
        {
            if (node is DirectoryNode below)
                ForEachFile(below, action);
            else
                action((FileNode)node);
        }
    }
}
