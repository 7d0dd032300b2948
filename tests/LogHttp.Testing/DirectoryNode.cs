using System.Diagnostics.CodeAnalysis;

namespace LogHttp.Testing;

/// <summary>What a name leads to: a file or a directory.</summary>
abstract class Node;

/// <summary>A directory: the names that processes see, and those surely on the disk.</summary>
sealed class DirectoryNode(SimulatedVolume volume) : Node
{
    Dictionary<string, Node> _live = new(StringComparer.Ordinal);

    public SimulatedVolume Volume => volume;

    /// <summary>The volume whose root stands in this directory's place; null where none is mounted.</summary>
    public SimulatedVolume? Mounted { get; set; }

    /// <summary>The names surely on the disk.</summary>
    public Dictionary<string, Node> Durable { get; } = new(StringComparer.Ordinal);

    /// <summary>The latest change of each name that is not durable yet.</summary>
    public Dictionary<string, NameChange> Pending { get; } = new(StringComparer.Ordinal);

    /// <summary>The directory that holds this one's name; null for the root, and for one that was deleted.</summary>
    public DirectoryNode? Parent { get; private set; }

    /// <summary>This directory's name in its parent.</summary>
    public string Name { get; private set; } = "";

    /// <summary>Finds a live name.</summary>
    public bool TryGet(ReadOnlySpan<char> name, [NotNullWhen(true)] out Node? node) =>
        _live.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out node);

    /// <summary>The live names, always in the same order for the same directory, so that runs replay.</summary>
    public KeyValuePair<string, Node>[] Entries()
    {
        KeyValuePair<string, Node>[] entries = [.. _live];
        Array.Sort(entries, static (left, right) => string.CompareOrdinal(left.Key, right.Key));
        return entries;
    }

    /// <summary>Sets or, with no node, removes a live name.</summary>
    public void SetLive(string name, Node? node)
    {
        if (_live.Remove(name, out var previous))
            SetPlace(previous, null, "");
        if (node is null)
            return;
        _live.Add(name, node);
        SetPlace(node, this, name);
    }

    /// <summary>Sets or, with no node, removes a durable name.</summary>
    public void SetDurable(string name, Node? node)
    {
        if (node is null)
            Durable.Remove(name);
        else
            Durable[name] = node;
    }

    /// <summary>Makes the durable names the live ones, as a boot does.</summary>
    public void Reboot()
    {
        Pending.Clear();
        _live = new Dictionary<string, Node>(Durable, StringComparer.Ordinal);
        foreach (var (name, node) in _live)
            SetPlace(node, this, name);
    }

    static void SetPlace(Node node, DirectoryNode? parent, string name)
    {
        if (node is FileNode file)
        {
            file.LinkCount += parent is null ? -1 : 1;
        }
        else if (node is DirectoryNode directory)
        {
            directory.Parent = parent;
            directory.Name = name;
        }
    }
}
