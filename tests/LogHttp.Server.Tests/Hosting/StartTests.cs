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
    [InlineData("DataDirectori", "x", "there is no setting \"DataDirectori\"; there are DataDirectory, ")]
    [InlineData("AllowedOrigins", "example.org", "AllowedOrigins has \"example.org\"")]
    [InlineData("AllowedWriteOrigins", "https://example.org/", "AllowedWriteOrigins has \"https://example.org/\"")]
    [InlineData("MaxRequestLineBytes", "1", "MaxRequestLineBytes is 1; it must be from 1024 to")]
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
    public async Task Start_OnAnAddressOthersReach_WarnsLoudly_AndKeepsToItsNames()
    {
        var (server, client) = await ServerProcess.StartAsync(
            _directory.Path,
            ("Kestrel__Endpoints__All__Url", "http://0.0.0.0:0")
        );
        using (server)
        using (client)
        {
            await server.SaysAsync("LISTENING BEYOND THIS MACHINE, on http://0.0.0.0:");
            foreach (var (host, status) in new[] { ("log.example.org", 400), ("192.0.2.7:8080", 200) })
            {
                var answer = await RawRequest.SendAsync(
                    new Uri($"http://127.0.0.1:{client.BaseAddress!.Port}"),
                    $"GET /topics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                );
                Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task Start_OnLoopback_DoesNotWarn()
    {
        var (server, client) = await ServerProcess.StartAsync(_directory.Path);
        using (server)
        using (client)
        {
            await server.SaysAsync("Application started");
            Assert.DoesNotContain("WRN", server.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Start_WithJsonLogs_WritesAnObjectALine()
    {
        var (server, client) = await ServerProcess.StartAsync(_directory.Path, ("LogHttp__LogFormat", "json"));
        using (server)
        using (client)
            Assert.All(
                server.Output.Split('\n'),
                line => Assert.StartsWith("{\"@t\":", line, StringComparison.Ordinal)
            );
    }
}
