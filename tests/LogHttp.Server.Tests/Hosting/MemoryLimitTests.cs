using LogHttp.AspNetCore.Settings;
using LogHttp.Server.Hosting;

namespace LogHttp.Server.Tests.Hosting;

public class MemoryLimitTests
{
    [Theory]
    [InlineData(64L << 30, 1L << 30, 1L << 30, 256L << 20, 64L << 20, 15_000)]
    [InlineData(192L << 20, 64L << 20, 12L << 20, 64L << 20, 16L << 20, 3_072)]
    [InlineData(96L << 20, 32L << 20, 6L << 20, 32L << 20, 8L << 20, 1_536)]
    public void Apply_MemoryLimit_ChoosesFittingBudgets(
        long availableBytes,
        long reading,
        long unread,
        long client,
        long body,
        int connections
    )
    {
        var settings = new ServerSettings { MaxOpenSegments = 64 };
        MemoryLimit.Apply(settings, availableBytes);
        NetworkMemory.Apply(settings, availableBytes);
        Assert.Equal(
            (reading, reading, unread, unread),
            (settings.MaxReadingBytes, settings.MaxAppendingBytes, settings.MaxUnreadBytes, settings.MaxFollowingBytes)
        );
        Assert.Equal((unread, unread / 4), (settings.MaxHeldHeadBytes, settings.MaxClientHeldHeadBytes));
        var connectionBytes = Math.Min(availableBytes / 8, 1L << 30);
        Assert.Equal(
            (connectionBytes, connectionBytes / 2, connections),
            (settings.MaxConnectionBytes, settings.MaxClientConnectionBytes, settings.MaxConnections)
        );
        Assert.Equal(
            (client, body, body),
            (settings.MaxClientReadingBytes, settings.MaxBodyBytes, settings.MaxBatchBytes)
        );
        Assert.Equal(body < 64 << 20, settings.MemoryLimit is not null);
        Assert.Empty(settings.FindFaults());
    }

    [Fact]
    public void Apply_ExplicitSettings_AreKept()
    {
        var settings = new ServerSettings
        {
            MaxOpenSegments = 64,
            MaxReadingBytes = 5L << 30,
            MaxQueuedBytes = 80 << 20,
            MaxFollowingBytes = 7L << 30,
        };
        MemoryLimit.Apply(settings, 192 << 20);
        NetworkMemory.Apply(settings, 192 << 20);
        Assert.Equal(
            (5L << 30, 80L << 20, 7L << 30),
            (settings.MaxReadingBytes, settings.MaxQueuedBytes, settings.MaxFollowingBytes)
        );
        Assert.Empty(settings.FindFaults());
    }

    [Fact]
    public void Apply_ExplicitMaxReadingBytes_KeepsMaxBatchBytes()
    {
        var settings = new ServerSettings
        {
            MaxOpenSegments = 64,
            MaxReadingBytes = 64 << 10,
            MaxBodyBytes = 64 << 10,
        };
        MemoryLimit.Apply(settings, 64L << 30);
        NetworkMemory.Apply(settings, 64L << 30);
        Assert.Equal((64 << 10, 64 << 20), (settings.MaxBodyBytes, settings.MaxBatchBytes));
        Assert.Empty(settings.FindFaults());
    }

    [Theory]
    [InlineData("MaxConnectionBytes")]
    [InlineData("MaxClientConnectionBytes")]
    public void FindFaults_BudgetBelowOneHead_ReportsIt(string name)
    {
        var settings = new ServerSettings { MaxOpenSegments = 64, MaxRequestHeadersBytes = 1 << 20 };
        typeof(ServerSettings).GetProperty(name)!.SetValue(settings, 4L << 20);
        MemoryLimit.Apply(settings, 1L << 30);
        NetworkMemory.Apply(settings, 1L << 30);
        Assert.StartsWith(
            $"{name} is 4194304. Allowed: ",
            Assert.Single(settings.FindFaults()),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Apply_LargeHeadsAllowed_FitsOne()
    {
        var settings = new ServerSettings { MaxOpenSegments = 64, MaxRequestHeadersBytes = 16 << 20 };
        MemoryLimit.Apply(settings, 192 << 20);
        NetworkMemory.Apply(settings, 192 << 20);
        Assert.InRange(settings.MaxClientHeldHeadBytes, 32 << 20, settings.MaxHeldHeadBytes);
        Assert.InRange(settings.MaxClientConnectionBytes, 64 << 20, settings.MaxConnectionBytes);
        Assert.Empty(settings.FindFaults());
    }
}
