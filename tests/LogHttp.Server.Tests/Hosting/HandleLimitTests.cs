using LogHttp.Server.Hosting;

namespace LogHttp.Server.Tests.Hosting;

public class HandleLimitTests
{
    [Theory]
    [InlineData(1_000_000, 20_000, 4_096)]
    [InlineData(20_000, 14_616, 2_436)]
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
