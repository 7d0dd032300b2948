using LogHttp.Testing;

namespace LogHttp.Architecture.Tests;

/// <summary>
/// Namespaces are rooms, and the references between them doors. ARCHITECTURE.md lists all doors, and they lead down
/// only.
/// </summary>
public class RoomTests(ITestOutputHelper output)
{
    public static TheoryData<string, string> Assemblies =>
        new()
        {
            { "LogHttp.Storage.dll", "LogHttp.Storage" },
            { "LogHttp.Kestrel.dll", "LogHttp.Kestrel" },
            { "LogHttp.AspNetCore.dll", "LogHttp.AspNetCore" },
            { "LogHttp.Server.dll", "LogHttp.Server" },
            { "loghttp.dll", "LogHttp.Cli" },
        };

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Doors_WithinAssembly_FormNoCycle(string file, string root)
    {
        var rooms = Read(file, root);

        var cycle = Rooms.FindCycle(rooms.Doors.Keys);

        Assert.True(cycle is null, $"a cycle: {string.Join(" → ", cycle ?? [])}");
        foreach (var line in rooms.Rows())
            output.WriteLine(line);
    }

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Doors_WithinAssembly_MatchArchitecture(string file, string root)
    {
        var rooms = Read(file, root);
        var listed = Rooms.Parse(RowsOfTheArchitecture(root), root).ToHashSet();

        var unlisted = rooms
            .Doors.Where(door => !listed.Contains(door.Key))
            .Select(door => $"{door.Key}: {door.Value}");
        var unused = listed.Where(door => !rooms.Doors.ContainsKey(door));

        Assert.True(!unlisted.Any(), $"ARCHITECTURE.md does not list {string.Join("; ", unlisted)}");
        Assert.True(!unused.Any(), $"ARCHITECTURE.md lists what nobody uses: {string.Join("; ", unused)}");
    }

    [Fact]
    public void References_BetweenAssemblies_MatchArchitecture()
    {
        var used =
            from assembly in Assemblies
            let name = Path.GetFileNameWithoutExtension(assembly.Data.Item1)
            from reference in Rooms.ReferencesOf(Path.Combine(AppContext.BaseDirectory, assembly.Data.Item1))
            select new Door(name, reference);
        var listed =
            from row in RowsOfTheArchitecture("Assemblies")
            let cells = row.Split('|', StringSplitOptions.TrimEntries)
            from to in cells[2].Split(',', StringSplitOptions.TrimEntries)
            select new Door(cells[1], to);

        Assert.Equal(used.ToHashSet(), listed.ToHashSet());
    }

    [Fact]
    public void Cycle_OneReversedDoor_IsFound()
    {
        var doors = Read("LogHttp.Storage.dll", "LogHttp.Storage").Doors.Keys.ToHashSet();
        foreach (var door in doors)
        {
            var withReversed = doors.Except([door]).Append(new Door(door.To, door.From)).Append(door);
            Assert.NotNull(Rooms.FindCycle(withReversed));
        }
    }

    [Fact]
    public void Cycle_Found_IsNamed() =>
        Assert.Equal(["b", "c", "b"], Rooms.FindCycle([new("a", "b"), new("b", "c"), new("c", "b")]));

    static Rooms Read(string file, string root) => Rooms.Read(Path.Combine(AppContext.BaseDirectory, file), root);

    /// <summary>The table below the heading of an assembly's doors.</summary>
    static IEnumerable<string> RowsOfTheArchitecture(string assembly) =>
        File.ReadLines(Path.Combine(RepositoryRoot.Path, "ARCHITECTURE.md"))
            .SkipWhile(line => line != $"### {assembly}")
            .Skip(1)
            .TakeWhile(static line => !line.StartsWith('#'))
            .Where(static line => line.StartsWith('|'))
            // The head of the table and the line below it.
            .Skip(2);
}
