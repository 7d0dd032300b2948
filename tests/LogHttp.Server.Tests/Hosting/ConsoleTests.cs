using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using LogHttp.Testing;

namespace LogHttp.Server.Tests.Hosting;

public class ConsoleTests
{
    /// <summary>A pipe takes 64 KiB, and each request logs more than 1 KB at this level.</summary>
    const int Requests = 300;

    [Fact]
    public async Task Log_NobodyReadsConsole_RequestsAreServed()
    {
        using var directory = new TemporaryDirectory();
        var port = FreePort();
        var start = new ProcessStartInfo(
            "dotnet",
            [typeof(Program).Assembly.Location, "--urls", $"http://127.0.0.1:{port}"]
        )
        {
            RedirectStandardOutput = true,
            WorkingDirectory = directory.Path,
        };
        start.Environment["LogHttp__DataDirectory"] = directory.Path;
        start.Environment["Logging__LogLevel__Microsoft.AspNetCore"] = "Trace";
        using var server = Process.Start(start)!;
        try
        {
            using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
            await UntilItListensAsync(client);
            for (var request = 0; request < Requests; request++)
            {
                using var response = await client.GetAsync("/healthz").WaitAsync(TimeSpan.FromSeconds(30));
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            }
        }
        finally
        {
            server.Kill();
        }
        // Otherwise nothing was held back.
        var output = await server.StandardOutput.ReadToEndAsync();
        Assert.InRange(output.Length, 60 << 10, 80 << 10);
    }

    static async Task UntilItListensAsync(HttpClient client)
    {
        for (var started = Stopwatch.StartNew(); ; )
        {
            try
            {
                using var response = await client.GetAsync("/healthz");
                return;
            }
            catch (HttpRequestException) when (started.Elapsed < TimeSpan.FromSeconds(60))
            {
                await Task.Delay(50);
            }
        }
    }

    static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
