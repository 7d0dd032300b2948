using System.CommandLine;
using System.Globalization;
using LogHttp.Storage;
using LogHttp.Storage.Copying;
using LogHttp.Storage.Files;

namespace LogHttp.Cli;

/// <summary><c>loghttp backup</c>: copies a data directory, whether a server writes to it or not.</summary>
internal static class BackupCommand
{
    public static Command Create()
    {
        var target = new Argument<DirectoryInfo>("DIR")
        {
            Description =
                "The new directory. It must be missing or empty. On the data's own file system, sealed segments take "
                + "no room.",
        };
        var data = new Option<DirectoryInfo>("--data")
        {
            Description = "The data directory. A server may have it open.",
            DefaultValueFactory = static _ => new DirectoryInfo("data"),
        };
        const string Description =
            "Copies a running, stopped or crashed log into a directory that a server can open. "
            + "Exit codes: 0 done, 1 done but something is damaged, 2 failed.";
        var command = new Command("backup", Description) { target, data };
        command.SetAction(result =>
        {
            var (output, error) = (result.InvocationConfiguration.Output, result.InvocationConfiguration.Error);
            try
            {
                var directory = result.GetValue(target)!.FullName;
                var summary = Run(result.GetValue(data)!.FullName, directory);
                var text = string.Create(
                    CultureInfo.InvariantCulture,
                    $"{summary.Topics} topics, {summary.LinkedFiles} files linked, {summary.CopiedFiles} copied "
                        + $"({summary.CopiedBytes} bytes)"
                );
                output.WriteLine(
                    $"{directory}: {text}{(summary.IsJournalApplied ? ". The journal was applied to the copy." : "")}"
                );
                foreach (var problem in summary.Problems)
                    error.WriteLine($"loghttp: the copy is as damaged as the original: {problem}");
                return summary.Problems.Count > 0 ? ExitCode.Findings : ExitCode.Success;
            }
            catch (Exception exception) when (exception is IOException or NotSupportedException)
            {
                error.WriteLine($"loghttp: {exception.Message}");
                return ExitCode.Failed;
            }
        });
        return command;
    }

    static BackupSummary Run(string data, string directory)
    {
        var parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(directory)) ?? directory;
        using var fileSystem = new PhysicalFileSystem(parent);
        var environment = new StorageEnvironment { FileSystem = fileSystem };
        return Backup.RunAsync(new ReadOnlyFileSystem(), data, environment, directory).GetAwaiter().GetResult();
    }
}
