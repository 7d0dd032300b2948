namespace LogHttp.Storage.Files;

/// <summary>
/// Everything the log asks of a file system, and nothing else: the seam at which disks are made to fail.
/// Durability is explicit: bytes survive a power cut only after <see cref="IFile.Sync"/>, and names (create, rename,
/// delete) only after <see cref="SyncDirectory"/> of the directory that holds them.
/// </summary>
/// <remarks>
/// Failures are <see cref="IOException"/>; a full disk or quota is <see cref="DiskFullException"/>.
/// Safe for concurrent use; calls about one path are ordered by their caller.
/// </remarks>
public interface IFileSystem
{
    /// <summary>Creates an empty file and opens it for reading and writing.</summary>
    /// <exception cref="IOException">The file exists, or the directory does not.</exception>
    IFile Create(string path);

    /// <summary>Opens an existing file for reading and writing.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    IFile Open(string path);

    /// <summary>What a directory holds, in no particular order; empty when there is no such directory.</summary>
    IReadOnlyList<DirectoryEntry> List(string directory);

    /// <summary>Creates one directory; its parent must exist. Does nothing when it is there already.</summary>
    void CreateDirectory(string path);

    /// <summary>
    /// Renames a file (replacing one of the new name, atomically) or a directory (to a name not in use).
    /// </summary>
    void Rename(string sourcePath, string destinationPath);

    /// <summary>
    /// Gives an existing file a second name (a hard link). What is written by one name is read by the other.
    /// </summary>
    /// <returns>False when the file system has no links, or refuses this one. Nothing is changed then.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    bool TryLink(string path, string newPath);

    /// <summary>
    /// Removes a file's name; open handles go on reading it. Does nothing when there is no such file.
    /// </summary>
    void DeleteFile(string path);

    /// <summary>Removes a directory and all below it. Does nothing when there is no such directory.</summary>
    void DeleteDirectory(string path);

    /// <summary>
    /// Makes the names in one directory durable: those created, renamed into or out of it, and deleted.
    /// </summary>
    void SyncDirectory(string path);

    /// <summary>The mounted file system that holds a directory: the same object for every directory on it.</summary>
    /// <exception cref="IOException">The directory does not exist or can't be opened.</exception>
    IVolume VolumeOf(string directory);

    /// <summary>
    /// Takes a lock on a file (created when missing) that no other process can hold at the same time.
    /// </summary>
    /// <exception cref="IOException">Somebody else holds it.</exception>
    IDisposable Lock(string path);
}

/// <summary>One name in a directory.</summary>
/// <param name="Name">The name alone, without its directory.</param>
/// <param name="IsDirectory">
/// Whether it names a directory. A link that leads nowhere does: its target may be on a disk that is not mounted.
/// </param>
/// <param name="LengthBytes">A file's length; 0 for a directory.</param>
/// <param name="LastWriteMs">When its content was last written, Unix milliseconds.</param>
public readonly record struct DirectoryEntry(string Name, bool IsDirectory, long LengthBytes, long LastWriteMs);
