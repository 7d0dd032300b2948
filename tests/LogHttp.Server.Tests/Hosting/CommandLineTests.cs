using LogHttp.Server.Hosting;

namespace LogHttp.Server.Tests.Hosting;

public sealed class CommandLineTests : IDisposable
{
    readonly StringWriter _output = new();
    readonly StringWriter _error = new();

    public void Dispose()
    {
        _output.Dispose();
        _error.Dispose();
    }

    (int? ExitCode, CommandLine CommandLine) Read(params string[] args)
    {
        var exitCode = CommandLine.Read(args, _output, _error, out var commandLine);
        return (exitCode, commandLine);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("-?")]
    public void Read_Help_PrintsUsageAndExits(string option)
    {
        Assert.Equal(0, Read(option, "--urls", "http://127.0.0.1:0").ExitCode);
        var usage = _output.ToString();
        foreach (
            var part in new[]
            {
                "Usage:",
                "--data <DIR>",
                "--port <PORT>",
                "--urls <URLS>",
                "--version",
                "Signals:",
                "Exit codes:",
                "Examples:",
            }
        )
            Assert.Contains(part, usage, StringComparison.Ordinal);
        Assert.DoesNotContain("additional arguments", usage, StringComparison.OrdinalIgnoreCase);
        Assert.All(ServerSettings.Names, name => Assert.Contains($"\n    {name}", usage, StringComparison.Ordinal));
        Assert.Contains("MaxTopics                       10000\n", usage, StringComparison.Ordinal);
        Assert.Equal("", _error.ToString());
    }

    [Fact]
    public void Read_Version_PrintsItAndExits()
    {
        Assert.Equal(0, Read("--version", "--urls", "http://127.0.0.1:0").ExitCode);
        Assert.Matches(@"^LogHttp \d+\.\d+\.\d+\S*\r?\n$", _output.ToString());
    }

    [Theory]
    [InlineData("Unknown option \"--prot\". Supported: --data, --port, --urls, --help, --version, ", "--prot", "9000")]
    [InlineData("Unknown option \"--MaxTopics\".", "--MaxTopics=5")]
    [InlineData("Unknown option \"-p\".", "-p", "9000")]
    [InlineData("Unexpected argument \"9000\".", "9000")]
    [InlineData("Unexpected argument \"@file\".", "@file")]
    [InlineData("Unexpected argument \"LogHttp:Flush=os\".", "LogHttp:Flush=os")]
    [InlineData("--port is \"many\"; it must be a number from 0 to 65535.", "--port", "many")]
    [InlineData("--port is \"-1\"; it must be a number from 0 to 65535.", "--port=-1")]
    [InlineData("--port is \"65536\"; it must be a number from 0 to 65535.", "--port", "65536")]
    [InlineData("--port", "--port")]
    [InlineData("--data needs a value: --data VALUE.", "--data", "--port", "1")]
    [InlineData(
        "--port and --urls both say where to listen. Use one of them.",
        "--port",
        "1",
        "--urls",
        "http://127.0.0.1:2"
    )]
    [InlineData("--LogHttp:Flush needs a value: --LogHttp:Flush=VALUE.", "--LogHttp:Flush")]
    [InlineData("--LogHttp:Flush needs a value: --LogHttp:Flush=VALUE.", "--LogHttp:Flush", "--LogHttp:MaxTopics=5")]
    public void Read_UnknownArgument_IsRejected(string says, params string[] args)
    {
        Assert.Equal(CommandLine.UsageError, Read(args).ExitCode);
        var error = _error.ToString();
        Assert.StartsWith("LogHttp.Server: ", error, StringComparison.Ordinal);
        Assert.Contains(says, error, StringComparison.Ordinal);
        Assert.Contains("--help shows the usage", error, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", error, StringComparison.Ordinal);
        Assert.Equal("", _output.ToString());
    }

    [Fact]
    public void Read_Options_BecomeConfiguration()
    {
        var (exitCode, commandLine) = Read(
            "--data",
            "/tmp/log",
            "--LogHttp:Flush",
            "os",
            "--LogHttp:MaxTopics=5",
            "--environment=Development",
            "--urls",
            "http://[::1]:1"
        );
        Assert.Null(exitCode);
        Assert.Null(commandLine.Port);
        Assert.Equal(
            [
                "--LogHttp:Flush=os",
                "--LogHttp:MaxTopics=5",
                "--environment=Development",
                "--LogHttp:DataDirectory=/tmp/log",
                "--urls=http://[::1]:1",
            ],
            commandLine.Configuration
        );
    }

    [Theory]
    [InlineData(null, null, "http://127.0.0.1:9000")]
    [InlineData("urls", "http://+:8080", "http://+:9000")]
    [InlineData("urls", "https://[::1]:8080", "https://[::1]:9000")]
    [InlineData("http_ports", "8080", "http://*:9000")]
    public void UsePort_AnyAddress_ReplacesPort(string? name, string? value, string url)
    {
        Assert.Equal(url, AddressFor(9000, name, value));
    }

    [Theory]
    [InlineData("urls", "http://127.0.0.1:1;http://[::1]:1", "--port does not go with several addresses")]
    [InlineData("Kestrel:Endpoints:One:Url", "http://127.0.0.1:1", "--port does not go with Kestrel:Endpoints")]
    public void UsePort_NotApplicable_IsRejected(string name, string value, string says)
    {
        var fault = Assert.Throws<InvalidOperationException>(() => AddressFor(9000, name, value));
        Assert.Contains(says, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:80x")]
    [InlineData("http://localhost:")]
    [InlineData("http://::1:8080")]
    public void UsePort_AddressWithInvalidPort_IsRejected(string address)
    {
        var fault = Assert.Throws<InvalidOperationException>(() => AddressFor(null, "urls", address));
        Assert.Contains($"the address \"{address}\" has no valid port", fault.Message, StringComparison.Ordinal);
    }

    static string? AddressFor(int? port, string? name, string? value)
    {
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { Args = [$"--{name ?? "nothing"}={value}"] }
        );
        builder.AddServer();
        builder.UsePort(port);
        return builder.Configuration["urls"];
    }
}
