namespace LogHttp.Storage.Tests;

public class TopicNameTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("Orders_2026-11.v1")]
    [InlineData("...")]
    [InlineData("-")]
    public void Check_OfANameThatATopicMayHave_FindsNothing(string name) => Assert.Null(TopicName.Check(name));

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
    public void Check_OfAnyOtherName_SaysWhatIsWrong(string? name) => Assert.NotNull(TopicName.Check(name));

    [Fact]
    public void Check_OfTheLongestName_FindsNothing_AndOfALongerOneSaysSo()
    {
        Assert.Null(TopicName.Check(new string('a', TopicName.MaxLength)));
        Assert.Contains("249", TopicName.Check(new string('a', TopicName.MaxLength + 1)), StringComparison.Ordinal);
    }
}
