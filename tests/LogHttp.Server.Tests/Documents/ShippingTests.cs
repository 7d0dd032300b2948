using LogHttp.Testing;

namespace LogHttp.Server.Tests.Documents;

/// <summary>docs/SHIPPING.md shows the script that tests/scripts/ship-chaos.sh runs.</summary>
public sealed class ShippingTests
{
    [Fact]
    public void Script_InDocument_MatchesFile()
    {
        var documents = Path.Combine(RepositoryRoot.Path, "docs");
        var shown = Assert.Single(
            MarkdownBlock.ReadAll(File.ReadAllText(Path.Combine(documents, "SHIPPING.md"))),
            static block => block.Text.StartsWith("#!", StringComparison.Ordinal)
        );
        Assert.Equal(
            File.ReadAllText(Path.Combine(documents, "shippers", "ship.sh")),
            shown.Text + "\n",
            ignoreLineEndingDifferences: true
        );
    }
}
