using System.CommandLine;

namespace LogHttp.Cli;

/// <summary>The commands there are.</summary>
internal static class CommandTree
{
    public static RootCommand Create() =>
        new("Looks after the data directory of a LogHttp server.") { VerifyCommand.Create(), BackupCommand.Create() };
}
