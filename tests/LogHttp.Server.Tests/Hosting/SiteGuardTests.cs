using System.Security.Claims;
using LogHttp.AspNetCore.Contract;
using LogHttp.Server.Hosting;
using LogHttp.Testing;

namespace LogHttp.Server.Tests.Hosting;

/// <summary>The table of api/PROTOCOL.md §8: listener × Host × identity, and that each listener follows it.</summary>
public sealed class SiteGuardTests : IDisposable
{
    static readonly string[] Machine = ["server-3", "server-3.local", "server-3.example.net"];

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    /// <summary>Hosts, and whether a request may name them without an identity or AllowedHosts.</summary>
    public static TheoryData<string, bool> Hosts =>
        new()
        {
            { "localhost", true },
            { "LocalHost:8080", true },
            { "localhost.", true },
            { "log.localhost:8080", true },
            { "127.0.0.1", true },
            { "127.0.0.1:1", true },
            { "192.0.2.7:8080", true },
            { "[::1]", true },
            { "[::1]:8080", true },
            { "[2001:db8::1]:8080", true },
            { "server-3", true },
            { "SERVER-3:8080", true },
            { "server-3.local", true },
            { "server-3.example.net", true },
            { "evil.test", false },
            { "evil.test:8080", false },
            { "evil.test.", false },
            { "localhost.evil.test", false },
            { "127.0.0.1.evil.test:8080", false },
            { "server-3.evil.test", false },
            { "notlocalhost", false },
            { "127.1", false },
            { "2130706433", false },
            { "0x7f.0.0.1", false },
            { "[evil.test]", false },
            { ".", false },
            { "", false },
        };

    static Problem? Check(SiteGuard guard, string host, bool hasIdentity = false, bool answersAny = false)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = HttpMethods.Delete;
        context.Request.Headers.Host = host;
        if (hasIdentity)
            context.User = new ClaimsPrincipal(new ClaimsIdentity("test"));
        if (answersAny)
            context.SetEndpoint(new Endpoint(null, new EndpointMetadataCollection(new AnyHost()), null));
        return guard.Check(context);
    }

    static SiteGuard Guard(params string[] allowed) => new(new ServerSettings(), new HostNames(allowed, Machine));

    [Theory]
    [MemberData(nameof(Hosts))]
    public void Check_AnyHost_DecidesByTable(string host, bool isAccepted)
    {
        Assert.Equal(isAccepted, Check(Guard(), host) is null);
        // The settings add names and remove none: probes and tools on the machine keep working.
        Assert.Equal(isAccepted, Check(Guard("log.example.org"), host) is null);
        Assert.Null(Check(Guard("*"), host));
        Assert.Null(Check(Guard(), host, hasIdentity: true));
        Assert.Null(Check(Guard(), host, answersAny: true));
    }

    [Theory]
    [InlineData("log.example.org", true)]
    [InlineData("LOG.example.org:8443", true)]
    [InlineData("a.internal", true)]
    [InlineData("a.b.internal:80", true)]
    [InlineData("internal", false)]
    [InlineData("other.example.org", false)]
    public void Check_AllowedHosts_AcceptsThem(string host, bool isAccepted) =>
        Assert.Equal(isAccepted, Check(Guard("log.example.org", "*.internal"), host) is null);

    [Fact]
    public void Check_AfterAcceptedHost_StillRejectsOthers()
    {
        var guard = Guard();
        Assert.Null(Check(guard, "localhost:8080"));
        Assert.Equal("invalid_host", Check(guard, "evil.test:8080")!.Code);
        Assert.Null(Check(guard, "localhost:8080"));
    }

    [Theory]
    [InlineData("http://localhost:8080", true)]
    [InlineData("https://localhost:8080", true)]
    [InlineData("HTTP://LOCALHOST:8080", true)]
    [InlineData("ftp://localhost:8080", false)]
    [InlineData("http://evil@localhost:8080", false)]
    [InlineData("http://@localhost:8080", false)]
    [InlineData("http://localhost:8081", false)]
    public void Check_Origin_AcceptsOwn(string origin, bool isOwn)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = HttpMethods.Delete;
        context.Request.Headers.Host = "localhost:8080";
        context.Request.Headers.Origin = origin;
        Assert.Equal(isOwn ? null : "cross_site", Guard().Check(context)?.Code);
    }

    [Fact]
    public void OfThisMachine_Default_ContainsHostName() =>
        Assert.Contains(System.Net.Dns.GetHostName(), HostNames.OfThisMachine(), StringComparer.OrdinalIgnoreCase);

    [Theory]
    [InlineData("http://unix:/run/loghttp.sock", false)]
    [InlineData("http://127.0.0.1:8080", false)]
    [InlineData("http://127.0.0.2:8080", false)]
    [InlineData("http://[::1]:8080", false)]
    [InlineData("https://localhost:8443", false)]
    [InlineData("http://0.0.0.0:8080", true)]
    [InlineData("http://[::]:8080", true)]
    [InlineData("http://192.0.2.7:8080", true)]
    [InlineData("http://*:8080", true)]
    public void IsExposed_Address_TellsNetworkReachability(string address, bool isExposed) =>
        Assert.Equal(isExposed, ListeningAddresses.IsExposed(address));

    [Fact]
    public async Task Start_OnUnixSocket_DoesNotWarn()
    {
        var socket = Path.Combine(_directory.Path, "log.socket");
        var data = Directory.CreateDirectory(Path.Combine(_directory.Path, "data")).FullName;
        var (server, client) = await ServerProcess.StartAsync(
            data,
            ("Kestrel__Endpoints__Loopback__Url", "http://127.0.0.1:0"),
            ("Kestrel__Endpoints__Socket__Url", $"http://unix:{socket}")
        );
        using (server)
        using (client)
        {
            // Logged after the warning.
            await server.SaysAsync("Application started");
            Assert.Equal(200, (await CurlAsync("unix:", socket, "/healthz")).Status);
            Assert.DoesNotContain("LISTENING BEYOND THIS MACHINE", server.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Requests_OnEveryListener_AreDecidedByTable()
    {
        var socket = Path.Combine(_directory.Path, "log.socket");
        var (server, client) = await ServerProcess.StartAsync(
            Directory.CreateDirectory(Path.Combine(_directory.Path, "data")).FullName,
            ("Kestrel__Endpoints__All__Url", "http://0.0.0.0:0"),
            ("Kestrel__Endpoints__Loopback__Url", "http://127.0.0.1:0"),
            ("Kestrel__Endpoints__Socket__Url", $"http://unix:{socket}")
        );
        using (server)
        using (client)
        {
            await server.SaysAsync("Application started");
            await server.SaysAsync("LISTENING BEYOND THIS MACHINE");
            var addresses = server
                .Output.Split('\n')
                .Where(line => line.Contains("Now listening on: http://", StringComparison.Ordinal))
                .Select(line => line[(line.IndexOf("http://", StringComparison.Ordinal) + 7)..].Trim())
                .ToArray();
            Assert.Equal(3, addresses.Length);
            var warning = Assert.Single(
                server.Output.Split('\n'),
                line => line.Contains("LISTENING BEYOND THIS MACHINE", StringComparison.Ordinal)
            );
            Assert.Contains("on http://0.0.0.0:", warning, StringComparison.Ordinal);
            Assert.DoesNotContain("http://unix:", warning, StringComparison.Ordinal);
            Assert.DoesNotContain("http://127.0.0.1:", warning, StringComparison.Ordinal);
            foreach (var address in addresses)
            {
                foreach (
                    var (host, accepted) in new[]
                    {
                        ("localhost", true),
                        ("127.0.0.1:8080", true),
                        ("[::1]:8080", true),
                        (System.Net.Dns.GetHostName(), true),
                        ("evil.test:8080", false),
                    }
                )
                {
                    // The page of a name that was rebound to this machine. To its browser this is the page's own site.
                    var (status, body) = await CurlAsync(
                        address,
                        socket,
                        "-X",
                        "DELETE",
                        "-H",
                        $"Host: {host}",
                        "-H",
                        $"Origin: http://{host}",
                        "/topics/t"
                    );
                    Assert.Equal((address, host, accepted ? 404 : 400), (address, host, status));
                    Assert.Equal(!accepted, body.Contains("\"code\":\"invalid_host\"", StringComparison.Ordinal));
                    Assert.Equal(200, (await CurlAsync(address, socket, "-H", $"Host: {host}", "/healthz")).Status);
                }
                // HAProxy's httpchk: HTTP/1.0 without a Host.
                Assert.Equal(200, (await CurlAsync(address, socket, "--http1.0", "-H", "Host:", "/healthz")).Status);
                Assert.Equal(400, (await CurlAsync(address, socket, "--http1.0", "-H", "Host:", "/topics")).Status);
            }
        }
    }

    static async Task<(int Status, string Body)> CurlAsync(string address, string socket, params string[] arguments)
    {
        var isSocket = address.StartsWith("unix:", StringComparison.Ordinal);
        var url =
            $"http://{(isSocket ? "localhost" : address.Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal))}"
            + $"{arguments[^1]}";
        var start = new System.Diagnostics.ProcessStartInfo(
            "curl",
            [
                "-s",
                "-m",
                "60",
                "-w",
                "\n%{http_code}",
                .. isSocket ? ["--unix-socket", socket] : Array.Empty<string>(),
                .. arguments[..^1],
                url,
            ]
        )
        {
            RedirectStandardOutput = true,
        };
        using var curl = System.Diagnostics.Process.Start(start)!;
        var output = await curl.StandardOutput.ReadToEndAsync();
        await curl.WaitForExitAsync();
        var end = output.LastIndexOf('\n');
        return (int.Parse(output[(end + 1)..], System.Globalization.CultureInfo.InvariantCulture), output[..end]);
    }
}
