namespace LogHttp.Testing;

/// <summary>
/// A file system of a simulated disk: its files, its names, and the changes of both that are not durable yet. It
/// outlives boots. <see cref="PowerCutFileSystem.AddVolume"/> creates it, and the directory it is mounted on leads to
/// it.
/// </summary>
public sealed class SimulatedVolume
{
    readonly SortedDictionary<long, FileNode> _dirtyFiles = [];
    long _fileCount;

    internal SimulatedVolume(SimulatedDisk disk, string name, bool canSyncAll, long capacityBytes, bool isCopyOnWrite)
    {
        (Disk, Name, CanSyncAll, CapacityBytes, IsCopyOnWrite) = (disk, name, canSyncAll, capacityBytes, isCopyOnWrite);
        Root = new DirectoryNode(this);
    }

    /// <summary>The volume's name, as <see cref="Storage.Files.IVolume.Name"/> defines it.</summary>
    public string Name { get; }

    /// <summary>Whether the volume offers <see cref="Storage.Files.IVolume.SyncAll"/>.</summary>
    public bool CanSyncAll { get; }

    /// <summary>
    /// Whether an overwritten page takes a new block and keeps the old one until a sync. Then overwriting needs space
    /// too.
    /// </summary>
    public bool IsCopyOnWrite { get; }

    /// <summary>The space for content. It can change at any time, also to less than is used.</summary>
    public long CapacityBytes { get; set; }

    /// <summary>The space that live files take, including unlinked files that are still open.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>
    /// The volume's mount point, "/" for the root. Null if it is not mounted, or if a power cut took the directory's
    /// name.
    /// </summary>
    public string? MountPoint
    {
        get
        {
            var path = "";
            var directory = Root;
            while (directory != Disk.Root.Root)
            {
                if (directory == directory.Volume.Root)
                {
                    if (directory.Volume.MountedOn is not { } mountedOn)
                        return null;
                    directory = mountedOn;
                    continue;
                }
                if (
                    directory.Parent is not { } parent
                    || !parent.TryGet(directory.Name, out var found)
                    || found != directory
                )
                    return null;
                path = $"/{directory.Name}{path}";
                directory = parent;
            }
            return path is "" ? "/" : path;
        }
    }

    /// <summary>
    /// Decides the faults of calls below the mount point if <see cref="PowerCutFileSystem.Faults"/> decides on none.
    /// </summary>
    public Func<FileSystemCall, Fault>? Faults { get; set; }

    internal SimulatedDisk Disk { get; }
    internal DirectoryNode Root { get; }
    internal DirectoryNode? MountedOn { get; set; }
    internal NameJournal Names { get; } = new();
    internal int OpenHandleCount { get; set; }

    /// <summary>
    /// The number of failed syncs. A handle of the whole volume reports each one once, unless it was opened later.
    /// </summary>
    internal long ErrorCount { get; private set; }

    /// <summary>The fault of the last failed sync.</summary>
    internal Fault LastError { get; private set; }

    internal FileNode CreateFile() => new(this, ++_fileCount);

    /// <summary>The number of bytes of a write that have space. The rest of a file's last page is its own.</summary>
    internal long WritableBytes(FileNode file, long position, int sizeBytes)
    {
        var freeBlocks = Math.Max(0, CapacityBytes - UsedBytes) / FileNode.PageSizeBytes;
        // Most volumes have space. A hole before the position takes blocks, too.
        var firstPage = Math.Min(position, FileNode.RoundUpToPages(file.LengthBytes)) / FileNode.PageSizeBytes;
        var endPage = FileNode.RoundUpToPages(position + sizeBytes) / FileNode.PageSizeBytes;
        if (freeBlocks >= endPage - firstPage)
            return sizeBytes;
        for (var page = firstPage; page < endPage; page++)
            if (file.NeedsBlock((int)page) && --freeBlocks < 0)
                return Math.Clamp(page * FileNode.PageSizeBytes - position, 0, sizeBytes);
        return sizeBytes;
    }

    internal void Write(FileNode file, ReadOnlySpan<byte> source, long position)
    {
        var allocatedBytes = file.AllocatedBytes;
        file.Write(source, position);
        file.LastWriteMs = Disk.Time.GetUtcNow().ToUnixTimeMilliseconds();
        UsedBytes += file.AllocatedBytes - allocatedBytes;
        NoteIfDirty(file);
    }

    internal void Truncate(FileNode file, long lengthBytes)
    {
        var allocatedBytes = file.AllocatedBytes;
        file.Truncate(lengthBytes);
        UsedBytes += file.AllocatedBytes - allocatedBytes;
        NoteIfDirty(file);
    }

    internal void Sync(FileNode file)
    {
        var allocatedBytes = file.AllocatedBytes;
        file.Sync();
        UsedBytes += file.AllocatedBytes - allocatedBytes;
        _dirtyFiles.Remove(file.Number);
    }

    internal void FailSync(FileNode file, Fault error)
    {
        (ErrorCount, LastError) = (ErrorCount + 1, error);
        var allocatedBytes = file.AllocatedBytes;
        file.FailSync(Disk.Random, error);
        UsedBytes += file.AllocatedBytes - allocatedBytes;
        if (!file.IsDirty)
            _dirtyFiles.Remove(file.Number);
    }

    internal void SyncAll()
    {
        Names.SyncAll(Survival.Certain(Disk.Random));
        foreach (var file in _dirtyFiles.Values.ToArray())
            Sync(file);
    }

    /// <summary>Fails a syncfs: at least one dirty file loses data. The others are synced or still dirty.</summary>
    internal void FailSyncAll(Fault error)
    {
        Names.SyncAll(Survival.Draw(Disk.Random));
        FileNode[] files = [.. _dirtyFiles.Values];
        var victim = Disk.Random.Next(Math.Max(1, files.Length));
        for (var index = 0; index < files.Length; index++)
        {
            if (index == victim || Disk.Random.Next(4) == 0)
                FailSync(files[index], error);
            else if (Disk.Random.Next(2) == 0)
                Sync(files[index]);
        }
    }

    /// <summary>Frees the space of a file that has neither a name nor a handle any more.</summary>
    internal void ReleaseIfUnused(FileNode file)
    {
        if (file.LinkCount > 0 || file.OpenHandleCount > 0)
            return;
        UsedBytes -= file.AllocatedBytes;
        _dirtyFiles.Remove(file.Number);
    }

    /// <summary>Ends every process: the handles are closed, the page cache stays.</summary>
    internal void Kill()
    {
        _dirtyFiles.Clear();
        UsedBytes = 0;
        OpenHandleCount = 0;
        ForEachFile(
            Root,
            file =>
            {
                file.OpenHandleCount = 0;
                UsedBytes += file.AllocatedBytes;
                NoteIfDirty(file);
            }
        );
    }

    /// <summary>
    /// Keeps only the data that survives a power cut, names first. A file without a surviving name is gone.
    /// </summary>
    internal void PowerCut()
    {
        Names.PowerCut(Survival.Draw(Disk.Random));
        ForEachFile(Root, static file => file.LinkCount = 0);
        Reboot(Root);
        ForEachFile(Root, file => file.PowerCut(Disk.Random));
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

    // Visits a file with several names once. Files below a mount point belong to another volume.
    static void ForEachFile(DirectoryNode directory, Action<FileNode> action)
    {
        HashSet<FileNode> seen = [];
        Visit(directory);

        void Visit(DirectoryNode visited)
        {
            foreach (var (_, node) in visited.Entries())
            {
                if (node is DirectoryNode below)
                    Visit(below);
                else if (seen.Add((FileNode)node))
                    action((FileNode)node);
            }
        }
    }
}
