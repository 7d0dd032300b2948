using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using LogHttp.Testing;

namespace LogHttp.Server.Tests.Documents;

/// <summary>Runs the commands of the documents, and compares the output with theirs.</summary>
public sealed partial class DocumentedRequestTests(ITestOutputHelper output)
{
    const string DocumentedAddress = "127.0.0.1:8080";

    static readonly TimeSpan ScriptLimit = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Blocks with a curl line that are not run. The key is a text in the block, the value is the reason.
    /// </summary>
    static readonly Dictionary<string, string> NotRun = new()
    {
        ["apt-cache dumpavail"] =
            "needs an apt index, which the machine may lack; tests/scripts/real-file.sh does the same",
    };

    [Fact]
    public async Task Readme_EveryCurl_RespondsAsWritten()
    {
        using var directory = new TemporaryDirectory();
        var dataDirectory = Directory.CreateDirectory(Path.Combine(directory.Path, "data")).FullName;
        var (server, client) = await ServerProcess.StartAsync(dataDirectory);
        using (server)
        using (client)
        {
            var (run, compared) = (0, 0);
            string? answers = null;
            foreach (
                var block in MarkdownBlock.ReadAll(File.ReadAllText(Path.Combine(RepositoryRoot.Path, "README.md")))
            )
            {
                if (block.Language == "sh")
                {
                    var isRun =
                        block.Text.Contains("curl ", StringComparison.Ordinal)
                        && !NotRun.Keys.Any(text => block.Text.Contains(text, StringComparison.Ordinal));
                    answers = isRun ? Normalize(await BashAsync(block, client.BaseAddress!, directory.Path)) : null;
                    run += isRun ? 1 : 0;
                }
                else if (block.Language is "" or "json" && answers is not null)
                {
                    // An output follows the commands that it belongs to, and may be a part of their output.
                    Assert.True(
                        $"\n{answers}\n".Contains($"\n{Normalize(block.Text)}\n", StringComparison.Ordinal),
                        $"README.md, line {block.Line}: this is not what the commands before it "
                            + $"give:\n{Normalize(block.Text)}\n\nThey give:\n{answers}"
                    );
                    compared++;
                }
            }
            output.WriteLine($"{run} blocks run, {compared} outputs compared.");
            Assert.True(
                run >= 2 && compared >= 3,
                $"README.md has changed its shape: {run} blocks were run and {compared} outputs compared."
            );
            Assert.All(
                NotRun.Keys,
                text =>
                    Assert.Contains(
                        text,
                        File.ReadAllText(Path.Combine(RepositoryRoot.Path, "README.md")),
                        StringComparison.Ordinal
                    )
            );
        }
    }

    [Fact]
    public async Task HttpFile_EveryRequest_RespondsAsTitled()
    {
        using var server = new TestServer();
        var requests = HttpFile.Parse(
            File.ReadAllText(Path.Combine(RepositoryRoot.Path, "api/loghttp.http")),
            new() { ["address"] = server.Client.BaseAddress!.ToString().TrimEnd('/') }
        );
        Assert.True(requests.Count >= 20, $"api/loghttp.http has {requests.Count} requests.");
        var wrong = new List<string>();
        foreach (var request in requests)
        {
            using var response = await server.Client.SendAsync(request.ToMessage());
            if ((int)response.StatusCode != request.ExpectedStatus)
                wrong.Add(
                    $"Line {request.Line}, {request.Title}: answered was "
                        + $"{(int)response.StatusCode}\n{await response.Content.ReadAsStringAsync()}"
                );
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    /// <summary>Runs a block with the address replaced, and returns its standard output.</summary>
    static async Task<string> BashAsync(MarkdownBlock block, Uri address, string directory)
    {
        var start = new ProcessStartInfo(
            "bash",
            [
                "-c",
                "set -euo "
                    + $"pipefail\n{block.Text.Replace(DocumentedAddress, address.Authority, StringComparison.Ordinal)}",
            ]
        )
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        using var bash = Process.Start(start)!;
        using var limit = new CancellationTokenSource(ScriptLimit);
        bash.StandardInput.Close();
        try
        {
            var (written, said) = (
                bash.StandardOutput.ReadToEndAsync(limit.Token),
                bash.StandardError.ReadToEndAsync(limit.Token)
            );
            await bash.WaitForExitAsync(limit.Token);
            Assert.True(
                bash.ExitCode == 0,
                $"README.md, line {block.Line}: these commands ended with "
                    + $"{bash.ExitCode}:\n{block.Text}\n\n{await written}\n{await said}"
            );
            return await written;
        }
        catch (OperationCanceledException)
        {
            bash.Kill(entireProcessTree: true);
            throw new TimeoutException($"README.md, line {block.Line}: these commands did not end:\n{block.Text}");
        }
    }

    /// <summary>Replaces the texts that differ from run to run: times, ids, dates, the address.</summary>
    static string Normalize(string text)
    {
        text = Timestamp().Replace(text.ReplaceLineEndings("\n").TrimEnd('\n'), "$1TIME");
        text = Id().Replace(text, "$1ID");
        text = IsoDate().Replace(text, "DATE");
        text = HttpDate().Replace(text, "DATE");
        return Address().Replace(text, DocumentedAddress);
    }

    [GeneratedRegex("(\"[A-Za-z]*[tT]imestamp\":)[0-9]+")]
    private static partial Regex Timestamp();

    [GeneratedRegex("(\"id\":)\"[0-9a-f]{16}\"")]
    private static partial Regex Id();

    [GeneratedRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})")]
    private static partial Regex IsoDate();

    [GeneratedRegex("[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT")]
    private static partial Regex HttpDate();

    [GeneratedRegex(@"127\.0\.0\.1:[0-9]+")]
    private static partial Regex Address();
}
