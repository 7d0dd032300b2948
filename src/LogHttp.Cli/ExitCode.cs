namespace LogHttp.Cli;

/// <summary>What scripts are told.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>Something was found to be damaged.</summary>
    public const int Findings = 1;

    /// <summary>It could not be done.</summary>
    public const int Failed = 2;

    /// <summary>Ctrl+C, as shells have it: 128 and the number of SIGINT.</summary>
    public const int Interrupted = 130;
}
