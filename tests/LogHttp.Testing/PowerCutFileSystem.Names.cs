namespace LogHttp.Testing;

/// <content>Paths, and the calls that change names.</content>
public sealed partial class PowerCutFileSystem
{
    /// <inheritdoc/>
    public void CreateDirectory(string path)
    {
        lock (_disk.Gate)
        {
            var fault = Begin(FileSystemCallKind.CreateDirectory, path);
            var existing = Find(path);
            if (existing is FileNode)
                throw new IOException($"'{path}' is a file.");
            if (existing is null)
            {
                var (parent, name) = FindParent(path);
                parent.Volume.Names.Link(parent, name, new DirectoryNode(parent.Volume));
            }
            End(fault);
        }
    }

    /// <inheritdoc/>
    public void Rename(string sourcePath, string destinationPath)
    {
        lock (_disk.Gate)
        {
            var fault = Begin(FileSystemCallKind.Rename, sourcePath);
            var node =
                Find(sourcePath) ?? throw new FileNotFoundException($"There is nothing at '{sourcePath}'.", sourcePath);
            var (source, sourceName) = FindParent(sourcePath);
            var (destination, destinationName) = FindParent(destinationPath);
            ThrowIfMountPoint(source, sourceName);
            ThrowIfMountPoint(destination, destinationName);
            if (source.Volume != destination.Volume)
                throw new IOException($"'{sourcePath}' and '{destinationPath}' lie on different volumes (EXDEV).");
            destination.TryGet(destinationName, out var replaced);
            if (replaced != node)
            {
                if (replaced is DirectoryNode || (replaced is not null && node is DirectoryNode))
                    throw new IOException($"'{destinationPath}' exists.");
                for (var directory = destination; directory is not null; directory = directory.Parent)
                    if (directory == node)
                        throw new IOException($"'{destinationPath}' lies below '{sourcePath}'.");
                source.Volume.Names.Move(source, sourceName, destination, destinationName, node);
                if (replaced is FileNode file)
                    file.Volume.ReleaseIfUnused(file);
            }
            End(fault);
        }
    }

    /// <inheritdoc/>
    public bool TryLink(string path, string newPath)
    {
        lock (_disk.Gate)
        {
            var fault = Begin(FileSystemCallKind.Link, path);
            if (Find(path) is not FileNode file)
                throw new FileNotFoundException($"There is no file '{path}'.", path);
            var (parent, name) = FindParent(newPath);
            // link(2) refuses a link to another volume, and a name that is taken.
            var isLinked = parent.Volume == file.Volume && !parent.TryGet(name, out _);
            if (isLinked)
                parent.Volume.Names.Link(parent, name, file);
            End(fault);
            return isLinked;
        }
    }

    /// <inheritdoc/>
    public void DeleteFile(string path)
    {
        lock (_disk.Gate)
        {
            var fault = Begin(FileSystemCallKind.DeleteFile, path);
            var node = Find(path);
            if (node is DirectoryNode)
                throw new IOException($"'{path}' is a directory.");
            if (node is not null)
            {
                var (parent, name) = FindParent(path);
                Unlink(new NameEntry(parent, name, node));
            }
            End(fault);
        }
    }

    /// <inheritdoc/>
    public void DeleteDirectory(string path)
    {
        lock (_disk.Gate)
        {
            var fault = Announce(FileSystemCallKind.DeleteDirectory, path, 0, out var call);
            var node = Find(path);
            if (node is FileNode)
                throw new IOException($"'{path}' is a file.");
            List<NameEntry> doomed = [];
            if (node is DirectoryNode directory)
            {
                var (parent, name) = FindParent(path);
                CollectBelow(directory, doomed);
                doomed.Add(new NameEntry(parent, name, node));
            }
            var isInterrupted = fault is Fault.PowerCutDuring || IsError(fault);
            var count = isInterrupted ? _disk.Random.Next(doomed.Count + 1) : doomed.Count;
            foreach (var entry in doomed.Take(count))
            {
                ThrowIfMountPoint(entry.Directory, entry.Name);
                Unlink(entry);
            }
            if (IsError(fault))
                throw Error(fault, call);
            End(fault);
        }
    }

    /// <inheritdoc/>
    public void SyncDirectory(string path)
    {
        lock (_disk.Gate)
        {
            var fault = Announce(FileSystemCallKind.SyncDirectory, path, 0, out var call);
            var directory =
                Find(path) as DirectoryNode ?? throw new DirectoryNotFoundException($"There is no directory '{path}'.");
            directory.Volume.Names.Sync(
                directory,
                IsError(fault) ? Survival.Draw(_disk.Random) : Survival.Certain(_disk.Random)
            );
            if (IsError(fault))
                throw Error(fault, call);
            End(fault);
        }
    }

    static void CollectBelow(DirectoryNode directory, List<NameEntry> doomed)
    {
        foreach (var (name, node) in directory.Entries())
        {
            if (node is DirectoryNode below)
                CollectBelow(below.Mounted?.Root ?? below, doomed);
            doomed.Add(new NameEntry(directory, name, node));
        }
    }

    static void Unlink(NameEntry entry)
    {
        entry.Directory.Volume.Names.Unlink(entry.Directory, entry.Name, entry.Node!);
        if (entry.Node is FileNode file)
            file.Volume.ReleaseIfUnused(file);
    }

    static void ThrowIfMountPoint(DirectoryNode parent, string name)
    {
        if (parent.TryGet(name, out var node) && node is DirectoryNode { Mounted: not null })
            throw new IOException($"'{name}' is a mount point and busy.");
    }

    FileNode CreateNode(string path)
    {
        var (parent, name) = FindParent(path);
        if (parent.TryGet(name, out _))
            throw new IOException($"'{path}' exists.");
        var node = parent.Volume.CreateFile();
        parent.Volume.Names.Link(parent, name, node);
        return node;
    }

    /// <summary>Finds the node of a path. Every path starts at the root, with or without a slash.</summary>
    Node? Find(ReadOnlySpan<char> path)
    {
        Node node = _disk.Root.Root;
        foreach (var range in path.Split('/'))
        {
            var name = path[range];
            if (name is "" or ".")
                continue;
            if (name is "..")
                throw new ArgumentException("The model knows no '..'.", nameof(path));
            if (node is not DirectoryNode directory || !directory.TryGet(name, out var next))
                return null;
            node = next is DirectoryNode { Mounted: { } volume } ? volume.Root : next;
        }
        return node;
    }

    (DirectoryNode Parent, string Name) FindParent(string path)
    {
        var trimmed = path.AsSpan().TrimEnd('/');
        var separator = trimmed.LastIndexOf('/');
        var name = trimmed[(separator + 1)..];
        if (name.IsEmpty)
            throw new IOException("The root has no name.");
        var parent =
            Find(trimmed[..(separator + 1)]) as DirectoryNode
            ?? throw new DirectoryNotFoundException($"The directory of '{path}' does not exist.");
        return (parent, name.ToString());
    }
}
