namespace LogHttp.Testing;

/// <summary>Finds the repository's files that tests compare with the program.</summary>
public static class RepositoryRoot
{
    /// <summary>The directory that holds LogHttp.sln.</summary>
    public static string Path { get; } = Find(AppContext.BaseDirectory);

    static string Find(string directory) =>
        File.Exists(System.IO.Path.Combine(directory, "LogHttp.sln"))
            ? directory
            : Find(
                System.IO.Path.GetDirectoryName(directory.TrimEnd('/'))
                    ?? throw new InvalidOperationException("LogHttp.sln is nowhere above the tests.")
            );
}
