using System.Diagnostics;

namespace LogHttp.Benchmarks;

/// <summary>What the server's process takes, by the process id in LOGHTTP_SERVER_PID.</summary>
static class ServerProcess
{
    public static (long ResidentBytes, int Threads, double CpuSeconds) Read(Uri address)
    {
        var id = Environment.GetEnvironmentVariable("LOGHTTP_SERVER_PID") ?? throw new InvalidOperationException($"Set LOGHTTP_SERVER_PID to the process that listens at {address}.");
        using var process = Process.GetProcessById(int.Parse(id, System.Globalization.CultureInfo.InvariantCulture));
        return (process.WorkingSet64, process.Threads.Count, process.TotalProcessorTime.TotalSeconds);
    }
}
