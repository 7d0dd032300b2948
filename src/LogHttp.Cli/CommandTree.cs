using System.CommandLine;

namespace LogHttp.Cli;

/// <summary>The commands of <c>loghttp</c>.</summary>
internal static class CommandTree
{
    public static RootCommand Create() =>
        new("Verifies and backs up a LogHttp data directory.") { VerifyCommand.Create(), BackupCommand.Create() };
}
