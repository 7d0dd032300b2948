using LogHttp.Storage.Files;

namespace LogHttp.Storage.Topics;

/// <summary>
/// The segment files that a start writes to, a bounded number of them open at once. Each is synced by the handle that
/// wrote it, because the kernel reports errors to that handle. For one thread.
/// </summary>
internal sealed class RedoFiles(IFileSystem fileSystem, int syncAllThreshold) : IDisposable
{
    const int MaxOpenFiles = 256;

    readonly Dictionary<string, IFile> _open = new(StringComparer.Ordinal);
    readonly Queue<string> _order = [];

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public IFile Open(string path)
    {
        if (_open.TryGetValue(path, out var file))
            return file;
        if (_open.Count == MaxOpenFiles)
            Close(_order.Dequeue());
        file = fileSystem.Open(path);
        _open.Add(path, file);
        _order.Enqueue(path);
        return file;
    }

    /// <summary>Makes all written bytes durable.</summary>
    public void SyncAll()
    {
        // Directories tell volumes apart. Most starts have one volume.
        foreach (var volume in _order.GroupBy(path => fileSystem.VolumeOf(Path.GetDirectoryName(path)!)).ToArray())
        {
            var isSynced =
                syncAllThreshold > 0
                && volume.Key.CanSyncAll
                && volume.Count() >= syncAllThreshold
                && TrySyncAll(volume.Key);
            foreach (var path in volume)
            {
                if (!isSynced)
                    _open[path].Sync();
                _open.Remove(path, out var file);
                file!.Dispose();
            }
        }
        _order.Clear();
    }

    /// <summary>Closes the files that a failed start has left open.</summary>
    public void Dispose()
    {
        foreach (var file in _open.Values)
            file.Dispose();
        _open.Clear();
    }

    /// <summary>Returns false after an error, which may be of another file. Then each file is synced alone.</summary>
    static bool TrySyncAll(IVolume volume)
    {
        try
        {
            volume.SyncAll();
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    void Close(string path)
    {
        using var file = _open[path];
        file.Sync();
        _open.Remove(path);
    }
}
