using LogHttp.AspNetCore.Settings;
using LogHttp.Server.Hosting;
using LogHttp.Testing;

namespace LogHttp.Server.Tests.Hosting;

/// <summary>README.md has every setting in one table, with the default that it has in the code.</summary>
public class SettingsTableTests
{
    [Fact]
    public void SettingsTable_InReadme_ListsAllWithDefaults()
    {
        var lines = File.ReadAllLines(Path.Combine(RepositoryRoot.Path, "README.md"));
        var documented = lines
            .SkipWhile(line => line != "## Settings")
            .Skip(1)
            .TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
            .Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .ToDictionary(cells => cells[1].Trim('`'), cells => cells[2].Trim('`'));
        var defaults = new ServerSettings();
        var actual = typeof(ServerSettings)
            .GetProperties()
            .ToDictionary(property => property.Name, property => SettingText.Of(property.GetValue(defaults)!));
        Assert.Equal(actual.OrderBy(entry => entry.Key), documented.OrderBy(entry => entry.Key));
    }
}
