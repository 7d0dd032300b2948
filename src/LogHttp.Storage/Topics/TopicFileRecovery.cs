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
        var names = fileSystem
            .List(directory)
            .Where(static entry => entry.IsDirectory)
            .Select(static entry => entry.Name)
            .ToHashSet(StringComparer.Ordinal);
        foreach (var name in names)
        {
            if (
                SegmentManifest.TryLoad(fileSystem, Path.Combine(directory, name)) is { State.Header: var header }
                && name == NameOf(header.Partition)
            )
                headers.Add(header);
        }
        if (headers.DistinctBy(static header => header.TopicId).Count() != 1)
            return null;
        // A growth makes the directories of all new partitions before anything else says the new number. A manifest
        // with a lower number has not heard of the growth. One with a higher number may be the rest of another growth.
        var counts = headers.Select(static header => header.Configuration.Partitions).ToHashSet();
        var whole = counts.Where(count => Enumerable.Range(0, count).All(number => names.Contains(NameOf(number))));
        var partitions = whole.DefaultIfEmpty(counts.Min()).Max();
        var first = headers
            .Where(header => header.Configuration.Partitions == partitions)
            .MinBy(static header => header.Partition)!;
        // The manifests do not say how the topic has grown. So a producer is looked for wherever it may be.
        return TopicFile.For(first.TopicId, first.Configuration, [.. Enumerable.Range(1, partitions - 1)]);
    }

    static string NameOf(int number) => number.ToString(CultureInfo.InvariantCulture);
}
