namespace LogHttp.Storage.Tests;

public class TopicNameTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("Orders_2026-11.v1")]
    [InlineData("...")]
    [InlineData("-")]
    public void Check_ValidName_FindsNothing(string name) => Assert.Null(TopicName.Check(name));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("a\\b")]
    [InlineData("a b")]
    [InlineData("é")]
    [InlineData("a\0")]
    public void Check_InvalidName_NamesFault(string? name) => Assert.NotNull(TopicName.Check(name));

    [Fact]
    public void Check_LongestName_IsLimit()
    {
        Assert.Null(TopicName.Check(new string('a', TopicName.MaxLength)));
        Assert.Contains("249", TopicName.Check(new string('a', TopicName.MaxLength + 1)), StringComparison.Ordinal);
    }
}
