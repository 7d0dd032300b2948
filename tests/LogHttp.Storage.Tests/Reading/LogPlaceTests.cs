using CsCheck;
using LogHttp.Storage.Reading;

namespace LogHttp.Storage.Tests.Reading;

public class LogPlaceTests
{
    static readonly Gen<LogPlace> Places = Gen.OneOf(
        Gen.Long[0, long.MaxValue].Select(LogPlace.At),
        Gen.Long[1, long.MaxValue].Select(LogPlace.FromEnd),
        Gen.Long[0, long.MaxValue].Select(LogPlace.AtTime),
        Gen.Const(LogPlace.Earliest),
        Gen.Const(LogPlace.Latest)
    );

    [Fact]
    public void ToString_Parsed_IsSamePlace() =>
        Places.Sample(place =>
        {
            Assert.True(LogPlace.TryParse(place.ToString(), out var again));
            Assert.Equal(place, again);
        });

    [Theory]
    [InlineData("0", true)]
    [InlineData("42", true)]
    [InlineData("9223372036854775807", true)]
    [InlineData("-10", false)]
    [InlineData("earliest", false)]
    [InlineData("latest", false)]
    [InlineData("@0", false)]
    [InlineData("@2026-11-22T10:00:00Z", false)]
    public void TryParse_Place_TellsWhetherNumeric(string text, bool isNumeric)
    {
        Assert.True(LogPlace.TryParse(text, out var place));
        Assert.Equal(isNumeric, place.IsNumeric);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("-0")]
    [InlineData("--1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("1.0")]
    [InlineData("Latest")]
    [InlineData("9223372036854775808")]
    [InlineData("-9223372036854775808")]
    [InlineData("@")]
    [InlineData("@-1")]
    [InlineData("@now")]
    [InlineData("@2026-13-01")]
    [InlineData("@2026-11-22 10:00")]
    [InlineData("@22.11.2026")]
    [InlineData("@2026-11-22T10:00:00.Z")]
    [InlineData("@2026-11-22T10:00:60Z")]
    [InlineData("@2026-11-22T10:00:00+2:00")]
    [InlineData("@2026-11-22.5")]
    [InlineData("@2026-11-22Z")]
    [InlineData("@2026-11-22T10:00:00Z\0")]
    public void TryParse_OtherText_Fails(string? text) => Assert.False(LogPlace.TryParse(text, out _));

    [Theory]
    [InlineData("@1795341600000", 1795341600000)]
    [InlineData("@2026-11-22T10:00:00Z", 1795341600000)]
    [InlineData("@2026-11-22T10:00:00", 1795341600000)]
    [InlineData("@2026-11-22T10:00", 1795341600000)]
    [InlineData("@2026-11-22T12:00:00+02:00", 1795341600000)]
    [InlineData("@2026-11-22T12:00:00 02:00", 1795341600000)]
    [InlineData("@2026-11-22T05:30-04:30", 1795341600000)]
    [InlineData("@2026-11-22", 1795305600000)]
    [InlineData("@2026-11-22T10:00:00.0000001Z", 1795341600001)]
    [InlineData("@2026-11-22T10:00:00.123Z", 1795341600123)]
    [InlineData("@2026-11-22T10:00:00.123000000Z", 1795341600123)]
    [InlineData("@2026-11-22T10:00:00.123000001Z", 1795341600124)]
    [InlineData("@2026-11-22t10:00:00.1z", 1795341600100)]
    [InlineData("@1969-12-31T23:59:59.999Z", 0)]
    [InlineData("@0001-01-01", 0)]
    [InlineData("@9999-12-31T23:59:59.999999Z", 253402300800000)]
    public void TryParse_Time_IsFirstMillisecondNotBefore(string text, long timestampMs)
    {
        Assert.True(LogPlace.TryParse(text, out var place));
        Assert.Equal(LogPlace.AtTime(timestampMs), place);
    }

    [Theory]
    [InlineData("@-1h", 3_600_000)]
    [InlineData("@-90m", 5_400_000)]
    [InlineData("@-7d", 604_800_000)]
    [InlineData("@-1500ms", 1_500)]
    [InlineData("@-0", 0)]
    [InlineData("@-100000d", 1_795_341_600_000)]
    public void TryParse_TimeBeforeNow_CountsFromClock(string text, long agoMs)
    {
        Assert.True(LogPlace.TryParse(text, new StandingClock(1_795_341_600_000), out var place));
        Assert.Equal(LogPlace.AtTime(1_795_341_600_000 - agoMs), place);
        Assert.False(place.IsNumeric);
        Assert.False(LogPlace.TryParse(text, out _));
    }

    [Theory]
    [InlineData("@-")]
    [InlineData("@-1")]
    [InlineData("@--1h")]
    [InlineData("@-1.5h")]
    [InlineData("@- 1h")]
    [InlineData("@-1h ")]
    [InlineData("@-1h\0")]
    [InlineData("@-1w")]
    [InlineData("@+1h")]
    [InlineData("@-9999999999999d")]
    public void TryParse_OtherDuration_Fails(string text) =>
        Assert.False(LogPlace.TryParse(text, TimeProvider.System, out _));

    [Theory]
    [InlineData("42")]
    [InlineData("-10")]
    [InlineData("latest")]
    [InlineData("@2026-11-22T10:00:00Z")]
    public void TryParse_WithClock_ReadsOtherPlacesTheSame(string text)
    {
        Assert.True(LogPlace.TryParse(text, TimeProvider.System, out var place));
        Assert.True(LogPlace.TryParse(text, out var same));
        Assert.Equal(same, place);
    }

    sealed class StandingClock(long nowMs) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(nowMs);
    }

    [Theory]
    [InlineData("earliest", 5)]
    [InlineData("latest", 100)]
    [InlineData("-10", 90)]
    [InlineData("-1000", 5)]
    [InlineData("3", 3)]
    [InlineData("200", 200)]
    public void Resolve_AnyPlace_ReturnsCurrentOffset(string text, long offset)
    {
        Assert.True(LogPlace.TryParse(text, out var place));
        Assert.Equal(offset, place.Resolve(earliest: 5, end: 100));
    }
}
