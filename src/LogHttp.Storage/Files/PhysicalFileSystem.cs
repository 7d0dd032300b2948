using Microsoft.Win32.SafeHandles;

namespace LogHttp.Storage.Files;

/// <summary>The operating system's own file system, below one directory.</summary>
public sealed class PhysicalFileSystem : IFileSystem, IDisposable
{
    readonly SafeFileHandle? _syncAllHandle;

    /// <summary>Creates the directory if it is missing.</summary>
    /// <param name="directory">What is synced as one with <see cref="SyncAll"/> is the file system this lies on.</param>
    /// <exception cref="IOException">The directory can't be made or opened.</exception>
    public PhysicalFileSystem(string directory)
    {
        Directory.CreateDirectory(directory);
        if (SyncAllSupport.IsTrusted(directory))
            _syncAllHandle = PosixCalls.OpenDirectory(directory);
    }

    /// <inheritdoc/>
    public bool CanSyncAll => _syncAllHandle is not null;

    /// <inheritdoc/>
    public IFile Create(string path) => Open(path, FileMode.CreateNew);

    /// <inheritdoc/>
    public IFile Open(string path) => Open(path, FileMode.Open);

    /// <inheritdoc/>
    public IReadOnlyList<DirectoryEntry> List(string directory)
    {
        var info = new DirectoryInfo(directory);
        if (!info.Exists)
            return [];
        return [.. info.EnumerateFileSystemInfos().Select(entry => new DirectoryEntry(entry.Name, entry is DirectoryInfo, entry is FileInfo file ? file.Length : 0))];
    }

    /// <inheritdoc/>
    public void CreateDirectory(string path) => Guard(path, static path =>
    {
        // The framework would make the parents too, and nobody would make their names durable.
        if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
            throw new DirectoryNotFoundException($"The directory of '{path}' does not exist.");
        Directory.CreateDirectory(path);
    });

    /// <inheritdoc/>
    public void Rename(string sourcePath, string destinationPath)
    {
        if (Directory.Exists(sourcePath))
            Guard(sourcePath, path => Directory.Move(path, destinationPath));
        else
            Guard(sourcePath, path => File.Move(path, destinationPath, overwrite: true));
    }

    /// <inheritdoc/>
    public void DeleteFile(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (DirectoryNotFoundException)
        {
            // A file in a directory that is not there is not there either.
        }
    }

    /// <inheritdoc/>
    public void DeleteDirectory(string path)
    {
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
    }

    /// <inheritdoc/>
    public void SyncDirectory(string path)
    {
        // Windows keeps names durable by itself, and has no such call.
        if (OperatingSystem.IsWindows())
            return;
        using var handle = PosixCalls.OpenDirectory(path);
        PosixCalls.SyncDirectory(handle, path);
    }

    /// <inheritdoc/>
    public void SyncAll() => PosixCalls.SyncFileSystem(_syncAllHandle ?? throw new InvalidOperationException("This file system can't be synced as one."));

    /// <inheritdoc/>
    public IDisposable Lock(string path) => new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

    /// <summary>Closes the handle for <see cref="SyncAll"/>.</summary>
    public void Dispose() => _syncAllHandle?.Dispose();

    static PhysicalFile Open(string path, FileMode mode)
    {
        try
        {
            // No buffer: every byte goes through the handle. Asynchronous: SendPacketsAsync takes no other handle.
            return new PhysicalFile(new FileStream(path, new FileStreamOptions
            {
                Mode = mode,
                Access = FileAccess.ReadWrite,
                Share = FileShare.ReadWrite | FileShare.Delete,
                BufferSize = 0,
                Options = FileOptions.Asynchronous,
            }));
        }
        catch (IOException exception) when (DiskFull.Is(exception))
        {
            throw DiskFull.At(path, exception);
        }
    }

    static void Guard(string path, Action<string> act)
    {
        try
        {
            act(path);
        }
        catch (IOException exception) when (DiskFull.Is(exception))
        {
            throw DiskFull.At(path, exception);
        }
    }
}

/// <summary>How the operating system says that there is no room.</summary>
static class DiskFull
{
    const int NoSpace = 28;
    const int QuotaExceeded = 122;
    const int FileTooLarge = 27;

    public static bool Is(IOException exception) =>
        !OperatingSystem.IsWindows() && exception.HResult is NoSpace or QuotaExceeded or FileTooLarge;

    public static DiskFullException At(string path, IOException exception) => new($"No space left on the device, or the quota is used up, for {path}.", exception);
}
