using System.Diagnostics.CodeAnalysis;

namespace LogHttp.Testing;

/// <summary>A file or a directory: a node that a name leads to.</summary>
abstract class Node;

/// <summary>A directory: its live names, which processes see, and its durable names, which the disk holds.</summary>
sealed class DirectoryNode(SimulatedVolume volume) : Node
{
    Dictionary<string, Node> _live = new(StringComparer.Ordinal);

    public SimulatedVolume Volume => volume;

    /// <summary>The volume mounted on this directory, or null.</summary>
    public SimulatedVolume? Mounted { get; set; }

    /// <summary>The names surely on the disk.</summary>
    public Dictionary<string, Node> Durable { get; } = new(StringComparer.Ordinal);

    /// <summary>The latest change of each name that is not durable yet.</summary>
    public Dictionary<string, NameChange> Pending { get; } = new(StringComparer.Ordinal);

    /// <summary>The directory that holds this one's name. Null for the root and for a deleted directory.</summary>
    public DirectoryNode? Parent { get; private set; }

    /// <summary>This directory's name in its parent.</summary>
    public string Name { get; private set; } = "";

    /// <summary>Finds a live name.</summary>
    public bool TryGet(ReadOnlySpan<char> name, [NotNullWhen(true)] out Node? node) =>
        _live.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out node);

    /// <summary>The live names. Equal directories give equal orders, so that runs replay.</summary>
    public KeyValuePair<string, Node>[] Entries()
    {
        KeyValuePair<string, Node>[] entries = [.. _live];
        Array.Sort(entries, static (left, right) => string.CompareOrdinal(left.Key, right.Key));
        return entries;
    }

    /// <summary>Sets a live name, or removes it if the node is null.</summary>
    public void SetLive(string name, Node? node)
    {
        if (_live.Remove(name, out var previous))
            SetPlace(previous, null, "");
        if (node is null)
            return;
        _live.Add(name, node);
        SetPlace(node, this, name);
    }

    /// <summary>Sets a durable name, or removes it if the node is null.</summary>
    public void SetDurable(string name, Node? node)
    {
        if (node is null)
            Durable.Remove(name);
        else
            Durable[name] = node;
    }

    /// <summary>Replaces the live names by the durable ones, as a boot does.</summary>
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
