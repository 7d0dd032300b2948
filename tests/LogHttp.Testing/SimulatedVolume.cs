namespace LogHttp.Testing;

/// <summary>
/// A file system of a simulated disk: its files, its names, and what of both is not durable yet. It outlives boots.
/// Made by <see cref="PowerCutFileSystem.AddVolume"/>, and reached through the directory it is mounted on.
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

    /// <summary>Names the volume, as <see cref="Storage.Files.IVolume.Name"/> does.</summary>
    public string Name { get; }

    /// <summary>Whether the volume offers <see cref="Storage.Files.IVolume.SyncAll"/>.</summary>
    public bool CanSyncAll { get; }

    /// <summary>
    /// Whether an overwritten page takes a new block, and keeps the old one until a sync. Then overwriting needs room
    /// too.
    /// </summary>
    public bool IsCopyOnWrite { get; }

    /// <summary>The room for content. Can be changed at any time, also to less than is used.</summary>
    public long CapacityBytes { get; set; }

    /// <summary>The room that live files take, unlinked ones that are still open included.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>
    /// Where the volume is mounted; null while it is not, or when a power cut took the directory's name. "/" for the
    /// root.
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
    /// Decides faults of the calls below the mount point, where <see cref="PowerCutFileSystem.Faults"/> decides on
    /// none.
    /// </summary>
    public Func<FileSystemCall, Fault>? Faults { get; set; }

    internal SimulatedDisk Disk { get; }
    internal DirectoryNode Root { get; }
    internal DirectoryNode? MountedOn { get; set; }
    internal NameJournal Names { get; } = new();
    internal int OpenHandleCount { get; set; }

    /// <summary>
    /// How many syncs failed; a handle of the whole volume reports each once, unless it was opened later.
    /// </summary>
    internal long ErrorCount { get; private set; }

    /// <summary>Which fault the last failed sync met.</summary>
    internal Fault LastError { get; private set; }

    internal FileNode CreateFile() => new(this, ++_fileCount);

    /// <summary>How many bytes of a write find room. The rest of a file's last page is its own.</summary>
    internal long WritableBytes(FileNode file, long position, int sizeBytes)
    {
        var freeBlocks = Math.Max(0, CapacityBytes - UsedBytes) / FileNode.PageSizeBytes;
        // Most volumes have room. A hole before the position takes blocks, too.
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

    /// <summary>
    /// A syncfs that fails: at least one dirty file loses data, the others are synced or still dirty.
    /// </summary>
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

    /// <summary>Gives back the room of a file that has neither a name nor a handle any more.</summary>
    internal void ReleaseIfUnused(FileNode file)
    {
        if (file.LinkCount > 0 || file.OpenHandleCount > 0)
            return;
        UsedBytes -= file.AllocatedBytes;
        _dirtyFiles.Remove(file.Number);
    }

    /// <summary>Ends every process: the handles are gone, the page cache stays.</summary>
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

    /// <summary>Leaves what survives a power cut, names first: what no surviving name leads to is gone.</summary>
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

    // Once for a file with several names. What is mounted below is another volume's.
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
