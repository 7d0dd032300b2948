using System.Text;
using LogHttp.Storage.Text;

namespace LogHttp.Storage.Tests.Text;

public class ExcerptTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("orders", "orders")]
    public void Of_ShortText_ReturnsItWhole(string text, string expected) =>
        Assert.Equal((expected, expected), (Excerpt.Of(text), Excerpt.Of(Encoding.UTF8.GetBytes(text))));

    [Theory]
    [InlineData('x')]
    [InlineData('ä')]
    [InlineData('→')]
    public void Of_LongText_ReturnsBeginningAndLength(char letter)
    {
        var (whole, text) = (new string(letter, 100), new string(letter, 5_000_000));
        Assert.Equal((whole, whole), (Excerpt.Of(whole), Excerpt.Of(Encoding.UTF8.GetBytes(whole))));
        var expected = whole + "… (5000000 characters)";
        Assert.Equal((expected, expected), (Excerpt.Of(text), Excerpt.Of(Encoding.UTF8.GetBytes(text))));
    }

    [Fact]
    public void Of_SurrogatePairAtCut_IsLeftOut()
    {
        var text = new string('x', 99) + "😀y";
        var expected = new string('x', 99) + "… (102 characters)";
        Assert.Equal((expected, expected), (Excerpt.Of(text), Excerpt.Of(Encoding.UTF8.GetBytes(text))));
    }
}
