using System.Globalization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Layout;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Topics;

/// <summary>Reads topic.json at the start, and rebuilds a damaged one from the partitions' manifests.</summary>
internal static class TopicFileRecovery
{
    /// <summary>
    /// Reads a topic's topic.json. If it is missing or can't be read, rebuilds it from the partitions' manifests.
    /// </summary>
    /// <returns>The file, and why it must be written again, or null if it is sound.</returns>
    /// <exception cref="FileNotFoundException">It is missing, and no manifest has its content.</exception>
    /// <exception cref="CorruptionException">It can't be read, and no manifest has its content.</exception>
    /// <exception cref="NotSupportedException">A newer version wrote it.</exception>
    public static (TopicFile File, string? Fault) ReadOrRebuild(IFileSystem fileSystem, string directory)
    {
        try
        {
            return (TopicFile.Read(fileSystem, directory), null);
        }
        catch (IOException exception) when (exception is FileNotFoundException or CorruptionException)
        {
            if (Rebuild(fileSystem, directory) is { } file)
                return (file, exception.Message);
            throw;
        }
    }

    /// <summary>Returns null if no manifest is sound, or they are of more than one topic.</summary>
    static TopicFile? Rebuild(IFileSystem fileSystem, string directory)
    {
        var headers = new List<ManifestHeader>();
        foreach (var entry in fileSystem.List(directory).Where(static entry => entry.IsDirectory))
        {
            if (
                SegmentManifest.TryLoad(fileSystem, Path.Combine(directory, entry.Name)) is { State.Header: var header }
                && entry.Name == header.Partition.ToString(CultureInfo.InvariantCulture)
            )
                headers.Add(header);
        }
        var isOneTopic =
            headers.DistinctBy(static header => (header.TopicId, header.Configuration.Partitions)).Count() == 1;
        return isOneTopic && headers.MinBy(static header => header.Partition) is { } first
            ? TopicFile.For(first.TopicId, first.Configuration)
            : null;
    }
}
