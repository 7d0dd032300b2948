using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using LogHttp.Benchmarks.Load;

namespace LogHttp.Benchmarks.Peers;

/// <summary>
/// A server that was started here and is stopped by its process id. Its processor time and memory come from /proc, with
/// its children's share.
/// </summary>
sealed class PeerProcess : IDisposable
{
    static readonly TimeSpan StartTime = TimeSpan.FromSeconds(60);
    const int TicksPerSecond = 100;

    readonly Process _process;
    readonly TaskCompletionSource<string> _announced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly List<string> _output = [];

    PeerProcess(ProcessStartInfo start, string? announcement)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        DataReceivedEventHandler hear = (_, line) =>
        {
            if (line.Data is null)
                return;
            lock (_output)
                _output.Add(line.Data);
            if (announcement is not null && line.Data.Contains(announcement, StringComparison.Ordinal))
                _announced.TrySetResult(line.Data);
        };
        _process.OutputDataReceived += hear;
        _process.ErrorDataReceived += hear;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Starts a server that announces on its output that it listens, and returns that line.</summary>
    public static async Task<(PeerProcess Process, string Announcement)> StartAsync(
        ProcessStartInfo start,
        string announcement
    )
    {
        var peer = new PeerProcess(start, announcement);
        var ended = await Task.WhenAny(peer._announced.Task, peer._process.WaitForExitAsync(), Task.Delay(StartTime));
        return ended == peer._announced.Task ? (peer, await peer._announced.Task) : throw peer.Failed();
    }

    /// <summary>Starts a server that listens at a port.</summary>
    public static async Task<PeerProcess> StartAsync(ProcessStartInfo start, int port)
    {
        var peer = new PeerProcess(start, null);
        for (
            var waited = Stopwatch.StartNew();
            waited.Elapsed < StartTime && !peer._process.HasExited;
            await Task.Delay(20)
        )
        {
            try
            {
                using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await probe.ConnectAsync(IPAddress.Loopback, port);
                return peer;
            }
            catch (SocketException)
            {
                // It does not listen yet.
            }
        }
        throw peer.Failed();
    }

    public static int FreePort()
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }

    /// <summary>Returns the path of an installed program, or null.</summary>
    public static string? Find(string program) =>
        new[] { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin" }
            .Select(directory => Path.Combine(directory, program))
            .FirstOrDefault(File.Exists);

    public double CpuSeconds =>
        Ids()
            .Sum(static id =>
            {
                // Behind the name, which may contain anything: state is field 3, utime and stime 14 and 15.
                var fields = Read($"/proc/{id}/stat").Split(") ")[^1].Split(' ');
                return fields.Length < 13
                    ? 0
                    : (
                        long.Parse(fields[11], CultureInfo.InvariantCulture)
                        + long.Parse(fields[12], CultureInfo.InvariantCulture)
                    ) / (double)TicksPerSecond;
            });

    public long ResidentBytes =>
        Ids()
            .Sum(static id =>
                1024
                * (
                    Read($"/proc/{id}/status")
                        .Split('\n')
                        .FirstOrDefault(static line => line.StartsWith("VmRSS:", StringComparison.Ordinal))
                        is { } line
                        ? long.Parse(line.AsSpan(6).Trim(" \tkB"), CultureInfo.InvariantCulture)
                        : 0
                )
            );

    /// <summary>The bytes that the process had the disk read, including read-ahead.</summary>
    public long DiskReadBytes =>
        Ids()
            .Sum(static id =>
                Read($"/proc/{id}/io")
                    .Split('\n')
                    .FirstOrDefault(static line => line.StartsWith("read_bytes:", StringComparison.Ordinal))
                    is { } line
                    ? long.Parse(line.AsSpan(11), CultureInfo.InvariantCulture)
                    : 0
            );

    public int Id => _process.Id;

    public void Dispose()
    {
        using (_process)
        {
            if (_process.HasExited)
                return;
            // SIGTERM makes nginx end its workers too. SIGKILL would leave them.
            SystemCalls.Terminate(_process.Id);
            if (_process.WaitForExit(TimeSpan.FromSeconds(15)))
                return;
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }
    }

    InvalidOperationException Failed()
    {
        Dispose();
        lock (_output)
            return new InvalidOperationException(
                $"{_process.StartInfo.FileName} did not start: {string.Join('\n', _output)}"
            );
    }

    int[] Ids() =>
        [
            _process.Id,
            .. Read($"/proc/{_process.Id}/task/{_process.Id}/children")
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(static id => int.Parse(id, CultureInfo.InvariantCulture)),
        ];

    static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return "";
        }
    }
}
