using System.Globalization;
using System.Runtime.InteropServices;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Handles the signals that end a process by default and that the host does not handle. The host stops cleanly on
/// SIGTERM, SIGINT and SIGQUIT.
/// </summary>
internal sealed partial class ProcessSignals : IDisposable
{
    // The numbers of Linux and macOS, on all processors that .NET runs on. PosixSignal has names for only a few.
    const PosixSignal CpuTimeExceeded = (PosixSignal)24;
    const PosixSignal FileSizeExceeded = (PosixSignal)25;

    readonly List<PosixSignalRegistration> _registrations = [];

    public ProcessSignals(IHostApplicationLifetime lifetime, ILogger logger)
    {
        if (OperatingSystem.IsWindows())
            return;
        // A write beyond `ulimit -f` then fails with EFBIG, and its request gets the response of a failed write. By
        // default the signal ends the process.
        Register(FileSizeExceeded, static () => { });
        // `ulimit -t`: the kernel repeats the signal each second, and kills at the hard limit.
        Register(CpuTimeExceeded, () => Stop("SIGXCPU"));
        // The terminal is closed. Under nohup(1) the process has to continue.
        if (!IsHangupIgnored())
            Register(PosixSignal.SIGHUP, () => Stop("SIGHUP"));

        void Stop(string signal)
        {
            Stopping(logger, signal);
            lifetime.StopApplication();
        }
    }

    public void Dispose() => _registrations.ForEach(static registration => registration.Dispose());

    void Register(PosixSignal signal, Action handle) =>
        _registrations.Add(
            PosixSignalRegistration.Create(
                signal,
                context =>
                {
                    context.Cancel = true;
                    handle();
                }
            )
        );

    /// <summary>
    /// Reads the mask of ignored signals, proc(5). .NET replaces SIG_IGN when a handler is registered.
    /// </summary>
    static bool IsHangupIgnored()
    {
        const string Name = "SigIgn:";
        try
        {
            var line = File.ReadLines("/proc/self/status")
                .FirstOrDefault(static line => line.StartsWith(Name, StringComparison.Ordinal));
            return ulong.TryParse(
                    line?[Name.Length..].Trim(),
                    NumberStyles.HexNumber,
                    CultureInfo.InvariantCulture,
                    out var mask
                )
                && (mask & 1) != 0;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    [LoggerMessage(3, LogLevel.Information, "Received {Signal}, stopping")]
    static partial void Stopping(ILogger logger, string signal);
}
