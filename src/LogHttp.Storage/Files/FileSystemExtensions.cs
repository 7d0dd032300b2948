namespace LogHttp.Storage.Files;

/// <summary>Operations that combine several calls of <see cref="IFileSystem"/>.</summary>
static class FileSystemExtensions
{
    /// <summary>
    /// Creates or replaces a file by way of a temporary one. After a crash there is the old file or the new one, whole.
    /// Durable when it returns.
    /// </summary>
    public static void Replace(this IFileSystem fileSystem, string directory, string name, ReadOnlySpan<byte> content)
    {
        var temporaryPath = Path.Combine(directory, TemporaryName(name));
        fileSystem.DeleteFile(temporaryPath);
        using (var file = fileSystem.Create(temporaryPath))
        {
            file.Write(content, 0);
            file.Sync();
        }
        fileSystem.Rename(temporaryPath, Path.Combine(directory, name));
        fileSystem.SyncDirectory(directory);
    }

    /// <summary>Returns the name of the new file until it is whole.</summary>
    public static string TemporaryName(string name) => name + ".tmp";
}
