namespace LogHttp.Testing;

/// <summary>One name set to a node or, with none, removed.</summary>
readonly record struct NameEntry(DirectoryNode Directory, string Name, Node? Node);

/// <summary>
/// One creation, deletion or rename that is not durable yet. Its entries reach the disk together (a rename has two,
/// in one directory or in two), and only after the changes it depends on.
/// </summary>
sealed class NameChange(params NameEntry[] entries)
{
    readonly List<NameChange> _dependencies = [];

    /// <summary>Whether it has reached the disk.</summary>
    public bool IsDurable { get; private set; }

    /// <summary>Whether the sync in progress covers it.</summary>
    public bool IsWanted { get; set; }

    /// <summary>Whether it changes a name in this directory.</summary>
    public bool Touches(DirectoryNode directory)
    {
        foreach (var entry in entries)
            if (entry.Directory == directory)
                return true;
        return false;
    }

    /// <summary>Keeps this change behind the latest pending one of a name, and so behind all before that one.</summary>
    public void ComesAfter(DirectoryNode directory, string name)
    {
        if (directory.Pending.TryGetValue(name, out var earlier))
            _dependencies.Add(earlier);
    }

    /// <summary>Keeps this change behind all pending ones in a directory.</summary>
    public void ComesAfterAll(DirectoryNode directory) => _dependencies.AddRange(directory.Pending.Values);

    /// <summary>Extends the sync in progress to what this change depends on.</summary>
    public void WantDependencies()
    {
        foreach (var dependency in _dependencies)
            dependency.IsWanted = true;
    }

    /// <summary>Whether nothing keeps this change from the disk.</summary>
    public bool IsFree()
    {
        foreach (var dependency in _dependencies)
            if (!dependency.IsDurable)
                return false;
        return true;
    }

    /// <summary>Shows the change to processes.</summary>
    public void ApplyLive()
    {
        foreach (var (directory, name, _) in entries)
            ComesAfter(directory, name);
        foreach (var (directory, name, node) in entries)
        {
            directory.SetLive(name, node);
            directory.Pending[name] = this;
        }
    }

    /// <summary>Brings the change to the disk.</summary>
    public void ApplyDurable()
    {
        IsDurable = true;
        _dependencies.Clear();
        foreach (var (directory, name, node) in entries)
        {
            directory.SetDurable(name, node);
            if (directory.Pending.TryGetValue(name, out var latest) && latest == this)
                directory.Pending.Remove(name);
        }
    }
}
