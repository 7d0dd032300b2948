namespace LogHttp.Cli;

/// <summary>The exit codes, for scripts.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>The verification found damage.</summary>
    public const int Findings = 1;

    /// <summary>The command failed.</summary>
    public const int Failed = 2;

    /// <summary>Ctrl+C ended the command: 128 plus the number of SIGINT, as in shells.</summary>
    public const int Interrupted = 130;
}
