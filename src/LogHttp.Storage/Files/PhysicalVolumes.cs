namespace LogHttp.Storage.Files;

/// <summary>
/// The mounted file systems of one <see cref="PhysicalFileSystem"/>, identified by device number (st_dev).
/// </summary>
/// <remarks>Any thread.</remarks>
sealed class PhysicalVolumes : IDisposable
{
    // From 5.17 on, syncfs(2) returns write-back errors for every file system (commit 2719c7160dcf of Linux).
    static readonly Version FirstTrustedKernel = new(5, 17);

    // Stands for all file systems of a system that does not distinguish them. Each file is synced alone there.
    static readonly PhysicalVolume Unknown = new("unknown", handle: null);

    readonly Lock _gate = new();
    readonly Dictionary<DeviceNumber, PhysicalVolume> _volumes = [];

    /// <exception cref="IOException">The directory does not exist or can't be opened.</exception>
    public IVolume Of(string directory)
    {
        if (!OperatingSystem.IsLinux())
            return Directory.Exists(directory)
                ? Unknown
                : throw new DirectoryNotFoundException($"There is no directory '{directory}'.");
        // The handle decides, not the path: the target of a link or a mount is known only once it is open.
        var handle = PosixCalls.OpenDirectory(directory);
        var isKept = false;
        try
        {
            if (PosixCalls.DeviceOf(handle, directory) is not { } device)
                return Unknown;
            lock (_gate)
            {
                if (!_volumes.TryGetValue(device, out var volume))
                {
                    isKept = IsSyncAllTrusted(device);
                    volume = new PhysicalVolume(device.ToString(), isKept ? handle : null);
                    _volumes.Add(device, volume);
                }
                return volume;
            }
        }
        finally
        {
            if (!isKept)
                handle.Dispose();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var volume in _volumes.Values)
                volume.Dispose();
        }
    }

    // The syncfs of ext4 and xfs commits the journal, waits for it and flushes the device. The magic number of
    // fstatfs(2) can't tell ext4 from ext2, whose driver flushes nothing. The mount table can.
    static bool IsSyncAllTrusted(DeviceNumber device) =>
        Environment.OSVersion.Version >= FirstTrustedKernel && FileSystemTypeOf(device) is "ext4" or "xfs";

    /// <summary>
    /// Returns the type of a mounted file system, as the kernel's mount table names it, or null if it is not listed.
    /// </summary>
    internal static string? FileSystemTypeOf(DeviceNumber device)
    {
        const string MountTable = "/proc/self/mountinfo";
        const int DeviceField = 2;
        if (!File.Exists(MountTable))
            return null;
        var name = device.ToString();
        foreach (var line in File.ReadLines(MountTable))
        {
            // proc_pid_mountinfo(5): "36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/root rw,errors=continue"
            var fields = line.Split(' ');
            var separator = Array.IndexOf(fields, "-");
            if (separator > DeviceField && fields[DeviceField] == name)
                return fields[separator + 1];
        }
        return null;
    }
}

/// <summary>The number of the device that a file system is mounted from.</summary>
readonly record struct DeviceNumber(uint Major, uint Minor)
{
    public override string ToString() => $"{Major}:{Minor}";
}
