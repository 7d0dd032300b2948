using System.Diagnostics;
using System.Net;
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
        var start = new ProcessStartInfo("dotnet", [typeof(Program).Assembly.Location, "--urls", "http://127.0.0.1:0"])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = directory.Path,
        };
        start.Environment["LogHttp__DataDirectory"] = directory.Path;
        start.Environment["Logging__LogLevel__Microsoft.AspNetCore"] = "Trace";
        using var server = Process.Start(start)!;
        try
        {
            using var client = new HttpClient { BaseAddress = await AddressAsync(server.StandardOutput) };
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

    /// <summary>Reads up to the line that names the address.</summary>
    static async Task<Uri> AddressAsync(StreamReader output)
    {
        const string before = "Now listening on: ";
        while (true)
        {
            var line = await output.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60));
            Assert.True(line is not null, "The server ended before it listened.");
            var at = line.IndexOf(before, StringComparison.Ordinal);
            if (at >= 0)
                return new(line[(at + before.Length)..]);
        }
    }
}
