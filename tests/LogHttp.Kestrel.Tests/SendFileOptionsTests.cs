namespace LogHttp.Kestrel.Tests;

public sealed class SendFileOptionsTests
{
    [Fact]
    public void Defaults_AreValid_AndDefaultPagesUseSendfile()
    {
        var options = new SendFileOptions().Validated();
        Assert.True(options.SmallRegionBytes < 64 * 1024);
    }

    public static TheoryData<string, SendFileOptions> OutOfBounds =>
        new()
        {
            {
                nameof(SendFileOptions.SliceBytes),
                new() { SliceBytes = 4095 }
            },
            {
                nameof(SendFileOptions.SliceBytes),
                new() { SliceBytes = int.MaxValue }
            },
            {
                nameof(SendFileOptions.SmallRegionBytes),
                new() { SmallRegionBytes = -1 }
            },
            {
                nameof(SendFileOptions.SmallRegionBytes),
                new() { SmallRegionBytes = 2 * 1024 * 1024 }
            },
            {
                nameof(SendFileOptions.CopyBufferBytes),
                new() { CopyBufferBytes = 0 }
            },
            {
                nameof(SendFileOptions.MaxColdSlices),
                new() { MaxColdSlices = 0 }
            },
            {
                nameof(SendFileOptions.ColdReadBytes),
                new() { ColdReadBytes = 0 }
            },
            {
                nameof(SendFileOptions.StalledReaderTimeout),
                new() { StalledReaderTimeout = TimeSpan.Zero }
            },
            {
                nameof(SendFileOptions.StalledReaderTimeout),
                new() { StalledReaderTimeout = Timeout.InfiniteTimeSpan }
            },
        };

    [Theory]
    [MemberData(nameof(OutOfBounds))]
    public void Bounds_OutOfRange_AreRejectedByName(string name, SendFileOptions options)
    {
        var refused = Assert.Throws<ArgumentOutOfRangeException>(options.Validated);
        Assert.Equal(name, refused.ParamName);
        Assert.Contains(name, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_ChangedAfterwards_HaveNoEffect()
    {
        var options = new SendFileOptions();
        var inUse = options.Validated();
        options.SliceBytes = 1;
        Assert.Equal(1024 * 1024, inUse.SliceBytes);
    }
}
