namespace LogHttp.Testing;

/// <summary>The calls of the file-system seam that can fail.</summary>
public enum FileSystemCallKind
{
    /// <summary>IFileSystem.Create</summary>
    Create,

    /// <summary>IFileSystem.Open</summary>
    Open,

    /// <summary>IFileSystem.List</summary>
    List,

    /// <summary>IFileSystem.CreateDirectory</summary>
    CreateDirectory,

    /// <summary>IFileSystem.Rename</summary>
    Rename,

    /// <summary>IFileSystem.TryLink</summary>
    Link,

    /// <summary>IFileSystem.DeleteFile</summary>
    DeleteFile,

    /// <summary>IFileSystem.DeleteDirectory</summary>
    DeleteDirectory,

    /// <summary>IFileSystem.SyncDirectory</summary>
    SyncDirectory,

    /// <summary>IFileSystem.VolumeOf</summary>
    VolumeOf,

    /// <summary>IVolume.SyncAll</summary>
    SyncAll,

    /// <summary>IFileSystem.Lock</summary>
    Lock,

    /// <summary>IFile.Read</summary>
    Read,

    /// <summary>IFile.Write</summary>
    Write,

    /// <summary>IFile.Truncate</summary>
    Truncate,

    /// <summary>IFile.Sync</summary>
    Sync,
}
