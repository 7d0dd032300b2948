using System.Diagnostics;

namespace LogHttp.Benchmarks;

/// <summary>The resources of the server's process, by the process id in LOGHTTP_SERVER_PID.</summary>
static class ServerProcess
{
    public static (long ResidentBytes, int Threads, double CpuSeconds) Read(Uri address)
    {
        using var process = Process.GetProcessById(Id(address));
        return (process.WorkingSet64, process.Threads.Count, process.TotalProcessorTime.TotalSeconds);
    }

    /// <summary>The number of its open files and sockets (Linux).</summary>
    public static int Handles(Uri address) =>
        Directory
            .GetFileSystemEntries(
                string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/proc/{Id(address)}/fd")
            )
            .Length;

    static int Id(Uri address) =>
        int.Parse(
            Environment.GetEnvironmentVariable("LOGHTTP_SERVER_PID")
                ?? throw new InvalidOperationException(
                    $"Set LOGHTTP_SERVER_PID to the process that listens at {address}."
                ),
            System.Globalization.CultureInfo.InvariantCulture
        );
}
