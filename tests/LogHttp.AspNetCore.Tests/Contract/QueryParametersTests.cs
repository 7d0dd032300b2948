using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Tests.Contract;

public sealed class QueryParametersTests
{
    [Theory]
    [InlineData(null, null, null)]
    [InlineData("?", null, null)]
    [InlineData("?other=1&n=7", 7, null)]
    [InlineData("?%6E=%37", 7, null)]
    [InlineData("?N=7", 7, null)]
    [InlineData("?n=7&n=8", null, "n is \"7,8\"")]
    [InlineData("?n=", null, "n is \"\"")]
    [InlineData("?n=7%00", null, "n is ")]
    [InlineData("?n=10", null, "n is \"10\"")]
    public void TryReadNumber_Query_ReadsOneNumber(string? query, int? number, string? problem)
    {
        var isRead = new QueryParameters(query).TryReadNumber("n", 0, 9, out var read, out var found);

        Assert.Equal((problem is null, (long?)number), (isRead, read));
        Assert.StartsWith(problem ?? "", found?.Detail ?? "", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("?a=1&B", true)]
    [InlineData("?a=1&c=2", false)]
    [InlineData("?=1", false)]
    public void HasOnly_OtherName_IsRejected(string query, bool hasOnly) =>
        Assert.Equal(hasOnly, new QueryParameters(query).HasOnly(["a", "b"], out _));
}
