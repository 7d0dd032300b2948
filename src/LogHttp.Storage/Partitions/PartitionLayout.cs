using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Partitions;

/// <summary>Names of a partition's files besides its segments and indexes (api/FORMAT.md §2 and §4).</summary>
internal static class PartitionLayout
{
    /// <summary>Returns whether a partition has a file of that name besides its segments and indexes.</summary>
    public static bool Contains(string name) =>
        name.EndsWith(SegmentLayout.TornSuffix, StringComparison.Ordinal)
        || name is Checkpoint.Name or SegmentManifest.Name
        || name == FileSystemExtensions.TemporaryName(Checkpoint.Name)
        || name == FileSystemExtensions.TemporaryName(SegmentManifest.Name);
}
