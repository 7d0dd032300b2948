using LogHttp.AspNetCore.Settings;
using LogHttp.Server.Hosting;

namespace LogHttp.Server.Tests.Hosting;

public class HandleLimitTests
{
    [Theory]
    [InlineData(20_000, 15_000, 2_244)]
    [InlineData(10_000, 7_116, 1_186)]
    [InlineData(1_024, 384, 64)]
    public void Apply_LimitsAboveProcessLimit_AreLowered(long limit, int connections, int segments)
    {
        var settings = new ServerSettings();
        HandleLimit.Apply(settings, limit);
        Assert.Equal((connections, segments), (settings.MaxConnections, settings.MaxOpenSegments));
        Assert.True(settings.MaxConnections + 2 * settings.MaxOpenSegments <= limit);
        MemoryLimit.Apply(settings, 64L << 30);
        NetworkMemory.Apply(settings, 64L << 30);
        Assert.Empty(settings.FindFaults());
    }

    [Theory]
    [InlineData(0, 1_048_576, 16_384)]
    [InlineData(0, 40_000, 12_244)]
    [InlineData(0, null, 2_048)]
    [InlineData(4_000, 1_048_576, 4_000)]
    [InlineData(100_000, 1_048_576, 100_000)]
    public void Apply_WithoutSetting_ChoosesMaxOpenSegments(int setting, int? limit, int segments)
    {
        var settings = new ServerSettings { MaxOpenSegments = setting };
        HandleLimit.Apply(settings, limit);
        Assert.Equal((15_000, segments), (settings.MaxConnections, settings.MaxOpenSegments));
        Assert.Null(settings.HandleLimit);
        MemoryLimit.Apply(settings, 64L << 30);
        NetworkMemory.Apply(settings, 64L << 30);
        Assert.Empty(settings.FindFaults());
    }

    [Theory]
    [InlineData(20L, true)]
    [InlineData(575L, true)]
    [InlineData(576L, false)]
    [InlineData(null, false)]
    public void FindFault_TinyLimit_NamesRequiredNumber(long? limit, bool isFault)
    {
        var fault = HandleLimit.FindFault(limit);
        Assert.Equal(isFault, fault is not null);
        if (isFault)
            Assert.Equal(
                $"the process may open {limit} files, and the server needs 576. Raise the hard limit: ulimit -n "
                    + "65536, or LimitNOFILE= in a systemd unit.",
                fault
            );
    }
}
