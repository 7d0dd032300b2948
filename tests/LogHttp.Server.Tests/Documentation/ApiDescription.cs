using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using LogHttp.Testing;

namespace LogHttp.Server.Tests.Documentation;

/// <summary>The API's own description, and the parts of a response that it describes.</summary>
sealed partial class ApiDescription(string json)
{
    /// <summary>
    /// Headers that any response can have: those of HTTP, those for browsers, and (Pragma, Expires) the framework's
    /// after an exception.
    /// </summary>
    static readonly HashSet<string> UndescribedHeaders = new(
        [
            "Date",
            "Content-Length",
            "Content-Type",
            "Transfer-Encoding",
            "Connection",
            "X-Content-Type-Options",
            "Content-Security-Policy",
            "Access-Control-Allow-Origin",
            "Access-Control-Expose-Headers",
            "Vary",
            "Pragma",
            "Expires",
        ],
        StringComparer.OrdinalIgnoreCase
    );

    /// <summary>api/openapi.json.</summary>
    public static string KeptPath { get; } = Path.Combine(RepositoryRoot.Path, "api", "openapi.json");

    public JsonObject Document { get; } = JsonNode.Parse(json)!.AsObject();

    /// <summary>All operations, as "GET /topics".</summary>
    public IEnumerable<(string Name, JsonObject Operation)> Operations =>
        from path in Paths
        from operation in path.Value!.AsObject()
        select ($"{operation.Key.ToUpperInvariant()} {path.Key}", operation.Value!.AsObject());

    JsonObject Paths => Document["paths"]!.AsObject();

    /// <summary>Resolves a reference. Any other node is returned unchanged.</summary>
    public JsonObject Resolve(JsonNode? node)
    {
        var found = node!.AsObject();
        if (found["$ref"]?.GetValue<string>() is not { } reference)
            return found;
        return reference.Split('/').Skip(1).Aggregate((JsonNode?)Document, (parent, name) => parent![name])!.AsObject();
    }

    /// <summary>Returns the part of a response that the description does not contain, or null.</summary>
    public async Task<string?> FindUndescribedAsync(HttpResponseMessage answer)
    {
        var request = answer.RequestMessage!;
        var path = request.RequestUri!.AbsolutePath;
        var template = Paths
            .Select(entry => entry.Key)
            .FirstOrDefault(template => Regex.IsMatch(path, $"^{Variable().Replace(template, "[^/]+")}$"));
        var method = (request.Method == HttpMethod.Head ? HttpMethod.Get : request.Method).Method.ToLowerInvariant();
        if (template is null || Paths[template]![method] is not { } operation)
            return null;
        var status = ((int)answer.StatusCode).ToString(CultureInfo.InvariantCulture);
        var name = $"{request.Method} {template} answered {status}";
        if (operation["responses"]![status] is not { } response)
            return $"{name}, which is not described";
        var headers =
            response["headers"]?.AsObject().Select(header => header.Key).ToHashSet(StringComparer.OrdinalIgnoreCase)
            ?? [];
        if (
            answer
                .Headers.Concat(answer.Content.Headers)
                .Select(header => header.Key)
                .FirstOrDefault(header => !headers.Contains(header) && !UndescribedHeaders.Contains(header)) is
            { } other
        )
            return $"{name} with the header {other}, which is not described";
        var mediaType = answer.Content.Headers.ContentType?.MediaType;
        var contents = response["content"]?.AsObject() ?? [];
        if (mediaType is not null && !contents.ContainsKey(mediaType) && !contents.ContainsKey("*/*"))
            return $"{name} as {mediaType}, which is not described";
        if (mediaType != "application/problem+json" || request.Method == HttpMethod.Head)
            return null;
        var code = (await TestServer.JsonAsync(answer)).GetProperty("code").GetString();
        var codes = contents[mediaType]!["examples"]!
            .AsObject()
            .Select(example => Resolve(example.Value)["value"]!["code"]!.GetValue<string>());
        return codes.Contains(code) ? null : $"{name} with the code {code}, which is not described";
    }

    [GeneratedRegex(@"\{\w+\}")]
    private static partial Regex Variable();
}
