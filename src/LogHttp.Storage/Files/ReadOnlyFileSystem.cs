namespace LogHttp.Storage.Files;

/// <summary>
/// The operating system's file system for readers. Opens files for reading, and can't change a byte or a name.
/// </summary>
public sealed class ReadOnlyFileSystem : IFileSystem
{
    const string Refusal = "This file system is read-only.";

    /// <inheritdoc/>
    public IFile Open(string path) =>
        PhysicalFile.Open(
            path,
            new FileStreamOptions
            {
                Mode = FileMode.Open,
                Access = FileAccess.Read,
                Share = FileShare.ReadWrite | FileShare.Delete,
                BufferSize = 0,
            }
        );

    /// <inheritdoc/>
    public IReadOnlyList<DirectoryEntry> List(string directory) => PhysicalFileSystem.ListDirectory(directory);

    /// <summary>Takes the lock if its file exists. Does not create the file.</summary>
    /// <exception cref="IOException">Another process holds it.</exception>
    public IDisposable Lock(string path) =>
        DiskErrors.Translate(
            path,
            () => File.Exists(path) ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.None) : Stream.Null
        );

    /// <inheritdoc/>
    public IFile Create(string path) => throw new NotSupportedException(Refusal);

    /// <inheritdoc/>
    public void CreateDirectory(string path) => throw new NotSupportedException(Refusal);

    /// <inheritdoc/>
    public void Rename(string sourcePath, string destinationPath) => throw new NotSupportedException(Refusal);

    /// <inheritdoc/>
    public bool TryLink(string path, string newPath) => throw new NotSupportedException(Refusal);

    /// <inheritdoc/>
    public void DeleteFile(string path) => throw new NotSupportedException(Refusal);

    /// <inheritdoc/>
    public void DeleteDirectory(string path) => throw new NotSupportedException(Refusal);

    /// <inheritdoc/>
    public void SyncDirectory(string path) => throw new NotSupportedException(Refusal);

    /// <inheritdoc/>
    public IVolume VolumeOf(string directory) => throw new NotSupportedException(Refusal);
}
