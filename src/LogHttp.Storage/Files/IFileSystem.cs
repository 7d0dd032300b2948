namespace LogHttp.Storage.Files;

/// <summary>
/// All calls that the log makes to a file system. Tests make disks fail here. Durability is explicit. Bytes survive a
/// power cut only after <see cref="IFile.Sync"/>. Names (create, rename, delete) survive it only after
/// <see cref="SyncDirectory"/> of their directory.
/// </summary>
/// <remarks>
/// Failures are <see cref="IOException"/>, and a full disk or quota is <see cref="DiskFullException"/>. Safe for
/// concurrent use. The caller orders the calls about one path.
/// </remarks>
public interface IFileSystem
{
    /// <summary>Creates an empty file and opens it for reading and writing.</summary>
    /// <exception cref="IOException">The file exists, or the directory does not.</exception>
    IFile Create(string path);

    /// <summary>Opens an existing file for reading and writing.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    IFile Open(string path);

    /// <summary>Returns the entries of a directory in no particular order, or none if it is missing.</summary>
    IReadOnlyList<DirectoryEntry> List(string directory);

    /// <summary>Creates one directory. Its parent must exist. Does nothing if the directory exists.</summary>
    void CreateDirectory(string path);

    /// <summary>
    /// Renames a file, replacing one of the new name atomically, or a directory, to a name that is not in use.
    /// </summary>
    void Rename(string sourcePath, string destinationPath);

    /// <summary>Gives an existing file a second name (a hard link). Both names share the content.</summary>
    /// <returns>False if the file system has no links, or refuses this one. Nothing is changed then.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    bool TryLink(string path, string newPath);

    /// <summary>Removes a file's name. Open handles can still read it. Does nothing if there is no such file.</summary>
    void DeleteFile(string path);

    /// <summary>Removes a directory with all its content. Does nothing if there is no such directory.</summary>
    void DeleteDirectory(string path);

    /// <summary>
    /// Makes the names in one directory durable: those created, renamed into or out of it, and deleted.
    /// </summary>
    void SyncDirectory(string path);

    /// <summary>Returns the mounted file system of a directory: the same object for all its directories.</summary>
    /// <exception cref="IOException">The directory does not exist or can't be opened.</exception>
    IVolume VolumeOf(string directory);

    /// <summary>Takes a lock on a file, created if missing, that no other process can hold at the same time.</summary>
    /// <exception cref="IOException">Another process holds it.</exception>
    IDisposable Lock(string path);
}

/// <summary>One name in a directory.</summary>
/// <param name="Name">The name alone, without its directory.</param>
/// <param name="IsDirectory">
/// Whether it names a directory. True for a link without a target, because that may be on a disk that is not mounted.
/// </param>
/// <param name="LengthBytes">A file's length, or 0 for a directory.</param>
/// <param name="LastWriteMs">The time of the last write to its content, in Unix milliseconds.</param>
public readonly record struct DirectoryEntry(string Name, bool IsDirectory, long LengthBytes, long LastWriteMs);
