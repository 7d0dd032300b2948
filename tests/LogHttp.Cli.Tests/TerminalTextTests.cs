namespace LogHttp.Cli.Tests;

public class TerminalTextTests
{
    [Theory]
    [InlineData("rotten: Zürich 東京", "rotten: Zürich 東京")]
    [InlineData("\u001b]52;c;bHM=\u0007", "\\u001b]52;c;bHM=\\u0007")]
    [InlineData("one\ntwo\r\u009b2J", "one\\u000atwo\\u000d\\u009b2J")]
    [InlineData("gpj.\u202Eexe", "gpj.\\u202eexe")]
    public void Escape_ControlCharacters_MakesThemVisible(string text, string escaped) =>
        Assert.Equal(escaped, TerminalText.Escape(text));

    [Fact]
    public void Escape_LongText_IsCut() =>
        Assert.Equal(new string('x', 4096) + "…", TerminalText.Escape(new string('x', 5000)));
}
