namespace LogHttp.Storage.Files;

/// <summary>What is done with several of the seam's calls.</summary>
static class FileSystemExtensions
{
    /// <summary>
    /// Puts a file in the place of another, or of none, by way of one beside it: after a crash there is the old one or
    /// the new one, whole. Durable when it returns.
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

    /// <summary>What the new file is called until it is whole.</summary>
    public static string TemporaryName(string name) => name + ".tmp";
}
