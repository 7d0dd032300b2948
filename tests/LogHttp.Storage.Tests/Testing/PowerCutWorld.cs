using LogHttp.Storage.Files;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Testing;

/// <summary>A directory on a disk of its own for each seed, and helpers for tests with random outcomes.</summary>
static class PowerCutWorld
{
    public const int PageSizeBytes = 4096;
    public const string Here = "/here";
    public const string There = "/there";

    /// <summary>
    /// Creates two durable directories, and in the first one the durable file "old" of three pages of 'a'.
    /// </summary>
    public static PowerCutFileSystem Create(int seed, bool canSyncAll = true, long capacityBytes = long.MaxValue)
    {
        var fileSystem = new PowerCutFileSystem(new Random(seed), canSyncAll, capacityBytes);
        fileSystem.CreateDirectory(Here);
        fileSystem.CreateDirectory(There);
        using (var file = fileSystem.Create($"{Here}/old"))
        {
            file.Write(Fill('a', 3 * PageSizeBytes), 0);
            file.Sync();
        }
        fileSystem.SyncDirectory(Here);
        fileSystem.SyncDirectory("/");
        return fileSystem;
    }

    /// <summary>Syncs the volume of the root directory.</summary>
    public static void SyncAll(this PowerCutFileSystem fileSystem) => fileSystem.VolumeOf("/").SyncAll();

    public static byte[] Fill(char letter, int sizeBytes)
    {
        var content = new byte[sizeBytes];
        content.AsSpan().Fill((byte)letter);
        return content;
    }

    public static byte[] ReadFile(IFileSystem fileSystem, string path)
    {
        using var file = fileSystem.Open(path);
        return ReadAll(file);
    }

    public static byte[] ReadAll(IFile file)
    {
        var content = new byte[file.LengthBytes];
        file.ReadExactly(content, 0);
        return content;
    }

    public static string Names(IFileSystem fileSystem, string directory = Here) =>
        string.Join(' ', fileSystem.List(directory).Select(entry => entry.Name).Order(StringComparer.Ordinal));

    /// <summary>
    /// Describes the runs of equal bytes, as in "4096a 4096b". Zeros are '0'. Short to compare, and to read in a
    /// failure.
    /// </summary>
    public static string Describe(ReadOnlySpan<byte> content)
    {
        List<string> runs = [];
        while (!content.IsEmpty)
        {
            var length = content.IndexOfAnyExcept(content[0]);
            length = length < 0 ? content.Length : length;
            runs.Add($"{length}{(content[0] == 0 ? '0' : (char)content[0])}");
            content = content[length..];
        }
        return string.Join(' ', runs);
    }

    /// <summary>Returns all outcomes over many seeds, sorted. Each seed has a file system of its own.</summary>
    public static string[] Outcomes(Func<PowerCutFileSystem, string> run, int seeds = 400) =>
        [.. Enumerable.Range(0, seeds).Select(seed => run(Create(seed))).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Lets a fault strike one kind of call, once.</summary>
    public static void StrikeNext(PowerCutFileSystem fileSystem, FileSystemCallKind kind, Fault fault) =>
        fileSystem.Faults = call =>
        {
            if (call.Kind != kind)
                return Fault.None;
            fileSystem.Faults = null;
            return fault;
        };
}
