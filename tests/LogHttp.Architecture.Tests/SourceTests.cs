using System.Text.RegularExpressions;
using LogHttp.Testing;

namespace LogHttp.Architecture.Tests;

/// <summary>The layout of every source file, and the names of tests. CSharpier does not check these.</summary>
public partial class SourceTests
{
    const int MaxColumns = 120;
    const int MaxTestNameLength = 60;

    [Fact]
    public void Lines_OutsideRawStrings_FitIn120Columns()
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

    [Fact]
    public void TestNames_InEveryProject_AreMethodConditionResult()
    {
        var wrong = new List<string>();
        var count = 0;
        foreach (var file in SourceFiles())
        {
            var isDue = false;
            foreach (var line in File.ReadLines(file))
            {
                isDue |= TestAttribute().IsMatch(line);
                if (!isDue || TestMethod().Match(line) is not { Success: true } method)
                    continue;
                isDue = false;
                count++;
                var name = method.Groups[1].Value;
                if (name.Length > MaxTestNameLength || !TestName().IsMatch(name))
                    wrong.Add($"{Path.GetRelativePath(RepositoryRoot.Path, file)}: {name}");
            }
            Assert.False(isDue, $"{file} has a test without a name that this check recognizes.");
        }
        Assert.NotEqual(0, count);
        Assert.True(wrong.Count == 0, string.Join(Environment.NewLine, wrong));
    }

    [GeneratedRegex(@"^\s*\[\w*(Fact|Theory)\b")]
    private static partial Regex TestAttribute();

    [GeneratedRegex(@"^\s*public (?:\w+ )*(?:void|Task) (\w+)\(")]
    private static partial Regex TestMethod();

    // Method_Condition_Result, or Method_Result.
    [GeneratedRegex("^[A-Z][A-Za-z0-9]*(_[A-Z0-9][A-Za-z0-9]*){1,2}$")]
    private static partial Regex TestName();

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
