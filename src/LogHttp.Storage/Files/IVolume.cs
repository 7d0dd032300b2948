namespace LogHttp.Storage.Files;

/// <summary>
/// One mounted file system. Two directories share a volume exactly if they are on the same mounted file system,
/// whatever links or bind mounts their paths use.
/// </summary>
/// <remarks>
/// If <see cref="CanSyncAll"/> is true, a handle on the file system is open from the first
/// <see cref="IFileSystem.VolumeOf"/> until the <see cref="IFileSystem"/> is disposed. The kernel reports each
/// write-back error since then to <see cref="SyncAll"/>, also for a file whose own handles were all closed before the
/// error. The file system cannot be unmounted meanwhile. Safe for concurrent use.
/// </remarks>
public interface IVolume
{
    /// <summary>The name for log messages: the device number, as in "8:1".</summary>
    string Name { get; }

    /// <summary>
    /// Whether one <see cref="SyncAll"/> can replace an <see cref="IFile.Sync"/> of each file on the volume. It then
    /// reports write-back errors and returns only when everything is durable.
    /// </summary>
    bool CanSyncAll { get; }

    /// <summary>
    /// Makes all content and names on the volume durable (syncfs). When it throws, some file lost data. The next
    /// <see cref="IFile.Sync"/> of that file throws too, if its handle was opened before the write.
    /// </summary>
    /// <exception cref="IOException">Some file was not made durable, now or since the last call.</exception>
    /// <exception cref="NotSupportedException"><see cref="CanSyncAll"/> is false.</exception>
    void SyncAll();
}
