using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace LogHttp.Server.Tests.Documents;

/// <summary>
/// Parses the .http files of Visual Studio, Rider and the REST Client of VS Code, as far as api/loghttp.http uses them.
/// These are <c>@name = value</c>, <c>{{name}}</c>, comments, and requests behind <c>### Title: expected status</c>.
/// </summary>
static partial class HttpFile
{
    /// <summary>Reads all requests.</summary>
    /// <param name="text">The text of the file.</param>
    /// <param name="variables">Override the variables of the file.</param>
    public static List<HttpFileRequest> Parse(string text, Dictionary<string, string> variables)
    {
        var requests = new List<HttpFileRequest>();
        var lines = text.ReplaceLineEndings("\n").Split('\n');
        var start = Array.FindIndex(lines, IsTitle);
        foreach (var line in lines[..start])
        {
            if (VariableLine().Match(line) is { Success: true } variable)
                variables.TryAdd(variable.Groups[1].Value, Fill(variable.Groups[2].Value, variables));
            else
                Assert.True(IsNothing(line), $"Before the first request stand variables and comments: {line}");
        }
        while (start < lines.Length)
        {
            var next = Array.FindIndex(lines, start + 1, IsTitle);
            next = next < 0 ? lines.Length : next;
            requests.Add(ParseRequest(lines[start..next], start + 1, variables));
            start = next;
        }
        return requests;
    }

    static HttpFileRequest ParseRequest(string[] lines, int number, Dictionary<string, string> variables)
    {
        var title = TitleLine().Match(lines[0]);
        Assert.True(
            title.Success,
            $"Line {number}: a title is \"### What it does: expected status\", and not {lines[0]}"
        );
        var rest = lines.Skip(1).SkipWhile(IsNothing).Select(line => Fill(line, variables)).ToArray();
        var request = RequestLine().Match(rest.FirstOrDefault(""));
        Assert.True(request.Success, $"Line {number}: behind the title stands a method and an address.");
        var head = rest.Skip(1).TakeWhile(line => line.Length > 0).ToArray();
        var headers = head.Where(line => !IsNothing(line))
            .Select(line => line.Split(':', 2))
            .Select(header => new KeyValuePair<string, string>(header[0].Trim(), header[1].Trim()));
        // Empty lines before the next title are not part of the body, as in the tools.
        var body = string.Join('\n', rest.Skip(2 + head.Length)).TrimEnd('\n');
        return new(
            title.Groups[1].Value,
            int.Parse(title.Groups[2].Value, CultureInfo.InvariantCulture),
            number,
            new HttpMethod(request.Groups[1].Value),
            new Uri(request.Groups[2].Value),
            [.. headers],
            body
        );
    }

    static string Fill(string text, Dictionary<string, string> variables) =>
        Placeholder().Replace(text, name => variables[name.Groups[1].Value]);

    static bool IsTitle(string line) => line.StartsWith("###", StringComparison.Ordinal);

    static bool IsNothing(string line) =>
        line.Length == 0 || line.StartsWith('#') || line.StartsWith("//", StringComparison.Ordinal);

    [GeneratedRegex("^@([A-Za-z0-9_-]+) *= *(.*)$")]
    private static partial Regex VariableLine();

    [GeneratedRegex("^### (.+): ([1-5][0-9][0-9])$")]
    private static partial Regex TitleLine();

    [GeneratedRegex("^([A-Z]+) (http[^ ]+)$")]
    private static partial Regex RequestLine();

    [GeneratedRegex("{{([A-Za-z0-9_-]+)}}")]
    private static partial Regex Placeholder();
}

/// <summary>One request of a .http file.</summary>
sealed record HttpFileRequest(
    string Title,
    int ExpectedStatus,
    int Line,
    HttpMethod Method,
    Uri Address,
    IReadOnlyList<KeyValuePair<string, string>> Headers,
    string Body
)
{
    public HttpRequestMessage ToMessage()
    {
        var message = new HttpRequestMessage(Method, Address);
        if (Body.Length > 0 || Method == HttpMethod.Post)
            message.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(Body));
        foreach (var (name, value) in Headers)
            Assert.True(
                message.Headers.TryAddWithoutValidation(name, value)
                    || message.Content?.Headers.TryAddWithoutValidation(name, value) == true,
                $"Line {Line}: {name} can't be sent."
            );
        return message;
    }
}
