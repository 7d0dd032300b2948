using LogHttp.Server.Hosting;

namespace LogHttp.Server.Tests.Hosting;

public class HandleLimitTests
{
    [Theory]
    [InlineData(20_000, 15_000, 2_048)]
    [InlineData(10_000, 7_116, 1_186)]
    [InlineData(1_024, 384, 64)]
    public void Apply_LowersWhatTheProcessCantOpen(long limit, int connections, int segments)
    {
        var settings = new LogHttpSettings();
        HandleLimit.Apply(settings, limit);
        Assert.Equal((connections, segments), (settings.MaxConnections, settings.MaxOpenSegments));
        Assert.True(settings.MaxConnections + 2 * settings.MaxOpenSegments <= limit);
        Assert.Null(settings.Check());
    }
}
