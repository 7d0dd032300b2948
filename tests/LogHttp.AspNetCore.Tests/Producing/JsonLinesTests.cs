using System.Text;
using LogHttp.AspNetCore.Producing;

namespace LogHttp.AspNetCore.Tests.Producing;

public sealed class JsonLinesTests
{
    [Theory]
    [InlineData("{\"n\":1}\n{\"n\":2}", true)]
    [InlineData("\r\n{\"n\":1}\r\n\r\n 2 \r\n", true)]
    [InlineData("[1]\n[2]\n[3", true)]
    [InlineData("{\"n\":1}", false)]
    [InlineData("{\"n\":1}\n", false)]
    [InlineData("{\"n\":1}\n{\"n\":", false)]
    [InlineData("{\"n\":1} {\"n\":2}", false)]
    [InlineData("{\n\"n\":1\n", false)]
    [InlineData("[\n1\n", false)]
    [InlineData("1\nx\n2", false)]
    [InlineData("", false)]
    public void IsLikely_FirstTwoLines_Decide(string body, bool expected) =>
        Assert.Equal(expected, JsonLines.IsLikely(Encoding.UTF8.GetBytes(body)));
}
