using System.CommandLine;
using System.Globalization;
using LogHttp.Storage.Copying;

namespace LogHttp.Cli;

/// <summary><c>loghttp backup</c>: copies a data directory, whether a server is writing there or not.</summary>
internal static class BackupCommand
{
    public static Command Create()
    {
        var target = new Argument<DirectoryInfo>("DIR") { Description = "Where to; it must not be there, or be empty. On the data's own file system sealed segments take no room." };
        var data = new Option<DirectoryInfo>("--data") { Description = "The data directory; a server may have it open.", DefaultValueFactory = static _ => new DirectoryInfo("data") };
        var command = new Command("backup", "Copies a log, running or not, into a directory that a server can be started on.") { target, data };
        command.SetAction(result =>
        {
            var (output, error) = (result.InvocationConfiguration.Output, result.InvocationConfiguration.Error);
            try
            {
                var directory = result.GetValue(target)!.FullName;
                var summary = Backup.Run(result.GetValue(data)!.FullName, directory);
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{directory}: {summary.Topics} topics, {summary.LinkedFiles} files linked, {summary.CopiedFiles} copied ({summary.CopiedBytes} bytes)"));
                return ExitCode.Success;
            }
            catch (Exception exception) when (exception is IOException or NotSupportedException)
            {
                error.WriteLine($"loghttp: {exception.Message}");
                return ExitCode.Failed;
            }
        });
        return command;
    }
}
