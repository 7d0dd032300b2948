using Microsoft.Win32.SafeHandles;

namespace LogHttp.Storage.Files;

/// <summary>A file system that the operating system has mounted.</summary>
/// <param name="name">The device number.</param>
/// <param name="handle">A directory on it, kept open for syncfs, or null if syncfs can't be trusted.</param>
sealed class PhysicalVolume(string name, SafeFileHandle? handle) : IVolume, IDisposable
{
    public string Name => name;

    public bool CanSyncAll => handle is not null;

    public void SyncAll()
    {
        if (handle is null)
            throw new NotSupportedException($"The file system {name} can't be synced as a whole.");
        PosixCalls.SyncFileSystem(handle, $"the file system {name}");
    }

    public void Dispose() => handle?.Dispose();
}
