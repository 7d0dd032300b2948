using CsCheck;

namespace LogHttp.Storage.Tests;

public class FlushPolicyTests
{
    [Theory]
    [InlineData("always", "always", true, null)]
    [InlineData("os", "os", false, null)]
    [InlineData("1ms", "1ms", false, 1)]
    [InlineData("5s", "5000ms", false, 5_000)]
    [InlineData("60m", "3600000ms", false, 3_600_000)]
    [InlineData("1h", "3600000ms", false, 3_600_000)]
    public void TryParse_DocumentedText_Succeeds(string text, string again, bool isAlways, int? intervalMs)
    {
        Assert.True(FlushPolicy.TryParse(text, out var policy));
        Assert.Equal((isAlways, intervalMs), (policy.IsAlways, (int?)policy.Interval?.TotalMilliseconds));
        Assert.Equal(again, policy.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Always")]
    [InlineData("5")]
    [InlineData("ms")]
    [InlineData("0ms")]
    [InlineData("-1ms")]
    [InlineData("+1ms")]
    [InlineData(" 1ms")]
    [InlineData("1.5s")]
    [InlineData("61m")]
    [InlineData("3600001ms")]
    [InlineData("99999999999999ms")]
    [InlineData("2h")]
    [InlineData("0")]
    public void TryParse_OtherText_Fails(string? text) => Assert.False(FlushPolicy.TryParse(text, out _));

    [Fact]
    public void ToString_Parsed_IsSamePolicy() =>
        Gen.Int[1, 3_600_000]
            .Sample(intervalMs =>
            {
                var policy = FlushPolicy.Every(TimeSpan.FromMilliseconds(intervalMs));
                Assert.True(FlushPolicy.TryParse(policy.ToString(), out var again));
                Assert.Equal(policy, again);
            });

    [Fact]
    public void Every_OutOfRange_Throws()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => FlushPolicy.Every(TimeSpan.FromMicroseconds(999)));
        Assert.Throws<ArgumentOutOfRangeException>(() => FlushPolicy.Every(TimeSpan.FromHours(1.1)));
    }

    [Fact]
    public void Every_FractionOfMillisecond_IsKept()
    {
        var policy = FlushPolicy.Every(TimeSpan.FromMilliseconds(1.7));
        Assert.True(FlushPolicy.TryParse(policy.ToString(), out var again));
        Assert.Equal(policy, again);
    }
}
