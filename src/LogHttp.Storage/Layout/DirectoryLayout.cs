using LogHttp.Storage.Files;

namespace LogHttp.Storage.Layout;

/// <summary>The names of files in a data directory (api/FORMAT.md).</summary>
internal static class DirectoryLayout
{
    public const string LockName = "loghttp.lock";
    public const string TopicsName = "topics";
    public const string TemporaryName = "tmp";
    public const string DeletedName = "deleted";
    public const string JournalName = "journal";

    public static IReadOnlyCollection<string> Names { get; } =
    [
        LockName,
        TopicsName,
        TemporaryName,
        DeletedName,
        JournalName,
        DiskReserve.Name,
        FileSystemExtensions.TemporaryName(DiskReserve.Name),
    ];
}
