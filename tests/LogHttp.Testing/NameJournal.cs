namespace LogHttp.Testing;

/// <summary>
/// The changes of names that are not durable yet, oldest first. A power cut keeps any of them, with three limits.
/// Changes of one name keep their order. The removal of a directory follows the removal of its entries. A rename into
/// another directory follows the change that gave that directory its own name. Otherwise the moved file could lose both
/// its names.
/// </summary>
sealed class NameJournal
{
    readonly List<NameChange> _pending = [];

    public void Link(DirectoryNode directory, string name, Node node) =>
        Record(new NameChange(new NameEntry(directory, name, node)));

    public void Unlink(DirectoryNode directory, string name, Node node)
    {
        var change = new NameChange(new NameEntry(directory, name, null));
        if (node is DirectoryNode removed)
            change.ComesAfterAll(removed);
        Record(change);
    }

    public void Move(
        DirectoryNode source,
        string sourceName,
        DirectoryNode destination,
        string destinationName,
        Node node
    )
    {
        // The removal of the old name goes first: setting the new name then records the node's new directory.
        var change = new NameChange(
            new NameEntry(source, sourceName, null),
            new NameEntry(destination, destinationName, node)
        );
        if (source != destination)
            for (var directory = destination; directory.Parent is { } parent; directory = parent)
                change.ComesAfter(parent, directory.Name);
        Record(change);
    }

    /// <summary>Makes the changes in one directory durable, or a part of them that survives.</summary>
    public void Sync(DirectoryNode directory, Survival survival)
    {
        foreach (var change in _pending)
            change.IsWanted = change.Touches(directory);
        Settle(survival);
    }

    /// <summary>Makes all changes durable, or a part of them that survives.</summary>
    public void SyncAll(Survival survival)
    {
        foreach (var change in _pending)
            change.IsWanted = true;
        Settle(survival);
    }

    /// <summary>Makes the surviving changes durable and forgets the others.</summary>
    public void PowerCut(Survival survival)
    {
        SyncAll(survival);
        _pending.Clear();
    }

    void Record(NameChange change)
    {
        change.ApplyLive();
        _pending.Add(change);
    }

    void Settle(Survival survival)
    {
        for (var index = _pending.Count - 1; index >= 0; index--)
            if (_pending[index].IsWanted)
                _pending[index].WantDependencies();
        foreach (var change in _pending)
            if (change.IsWanted && change.IsFree() && survival.Next())
                change.ApplyDurable();
        _pending.RemoveAll(static change => change.IsDurable);
    }
}
