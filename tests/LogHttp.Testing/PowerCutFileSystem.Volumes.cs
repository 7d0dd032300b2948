using LogHttp.Storage.Files;

namespace LogHttp.Testing;

/// <content>Volumes besides the root, and their mount points.</content>
public sealed partial class PowerCutFileSystem
{
    readonly Dictionary<SimulatedVolume, PowerCutVolume> _volumes = [];

    /// <summary>Adds an empty volume to the disk. It is not mounted yet.</summary>
    /// <param name="name">The volume's name in messages.</param>
    /// <param name="canSyncAll">Whether it offers <see cref="IVolume.SyncAll"/>.</param>
    /// <param name="capacityBytes">The space for content, in whole pages.</param>
    /// <param name="isCopyOnWrite">Whether overwriting needs space, too.</param>
    public SimulatedVolume AddVolume(
        string name,
        bool canSyncAll = true,
        long capacityBytes = long.MaxValue,
        bool isCopyOnWrite = false
    )
    {
        lock (_disk.Gate)
            return _disk.AddVolume(name, canSyncAll, capacityBytes, isCopyOnWrite);
    }

    /// <summary>
    /// Mounts a volume on a directory and hides the directory's entries. It stays mounted through boots, as long as the
    /// directory survives them.
    /// </summary>
    /// <exception cref="IOException">
    /// The directory does not exist, is a mount point already, or the volume is mounted.
    /// </exception>
    public void Mount(string directory, SimulatedVolume volume)
    {
        ArgumentNullException.ThrowIfNull(volume);
        lock (_disk.Gate)
        {
            ThrowIfOver();
            if (volume.MountPoint is not null)
                throw new IOException($"The volume {volume.Name} is mounted already.");
            if (Find(directory) is not DirectoryNode node)
                throw new DirectoryNotFoundException($"There is no directory '{directory}'.");
            if (node == node.Volume.Root)
                throw new IOException($"'{directory}' is a mount point already.");
            Detach(volume);
            node.Mounted = volume;
            volume.MountedOn = node;
        }
    }

    /// <summary>Unmounts a volume. Its content becomes durable and stays for the next mount.</summary>
    /// <exception cref="IOException">Files of the volume are open, or this boot used the volume as a whole.</exception>
    public void Unmount(SimulatedVolume volume)
    {
        ArgumentNullException.ThrowIfNull(volume);
        lock (_disk.Gate)
        {
            ThrowIfOver();
            if (volume.MountedOn is null)
                throw new IOException($"The volume {volume.Name} is not mounted, or is the root.");
            if (volume.OpenHandleCount > 0 || _volumes.ContainsKey(volume))
                throw new IOException($"The volume {volume.Name} is busy.");
            volume.SyncAll();
            Detach(volume);
        }
    }

    /// <inheritdoc/>
    public IVolume VolumeOf(string directory)
    {
        lock (_disk.Gate)
        {
            var fault = Begin(FileSystemCallKind.VolumeOf, directory);
            if (Find(directory) is not DirectoryNode node)
                throw new DirectoryNotFoundException($"There is no directory '{directory}'.");
            End(fault);
            if (!_volumes.TryGetValue(node.Volume, out var volume))
                _volumes.Add(node.Volume, volume = new PowerCutVolume(this, node.Volume));
            return volume;
        }
    }

    static void Detach(SimulatedVolume volume)
    {
        if (volume.MountedOn is { } node)
            node.Mounted = null;
        volume.MountedOn = null;
    }

    sealed class PowerCutVolume(PowerCutFileSystem fileSystem, SimulatedVolume volume) : IVolume
    {
        long _reportedErrorCount = volume.ErrorCount;

        public string Name => volume.Name;

        public bool CanSyncAll => volume.CanSyncAll;

        public void SyncAll()
        {
            lock (fileSystem._disk.Gate)
            {
                if (!CanSyncAll)
                    throw new NotSupportedException($"The volume {Name} was created without SyncAll.");
                var fault = fileSystem.Announce(FileSystemCallKind.SyncAll, volume.MountPoint ?? "/", 0, out var call);
                if (IsError(fault))
                    volume.FailSyncAll(fault);
                else
                    volume.SyncAll();
                // A failed sync of one file is reported here too, once.
                var isReported = _reportedErrorCount == volume.ErrorCount;
                _reportedErrorCount = volume.ErrorCount;
                if (IsError(fault) || !isReported)
                    throw Error(IsError(fault) ? fault : volume.LastError, call);
                fileSystem.End(fault);
            }
        }
    }
}
