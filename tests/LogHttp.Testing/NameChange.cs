namespace LogHttp.Testing;

/// <summary>One name that is set to a node, or removed if the node is null.</summary>
readonly record struct NameEntry(DirectoryNode Directory, string Name, Node? Node);

/// <summary>
/// One creation, deletion or rename that is not durable yet. A rename has two entries, in one directory or in two. All
/// entries of a change reach the disk together, and only after the changes that it depends on.
/// </summary>
sealed class NameChange(params NameEntry[] entries)
{
    readonly List<NameChange> _dependencies = [];

    /// <summary>Whether the change has reached the disk.</summary>
    public bool IsDurable { get; private set; }

    /// <summary>Whether the current sync covers the change.</summary>
    public bool IsWanted { get; set; }

    /// <summary>Whether the change alters a name in this directory.</summary>
    public bool Touches(DirectoryNode directory)
    {
        foreach (var entry in entries)
            if (entry.Directory == directory)
                return true;
        return false;
    }

    /// <summary>
    /// Orders this change after the latest pending change of a name, and so after all earlier ones of that name.
    /// </summary>
    public void ComesAfter(DirectoryNode directory, string name)
    {
        if (directory.Pending.TryGetValue(name, out var earlier))
            _dependencies.Add(earlier);
    }

    /// <summary>Orders this change after all pending changes in a directory.</summary>
    public void ComesAfterAll(DirectoryNode directory) => _dependencies.AddRange(directory.Pending.Values);

    /// <summary>Extends the current sync to the changes that this one depends on.</summary>
    public void WantDependencies()
    {
        foreach (var dependency in _dependencies)
            dependency.IsWanted = true;
    }

    /// <summary>Whether all dependencies of this change are durable.</summary>
    public bool IsFree()
    {
        foreach (var dependency in _dependencies)
            if (!dependency.IsDurable)
                return false;
        return true;
    }

    /// <summary>Applies the change to the live names.</summary>
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

    /// <summary>Applies the change to the durable names.</summary>
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
