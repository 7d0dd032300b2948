using LogHttp.Testing;

namespace LogHttp.Architecture.Tests;

/// <summary>The layout of every source file. CSharpier lays out code, and does not break text.</summary>
public class SourceTests
{
    const int MaxColumns = 120;

    [Fact]
    public void Lines_HaveAtMost120Columns_OutsideOfRawStrings()
    {
        var files = SourceFiles().ToArray();
        Assert.NotEmpty(files);
        var tooLong = new List<string>();
        foreach (var file in files)
        {
            var isRaw = false;
            foreach (var (number, line) in File.ReadLines(file).Index())
            {
                // A raw string is data: a sample of JSON, a page, a configuration.
                var hasRaw = line.Contains("\"\"\"", StringComparison.Ordinal);
                if (line.Length > MaxColumns && !isRaw && !hasRaw)
                    tooLong.Add(
                        $"{Path.GetRelativePath(RepositoryRoot.Path, file)}:{number + 1}: {line.Length} columns"
                    );
                if (line.Split("\"\"\"").Length % 2 == 0)
                    isRaw = !isRaw;
            }
        }
        Assert.True(tooLong.Count == 0, string.Join(Environment.NewLine, tooLong));
    }

    static IEnumerable<string> SourceFiles() =>
        from root in new[] { "src", "tests", "docs" }
        from file in Directory.EnumerateFiles(
            Path.Combine(RepositoryRoot.Path, root),
            "*.cs",
            SearchOption.AllDirectories
        )
        where !file.Split(Path.DirectorySeparatorChar).Any(static part => part is "obj" or "bin")
        select file;
}
