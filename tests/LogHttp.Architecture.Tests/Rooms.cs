using Mono.Cecil;

namespace LogHttp.Architecture.Tests;

/// <summary>A door: code in one namespace names a type of another one.</summary>
internal readonly record struct Door(string From, string To)
{
    public override string ToString() => $"{From} → {To}";
}

/// <summary>The namespaces of a compiled assembly, and the doors between them.</summary>
/// <param name="Assembly">The assembly's name.</param>
/// <param name="Doors">All doors, each with one pair of types that uses it.</param>
internal sealed record Rooms(string Assembly, IReadOnlyDictionary<Door, string> Doors)
{
    /// <summary>Reads the doors of an assembly within itself. Constants leave no trace in an assembly.</summary>
    /// <param name="path">The assembly's file.</param>
    /// <param name="root">The namespace that all of its own namespaces begin with.</param>
    public static Rooms Read(string path, string root)
    {
        using var assembly = AssemblyDefinition.ReadAssembly(path);
        var doors = new Dictionary<Door, string>();
        foreach (var (from, to) in TypeGraph.Read(assembly).Order())
        {
            var door = new Door(NamespaceOf(from), NamespaceOf(to));
            if (door.From != door.To && IsIn(root, door.From) && IsIn(root, door.To))
                doors.TryAdd(door, $"{from} names {to}");
        }
        return new(root, doors);
    }

    /// <summary>The LogHttp assemblies that an assembly refers to.</summary>
    public static IReadOnlyList<string> ReferencesOf(string path)
    {
        using var assembly = AssemblyDefinition.ReadAssembly(path);
        return
        [
            .. assembly
                .MainModule.AssemblyReferences.Select(static reference => reference.Name)
                .Where(static name => name.StartsWith("LogHttp", StringComparison.Ordinal)),
        ];
    }

    /// <summary>The rooms in the order in which a reader meets them: each above all that it has doors to.</summary>
    /// <exception cref="InvalidOperationException">They have a cycle.</exception>
    public IReadOnlyList<string> FromTheTop() =>
        FindCycle(Doors.Keys) is { } cycle
            ? throw new InvalidOperationException(string.Join(" → ", cycle))
            :
            [
                .. Doors
                    .Keys.SelectMany(static door => new[] { door.From, door.To })
                    .Distinct()
                    .OrderByDescending(HeightOf)
                    .ThenBy(static room => room, StringComparer.Ordinal),
            ];

    /// <summary>
    /// Returns rooms of which each has a door to the next, the last one being the first again. Null if there is no
    /// cycle.
    /// </summary>
    public static IReadOnlyList<string>? FindCycle(IEnumerable<Door> doors)
    {
        var next = doors.ToLookup(static door => door.From, static door => door.To);
        var done = new HashSet<string>();
        var path = new List<string>();
        return next.Select(static room => room.Key).Select(Visit).FirstOrDefault(static cycle => cycle is not null);

        IReadOnlyList<string>? Visit(string room)
        {
            if (path.IndexOf(room) is >= 0 and var start)
                return [.. path[start..], room];
            if (!done.Add(room))
                return null;
            path.Add(room);
            var cycle = next[room].Select(Visit).FirstOrDefault(static found => found is not null);
            path.RemoveAt(path.Count - 1);
            return cycle;
        }
    }

    /// <summary>The graph as ARCHITECTURE.md has it: a row for each room, with the rooms that it uses.</summary>
    public IEnumerable<string> Rows()
    {
        var rooms = FromTheTop();
        foreach (var room in rooms)
        {
            var uses = rooms.Where(to => Doors.ContainsKey(new(room, to))).Select(ShortName).ToArray();
            if (uses.Length > 0)
                yield return $"| {ShortName(room)} | {string.Join(", ", uses)} |";
        }
    }

    /// <summary>The doors that rows such as those of <see cref="Rows"/> list.</summary>
    public static IEnumerable<Door> Parse(IEnumerable<string> rows, string assembly) =>
        from row in rows
        let cells = row.Split('|', StringSplitOptions.TrimEntries)
        from to in cells[2].Split(',', StringSplitOptions.TrimEntries)
        select new Door(FullName(cells[1], assembly), FullName(to, assembly));

    int HeightOf(string room) =>
        Doors.Keys.Where(door => door.From == room).Select(door => HeightOf(door.To) + 1).DefaultIfEmpty().Max();

    string ShortName(string room) => room == Assembly ? room : room[(Assembly.Length + 1)..];

    static string FullName(string room, string assembly) => room == assembly ? room : $"{assembly}.{room}";

    static bool IsIn(string root, string room) => room == root || room.StartsWith(root + ".", StringComparison.Ordinal);

    static string NamespaceOf(string type) => type[..Math.Max(0, type.LastIndexOf('.'))];
}
