using System.Text.RegularExpressions;
using LogHttp.Server.Hosting;
using LogHttp.Testing;

namespace LogHttp.Server.Tests.Documentation;

/// <summary>
/// Compares api/openapi.json with the code: the statuses and codes of problems, and the settings that it names.
/// </summary>
public sealed partial class DescribedCodesTests
{
    /// <summary>
    /// No operation responds with a problem of these codes. Either the path or the method is unknown, or the response
    /// has the form of Confluent's REST Proxy, which has a number instead.
    /// </summary>
    static readonly string[] OfNoOperation =
    [
        "404 unknown_path",
        "405 method_not_allowed",
        "422 invalid_record",
        "422 no_records",
    ];

    static readonly string[] Sources =
    [
        Path.Combine(RepositoryRoot.Path, "src", "LogHttp.AspNetCore"),
        Path.Combine(RepositoryRoot.Path, "src", "LogHttp.Server"),
    ];

    [Fact]
    public void Codes_InDescription_MatchSource()
    {
        var description = new ApiDescription(File.ReadAllText(ApiDescription.KeptPath));
        var described =
            from operation in description.Operations
            from response in operation.Operation["responses"]!.AsObject()
            from example in response.Value!["content"]?["application/problem+json"]?["examples"]?.AsObject() ?? []
            select $"{response.Key} {description.Resolve(example.Value)["value"]!["code"]}";
        Assert.Equal(CodesOfTheSources().Except(OfNoOperation).Order(), described.Distinct().Order());
    }

    [Fact]
    public void Settings_InDescription_Exist() =>
        Assert.Empty(
            SettingName()
                .Matches(File.ReadAllText(ApiDescription.KeptPath))
                .Select(match => match.Value)
                .Except(ServerSettings.Names)
        );

    static IEnumerable<string> CodesOfTheSources()
    {
        var texts = Sources
            .SelectMany(static root =>
                Directory
                    .EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
                    .Where(path =>
                        Path.GetRelativePath(root, path).Split(Path.DirectorySeparatorChar)[0]
                            is not ("bin" or "obj" or "Documentation")
                    )
            )
            .Select(File.ReadAllText)
            .ToList();
        var constants = texts
            .SelectMany(text => Constant().Matches(text))
            .ToLookup(match => match.Groups["name"].Value, match => match.Groups["code"].Value);
        var found =
            from text in texts
            from match in ProblemCode().Matches(text)
            let status = match.Groups["status"] is { Success: true } given ? given.Value : "400"
            let code = match.Groups["code"] is { Success: true } literal
                ? literal.Value
                : constants[match.Groups["name"].Value].SingleOrDefault()
            where code is not null
            select $"{status} {code}";
        return found.Distinct();
    }

    [GeneratedRegex("""const string (?<name>\w+) = "(?<code>[a-z0-9_]+)";""")]
    private static partial Regex Constant();

    [GeneratedRegex(
        """(StatusCodes\.Status(?<status>\d{3})\w+,\s+|InvalidRequest\(\s*)("(?<code>[a-z0-9_]+)"|(?<name>\w+))"""
    )]
    private static partial Regex ProblemCode();

    [GeneratedRegex(@"\b(Max|Min)[A-Z]\w+|\b[A-Z]\w+(Seconds|Milliseconds)\b")]
    private static partial Regex SettingName();
}
