using System.Globalization;
using System.Security.Cryptography;

namespace LogHttp.Server.Tests.Hostile;

/// <summary>An image of a directory: every name below it, with the file's properties.</summary>
static class DirectoryImage
{
    /// <summary>
    /// Takes names with size, time and hash. Files below <paramref name="except"/> are not read. Only its existence
    /// counts.
    /// </summary>
    public static SortedDictionary<string, string> Take(string directory, string except)
    {
        var image = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var path in Directory.EnumerateFileSystemEntries(directory, "*", SearchOption.AllDirectories))
        {
            if (path.StartsWith(except + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                continue;
            image[Path.GetRelativePath(directory, path)] = File.Exists(path)
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"{new FileInfo(path).Length} bytes of {File.GetLastWriteTimeUtc(path):O}, "
                        + $"{Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)))}"
                )
                : "a directory";
        }
        return image;
    }

    /// <summary>Names below a directory, relative, with slashes.</summary>
    public static IEnumerable<string> Names(string directory) =>
        Directory
            .EnumerateFileSystemEntries(directory, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(directory, path).Replace('\\', '/'));
}
