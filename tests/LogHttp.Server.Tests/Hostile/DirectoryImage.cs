using System.Globalization;
using System.Security.Cryptography;

namespace LogHttp.Server.Tests.Hostile;

/// <summary>Every name below a directory, and what stands behind it.</summary>
static class DirectoryImage
{
    /// <summary>
    /// Names with size, time and hash; what lies below <paramref name="except"/> is not looked at, only that it is
    /// there.
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
