using LogHttp.Storage.Topics;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary>
/// The names of all topics in ordinal order, including damaged topics. They are sorted again only after a topic was
/// created or deleted: a list of 100,000 topics has 1,000 pages, and each one sorted all names. Any thread.
/// </summary>
internal sealed class SortedTopicNames(TopicCatalog catalog)
{
    readonly Lock _sorting = new();
    volatile Snapshot _last = new(-1, []);

    /// <summary>The names after <paramref name="name"/>, or all names if it is null.</summary>
    public IEnumerable<string> After(string? name)
    {
        var names = Current();
        var first =
            name is null ? 0
            : Array.BinarySearch(names, name, StringComparer.Ordinal) is var found && found >= 0 ? found + 1
            : ~found;
        return names.Skip(first);
    }

    string[] Current()
    {
        if (_last is var last && last.Version == catalog.TopicsVersion)
            return last.Names;
        lock (_sorting)
        {
            // Read before the names, so that a topic created meanwhile makes the next request sort again.
            var version = catalog.TopicsVersion;
            if (_last.Version == version)
                return _last.Names;
            string[] names =
            [
                .. catalog.Topics.Select(static topic => topic.Name).Concat(catalog.DamagedTopics.Keys).Distinct(),
            ];
            Array.Sort(names, StringComparer.Ordinal);
            _last = new(version, names);
            return names;
        }
    }

    sealed record Snapshot(long Version, string[] Names);
}
