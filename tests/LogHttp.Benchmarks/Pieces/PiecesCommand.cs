using BenchmarkDotNet.Running;

namespace LogHttp.Benchmarks.Pieces;

/// <summary>
/// Measures small pieces of the hot paths by themselves. Arguments are BenchmarkDotNet's. The default is a short job in
/// this process.
/// </summary>
static class PiecesCommand
{
    public static void Run(string[] given)
    {
        string[] Unless(string option, params string[] standard) => given.Contains(option) ? [] : standard;
        BenchmarkSwitcher
            .FromTypes([
                typeof(JsonPieces),
                typeof(LinePieces),
                typeof(BatchPieces),
                typeof(PagePieces),
                typeof(LookupPieces),
            ])
            .Run([
                .. given,
                "--inProcess",
                "--memory",
                .. Unless("--job", "--job", "short"),
                .. Unless("--filter", "--filter", "*"),
                .. Unless("--artifacts", "--artifacts", Path.Combine(Path.GetTempPath(), "loghttp-pieces")),
            ]);
    }
}
