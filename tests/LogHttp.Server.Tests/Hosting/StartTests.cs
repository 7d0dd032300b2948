using LogHttp.Testing;

namespace LogHttp.Server.Tests.Hosting;

public sealed class StartTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("Flush", "sometimes", "Flush is \"sometimes\"")]
    [InlineData("SegmentBytes", "12", "SegmentBytes is 12; it must be from 65536 to")]
    [InlineData("Partitions", "many", "Partitions")]
    [InlineData("LogFormat", "xml", "LogFormat is \"xml\"")]
    [InlineData("DataDirectori", "x", "DataDirectori")]
    public async Task Start_WithASettingThatCantBe_SaysWhichAndEnds(string name, string value, string mentions)
    {
        var (exitCode, output) = await ServerProcess.RunAsync(_directory.Path, ($"LogHttp__{name}", value));
        Assert.Equal(1, exitCode);
        Assert.Contains("LogHttp did not start:", output, StringComparison.Ordinal);
        Assert.Contains(mentions, output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_OnADirectoryThatIsInUse_SaysSoAndEnds()
    {
        var (server, client) = await ServerProcess.StartAsync(_directory.Path);
        using (server)
        using (client)
        {
            var (exitCode, output) = await ServerProcess.RunAsync(_directory.Path);
            Assert.Equal(1, exitCode);
            Assert.Contains("is in use by another process", output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Start_WithJsonLogs_WritesAnObjectALine()
    {
        var (server, client) = await ServerProcess.StartAsync(_directory.Path, ("LogHttp__LogFormat", "json"));
        using (server)
        using (client)
            Assert.All(server.Output.Split('\n'), line => Assert.StartsWith("{\"@t\":", line, StringComparison.Ordinal));
    }
}
