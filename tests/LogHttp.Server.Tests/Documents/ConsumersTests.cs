using LogHttp.Testing;

namespace LogHttp.Server.Tests.Documents;

/// <summary>docs/CONSUMERS.md shows the consumers that tests/scripts/consumers.sh runs.</summary>
public sealed class ConsumersTests
{
    static readonly string Documents = Path.Combine(RepositoryRoot.Path, "docs");

    [Theory]
    [InlineData("bash", "consumer.sh")]
    [InlineData("python", "consumer.py")]
    [InlineData("javascript", "consumer.mjs")]
    [InlineData("html", "page.html")]
    public void Consumers_InDocument_MatchFiles(string language, string name)
    {
        var shown = Assert.Single(
            MarkdownBlock.ReadAll(File.ReadAllText(Path.Combine(Documents, "CONSUMERS.md"))),
            block => block.Language == language
        );
        Assert.Equal(
            File.ReadAllText(Path.Combine(Documents, "consumers", name)),
            shown.Text + "\n",
            ignoreLineEndingDifferences: true
        );
    }
}
