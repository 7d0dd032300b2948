using LogHttp.Testing;

namespace LogHttp.Server.Tests.Hosting;

public sealed class StartTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Start_InvalidSettings_NamesEachAndExits()
    {
        var (exitCode, output) = await ServerProcess.RunAsync(
            _directory.Path,
            ("LogHttp__Flush", "sometimes"),
            ("LogHttp__SegmentBytes", "12"),
            ("LogHttp__Partitions", "many"),
            ("LogHttp__LogFormat", "xml"),
            ("LogHttp__DataDirectori", "x"),
            ("LogHttp__AllowedOrigins__0", "https://example.org"),
            ("LogHttp__AllowedOrigins__1", "example.org"),
            ("LogHttp__AllowedWriteOrigins", "https://example.org/"),
            ("LogHttp__TrustedProxies", "127.0.0.1;proxy"),
            ("LogHttp__HeadersTimeout", "30"),
            ("LogHttp__KeepAliveTimeout", "30s"),
            ("LogHttp__KeepAliveTimeoutSeconds", "30"),
            ("LogHttp__MaxHeldHeadBytes", "1000")
        );
        Assert.Equal(1, exitCode);
        var lines = output.Split('\n');
        Assert.Equal("LogHttp did not start: settings are wrong.", lines[0]);
        const string Origins =
            "Allowed: * or origins, a scheme, a host and perhaps a port, such as https://example.org:8443";
        Assert.Equal(
            new[]
            {
                $"  LogHttp:AllowedOrigins has \"example.org\". {Origins}",
                $"  LogHttp:AllowedWriteOrigins has \"https://example.org/\". {Origins}",
                "  LogHttp:DataDirectori is not a setting. Supported: DataDirectory, ",
                "  LogHttp:Flush is \"sometimes\". Allowed: always, os, or a time from 1ms to 1h",
                "  LogHttp:HeadersTimeout is \"30\". Allowed: 1s to 1h",
                "  LogHttp:KeepAliveTimeout and KeepAliveTimeoutSeconds are both set. ",
                "  LogHttp:LogFormat is \"xml\". Allowed: text, json",
                "  LogHttp:MaxHeldHeadBytes is 1000. Allowed: ",
                "  LogHttp:Partitions is \"many\". Allowed: 1 to 1024",
                "  LogHttp:SegmentBytes is 12. Allowed: 65536 to 2147483648",
                "  LogHttp:TrustedProxies has \"proxy\". Allowed: IP addresses",
            },
            lines[1..].Order(StringComparer.Ordinal),
            static (expected, line) => line.StartsWith(expected, StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task Start_DirectoryInUse_ReportsItAndExits()
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
    public async Task Start_ExposedAddress_WarnsAndKeepsHostNames()
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

    [Theory]
    [InlineData("Logging__LogLevel__Default", "Loud", "Loud")]
    [InlineData(
        "Serilog__MinimumLevel__Default",
        "Loud",
        "Serilog:MinimumLevel:Default is \"Loud\". Allowed: Verbose, "
    )]
    public async Task Start_UnknownLogLevel_ReportsItAndExits(string name, string value, string says)
    {
        var (exitCode, output) = await ServerProcess.RunAsync(_directory.Path, (name, value));
        Assert.Equal(1, exitCode);
        Assert.Contains("LogHttp did not start:", output, StringComparison.Ordinal);
        Assert.Contains(says, output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_DebugLevel_WritesDebugLines()
    {
        var (server, client) = await ServerProcess.StartAsync(
            _directory.Path,
            ("Logging__LogLevel__Microsoft.AspNetCore", "Debug")
        );
        using (server)
        using (client)
        {
            await client.GetAsync("/healthz");
            await server.SaysAsync(" DBG] Connection id ");
        }
    }

    [Fact]
    public async Task Start_JsonLogs_WritesObjectPerLine()
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
