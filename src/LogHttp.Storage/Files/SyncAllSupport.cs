namespace LogHttp.Storage.Files;

/// <summary>
/// Where syncfs(2) can stand for a sync of every file: on Linux from 5.17 on, which returns write-back errors from it
/// for all file systems, and on ext4 or xfs, whose syncfs commits the journal and waits for it.
/// </summary>
static class SyncAllSupport
{
    static readonly Version FirstTrustedKernel = new(5, 17);

    public static bool IsTrusted(string directory) =>
        OperatingSystem.IsLinux() && Environment.OSVersion.Version >= FirstTrustedKernel && FileSystemOf(directory) is "ext4" or "xfs";

    /// <summary>The type of the file system a directory lies on, as the kernel's mount table names it; "" when it can't be told.</summary>
    internal static string FileSystemOf(string directory)
    {
        var path = Path.GetFullPath(directory);
        var (longest, type) = (-1, "");
        foreach (var line in File.ReadLines("/proc/self/mounts"))
        {
            // device, mount point, type, …; later lines cover earlier ones at the same place.
            var fields = line.Split(' ');
            if (fields.Length < 3)
                continue;
            var mountPoint = fields[1].Replace("\\040", " ", StringComparison.Ordinal);
            var isAbove = path == mountPoint || path.StartsWith(mountPoint.TrimEnd('/') + '/', StringComparison.Ordinal);
            if (isAbove && mountPoint.Length >= longest)
                (longest, type) = (mountPoint.Length, fields[2]);
        }
        return type;
    }
}
