using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;

namespace LogHttp.Server.Tests;

/// <summary>The program as a process of its own, which tests kill, or let fail at its start.</summary>
sealed partial class ServerProcess : IDisposable
{
    static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    readonly Process _process;
    readonly ConcurrentQueue<string> _output = new();
    readonly SemaphoreSlim _moreOutput = new(0);
    readonly TaskCompletionSource<Uri> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    ServerProcess(string dataDirectory, params IEnumerable<(string Name, string Value)> environment)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(Program).Assembly.Location, "--urls", "http://127.0.0.1:0"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = dataDirectory,
        };
        start.Environment["LogHttp__DataDirectory"] = dataDirectory;
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, line) => Take(line.Data);
        _process.ErrorDataReceived += (_, line) => Take(line.Data);
        _process.Exited += (_, _) =>
            _listening.TrySetException(new InvalidOperationException($"The server ended: {Output}"));
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Waits until the program's output contains a text.</summary>
    public async Task SaysAsync(string text)
    {
        while (!Output.Contains(text, StringComparison.Ordinal))
            Assert.True(await _moreOutput.WaitAsync(StartLimit), $"It does not say \"{text}\" but: {Output}");
    }

    public string Output => string.Join('\n', _output);

    /// <summary>Starts the program and waits until it listens.</summary>
    public static async Task<(ServerProcess Server, HttpClient Client)> StartAsync(
        string dataDirectory,
        params IEnumerable<(string Name, string Value)> environment
    )
    {
        var server = new ServerProcess(dataDirectory, environment);
        return (server, new HttpClient { BaseAddress = await server._listening.Task.WaitAsync(StartLimit) });
    }

    /// <summary>
    /// Starts the program with settings that it cannot run with, and returns its exit code and output.
    /// </summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(
        string dataDirectory,
        params IEnumerable<(string Name, string Value)> environment
    )
    {
        using var server = new ServerProcess(dataDirectory, environment);
        await server._process.WaitForExitAsync().WaitAsync(StartLimit);
        _ = server._listening.Task.Exception;
        return (server._process.ExitCode, server.Output);
    }

    /// <summary>Sends SIGKILL, which a process cannot handle.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
        _moreOutput.Dispose();
    }

    void Take(string? line)
    {
        if (line is null)
            return;
        _output.Enqueue(line);
        _moreOutput.Release();
        if (
            line.Contains("Now listening on", StringComparison.Ordinal)
            && Address().Match(line) is { Success: true } address
        )
            _listening.TrySetResult(new Uri(address.Value));
    }

    [GeneratedRegex("http://[0-9.:]+")]
    private static partial Regex Address();
}
