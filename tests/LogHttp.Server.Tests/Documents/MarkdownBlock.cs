namespace LogHttp.Server.Tests.Documents;

/// <summary>A fenced block of a Markdown text.</summary>
/// <param name="Language">The text behind the opening fence. May be empty.</param>
/// <param name="Text">The text between the fences.</param>
/// <param name="Line">The line of the opening fence, counted from 1.</param>
sealed record MarkdownBlock(string Language, string Text, int Line)
{
    const string Fence = "```";

    public static List<MarkdownBlock> ReadAll(string markdown)
    {
        var blocks = new List<MarkdownBlock>();
        var lines = markdown.ReplaceLineEndings("\n").Split('\n');
        for (var first = 0; first < lines.Length; first++)
        {
            if (!lines[first].StartsWith(Fence, StringComparison.Ordinal))
                continue;
            var last = Array.IndexOf(lines, Fence, first + 1);
            Assert.True(last >= 0, $"Line {first + 1}: this block has no end.");
            blocks.Add(
                new(lines[first][Fence.Length..].Trim(), string.Join('\n', lines[(first + 1)..last]), first + 1)
            );
            first = last;
        }
        return blocks;
    }
}
