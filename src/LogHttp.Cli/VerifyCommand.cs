using System.CommandLine;
using System.Diagnostics;
using LogHttp.Storage.Files;
using LogHttp.Storage.Verifying;

namespace LogHttp.Cli;

/// <summary><c>loghttp verify</c>: reads every byte of a data directory and reports damage. Changes nothing.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var data = new Option<DirectoryInfo>("--data")
        {
            Description = "The data directory. No server may have it open.",
            DefaultValueFactory = static _ => new DirectoryInfo("data"),
        };
        var url = new Option<string?>("--url")
        {
            Description = "The address of a running server to verify, instead of --data.",
        };
        var topic = new Option<string?>("--topic") { Description = "Only this topic." };
        var json = new Option<bool>("--json") { Description = "A JSON object a line: the findings, then the summary." };
        var command = new Command(
            "verify",
            "Reads every byte of a log and reports damage. Exit codes: 0 no damage, 1 damage, 2 failed. "
                + "With --url, the server also rebuilds wrong indexes and hides damaged blocks from readers. "
                + "With --data, nothing is changed."
        )
        {
            data,
            url,
            topic,
            json,
        };
        command.SetAction(
            async (result, cancellationToken) =>
            {
                var (output, error) = (result.InvocationConfiguration.Output, result.InvocationConfiguration.Error);
                var writer = new FindingWriter(output, result.GetValue(json));
                if (result.GetValue(url) is { } address)
                    return
                        Uri.TryCreate(address, UriKind.Absolute, out var server)
                        && (server.Scheme == Uri.UriSchemeHttp || server.Scheme == Uri.UriSchemeHttps)
                        ? await QueryServerAsync(server, result.GetValue(topic), writer, error, cancellationToken)
                        : Fail(error, $"--url is \"{address}\"; it must be an address such as http://127.0.0.1:8080.");
                // Runs on another thread, so that this one can react to Ctrl+C.
                return await Task.Run(
                    () => Run(result.GetValue(data)!.FullName, result.GetValue(topic), writer, error),
                    cancellationToken
                );
            }
        );
        return command;
    }

    /// <summary>Ends the address with a slash. So it keeps a path, such as http://host/log behind a proxy.</summary>
    static Uri WithTrailingSlash(Uri address) =>
        address.AbsolutePath.EndsWith('/')
            ? address
            : new UriBuilder(address) { Path = address.AbsolutePath + "/" }.Uri;

    static int Fail(TextWriter error, string reason, int exitCode = ExitCode.Failed)
    {
        error.WriteLine($"loghttp: {TerminalText.Escape(reason)}");
        return exitCode;
    }

    static async Task<int> QueryServerAsync(
        Uri address,
        string? topic,
        FindingWriter writer,
        TextWriter error,
        CancellationToken cancellationToken
    )
    {
        try
        {
            using var client = new HttpClient
            {
                BaseAddress = WithTrailingSlash(address),
                Timeout = Timeout.InfiniteTimeSpan,
            };
            await new OnlineVerification(client, writer).RunAsync(topic, cancellationToken);
            return writer.HasDamage ? ExitCode.Findings : ExitCode.Success;
        }
        catch (OperationCanceledException)
        {
            return Fail(error, "interrupted. The server stops verifying.", ExitCode.Interrupted);
        }
        catch (MalformedResponseException exception)
        {
            return Fail(error, $"{address} does not respond as a LogHttp server does: {exception.Message}.");
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException)
        {
            return Fail(error, exception.Message);
        }
    }

    static int Run(string directory, string? topic, FindingWriter writer, TextWriter error)
    {
        if (!Directory.Exists(Path.Combine(directory, "topics")))
            return Fail(error, $"{directory} is not a data directory: it has no topics/. Name one with --data.");
        var started = Stopwatch.GetTimestamp();
        try
        {
            writer.WriteSummary(
                DirectoryVerifier.Run(new ReadOnlyFileSystem(), directory, topic, writer.Write),
                Stopwatch.GetElapsedTime(started)
            );
            return writer.HasDamage ? ExitCode.Findings : ExitCode.Success;
        }
        catch (DirectoryInUseException)
        {
            return Fail(
                error,
                $"a server has {directory} open. Ask it to verify (loghttp verify --url http://127.0.0.1:8080), "
                    + "or stop it first."
            );
        }
        catch (IOException exception)
        {
            return Fail(error, exception.Message);
        }
    }
}
