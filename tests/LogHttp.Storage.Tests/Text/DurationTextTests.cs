using CsCheck;
using LogHttp.Storage.Text;

namespace LogHttp.Storage.Tests.Text;

public class DurationTextTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("0s", 0)]
    [InlineData("100ms", 100)]
    [InlineData("30s", 30_000)]
    [InlineData("5m", 300_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("7d", 604_800_000)]
    [InlineData("2592000000ms", 2_592_000_000)]
    public void TryParse_NumberAndUnit_Succeeds(string text, long milliseconds)
    {
        Assert.True(DurationText.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), duration);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("30")]
    [InlineData("00:00:30")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("1.5s")]
    [InlineData(" 1s")]
    [InlineData("1 s")]
    [InlineData("1S")]
    [InlineData("1\0s")]
    [InlineData("1w")]
    [InlineData("99999999999999d")]
    [InlineData("99999999999999999999ms")]
    public void TryParse_OtherText_Fails(string? text) => Assert.False(DurationText.TryParse(text, out _));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(100, "100ms")]
    [InlineData(1_500, "1500ms")]
    [InlineData(130_000, "130s")]
    [InlineData(300_000, "5m")]
    [InlineData(3_600_000, "1h")]
    [InlineData(31_536_000_000, "365d")]
    public void Format_AnyDuration_UsesLargestUnit(long milliseconds, string text) =>
        Assert.Equal(text, DurationText.Format(TimeSpan.FromMilliseconds(milliseconds)));

    [Fact]
    public void Format_AnyDuration_IsReadBack() =>
        Gen.Long[0, 1L << 45]
            .Sample(milliseconds =>
            {
                var duration = TimeSpan.FromMilliseconds(milliseconds);
                Assert.True(DurationText.TryParse(DurationText.Format(duration), out var again));
                Assert.Equal(duration, again);
            });
}
