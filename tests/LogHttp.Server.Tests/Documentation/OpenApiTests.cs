using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using LogHttp.AspNetCore.Documentation;

namespace LogHttp.Server.Tests.Documentation;

public sealed class OpenApiTests : IDisposable
{
    const string Path = "/swagger/v1/swagger.json";
    const string RenewVariable = "LOGHTTP_RENEW_OPENAPI";

    readonly TestServer _server = new();

    public void Dispose() => _server.Dispose();

    async Task<ApiDescription> DescriptionAsync() => new(await _server.Client.GetStringAsync(Path));

    [Fact]
    public async Task Description_Kept_IsServed()
    {
        var served = (await _server.Client.GetStringAsync(Path)).ReplaceLineEndings("\n").TrimEnd('\n') + "\n";
        var path = ApiDescription.KeptPath;
        if (Environment.GetEnvironmentVariable(RenewVariable) == "1")
            await File.WriteAllTextAsync(path, served);
        Assert.True(
            File.Exists(path) && served == (await File.ReadAllTextAsync(path)).ReplaceLineEndings("\n"),
            $"{path} is not what {Path} serves. Renew it: {RenewVariable}=1 dotnet test "
                + "tests/LogHttp.Server.Tests --filter OpenApiTests"
        );
    }

    [Fact]
    public async Task Description_AnyMachine_IsTheSame()
    {
        // Another server, with another directory, port and settings.
        using var other = new TestServer(("Partitions", "3"), ("MaxBodyBytes", "1000"));
        var served = await _server.Client.GetStringAsync(Path);
        Assert.Equal(served, await other.Client.GetStringAsync(Path));
        Assert.DoesNotContain(_server.DataDirectory, served, StringComparison.Ordinal);
        Assert.DoesNotContain(Environment.MachineName, served, StringComparison.Ordinal);
        Assert.DoesNotContain($":{_server.Client.BaseAddress!.Port}", served, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Description_EveryOperation_DescribesItsParts()
    {
        var description = await DescriptionAsync();
        var missing = new List<string>();
        Assert.Equal(15, description.Operations.Count());
        foreach (var (name, operation) in description.Operations)
        {
            foreach (var part in new[] { "operationId", "summary", "description", "tags" })
                Need(operation[part], $"{name}: {part}");
            foreach (var parameter in operation["parameters"]?.AsArray() ?? [])
            {
                Need(parameter!["description"], $"{name}: description of {parameter["name"]}");
                Need(parameter["schema"], $"{name}: schema of {parameter["name"]}");
                Need(
                    parameter["example"] ?? parameter["examples"] ?? parameter["schema"]!["enum"],
                    $"{name}: example of {parameter["name"]}"
                );
            }
            NeedExamples(operation["requestBody"]?["content"], $"{name}: body");
            foreach (var (status, response) in operation["responses"]!.AsObject())
            {
                Need(response!["description"], $"{name}: description of {status}");
                NeedExamples(response["content"], $"{name}: {status}");
                foreach (var (header, value) in response["headers"]?.AsObject() ?? [])
                {
                    Need(description.Resolve(value)["description"], $"{name}: description of {status} {header}");
                    Need(description.Resolve(value)["example"], $"{name}: example of {status} {header}");
                }
            }
        }
        Assert.Empty(missing);

        void Need(JsonNode? part, string what)
        {
            if (
                part is null or JsonArray { Count: 0 }
                || (part is JsonValue value && value.TryGetValue(out string? text) && text.Length == 0)
            )
                missing.Add(what);
        }

        void NeedExamples(JsonNode? content, string what)
        {
            foreach (var (mediaType, value) in content?.AsObject() ?? [])
            {
                Need(value!["schema"], $"{what}: schema of {mediaType}");
                Need(value["examples"], $"{what}: example of {mediaType}");
                foreach (var (example, reference) in value["examples"]?.AsObject() ?? [])
                    Need(description.Resolve(reference)["value"], $"{what}: {mediaType} {example}");
            }
        }
    }

    [Fact]
    public async Task Description_OfEverySchema_SaysWhatItsFieldsAre()
    {
        var description = await DescriptionAsync();
        var missing = new List<string>();
        foreach (var (name, schema) in description.Document["components"]!["schemas"]!.AsObject())
        {
            if (schema!["description"] is null)
                missing.Add($"{name}: description");
            if (schema["example"] is null)
                missing.Add($"{name}: example");
            foreach (var (field, value) in schema["properties"]!.AsObject())
            {
                if (value!["description"] is null && value["$ref"] is null)
                    missing.Add($"{name}.{field}: description");
            }
        }
        Assert.Empty(missing);
    }

    [Fact]
    public async Task Description_OfEveryBodyWithExamples_HasThem()
    {
        var description = await DescriptionAsync();
        var bodies =
            from entry in description.Operations
            let id = entry.Operation["operationId"]!.GetValue<string>()
            from body in entry.Operation["responses"]!
                .AsObject()
                .Select(response => (Prefix: $"{id} {response.Key}", Content: response.Value!["content"]))
                .Append((Prefix: id, Content: entry.Operation["requestBody"]?["content"]))
            from content in body.Content?.AsObject() ?? []
            select $"{body.Prefix} {content.Key}";
        // A misspelled key would have no effect.
        Assert.Empty(BodyExamples.Keys.Except(bodies));
    }

    [Fact]
    public async Task Description_References_MatchComponents()
    {
        var description = await DescriptionAsync();
        var there = description.Document["components"]!
            .AsObject()
            .SelectMany(kind => kind.Value!.AsObject().Select(component => $"#/components/{kind.Key}/{component.Key}"))
            // Mentioned in texts only: lines of JSON have no schema of their own in OpenAPI.
            .Except([
                "#/components/schemas/NewRecord",
                "#/components/schemas/StreamReport",
                "#/components/schemas/StreamSummary",
            ]);
        Assert.Equal(there.Order(), References(description.Document).Distinct().Order());
    }

    [Fact]
    public async Task Description_BodyExamples_AreAccepted()
    {
        var description = await DescriptionAsync();
        foreach (
            var (name, operation) in description.Operations.Where(entry => entry.Operation["requestBody"] is not null)
        )
        {
            foreach (var (mediaType, content) in operation["requestBody"]!["content"]!.AsObject())
            {
                foreach (var (example, value) in content!["examples"]!.AsObject())
                {
                    // A topic for each, because a topic is created with a configuration only once.
                    var path = name.Split(' ')[1]
                        .Replace(
                            "{topic}",
                            $"{operation["operationId"]}-{example}-{mediaType.Replace('/', '-').Replace('+', '-')}",
                            StringComparison.Ordinal
                        )
                        .Replace("{partition}", "0", StringComparison.Ordinal);
                    if (name.StartsWith("PATCH", StringComparison.Ordinal))
                        using (await _server.Client.PutAsync(path, null)) { }
                    var text =
                        value!["value"] is JsonValue json && json.TryGetValue(out string? plain)
                            ? plain
                            : value["value"]!.ToJsonString();
                    using var request = new HttpRequestMessage(new HttpMethod(name.Split(' ')[0]), path)
                    {
                        Content = new StringContent(text, Encoding.UTF8, mediaType),
                    };
                    using var response = await _server.Client.SendAsync(request);
                    Assert.True(
                        response.IsSuccessStatusCode,
                        $"{name} {mediaType} {example}: {await response.Content.ReadAsStringAsync()}"
                    );
                }
            }
        }
    }

    [Theory]
    [InlineData("/swagger/index.html", "text/html")]
    [InlineData("/swagger/page.js", "text/javascript")]
    [InlineData("/swagger/swagger-ui-bundle.js", "text/javascript")]
    [InlineData("/swagger/swagger-ui.css", "text/css")]
    public async Task Page_AllFiles_HaveContentSecurityPolicy(string path, string mediaType)
    {
        using var response = await _server.Client.GetAsync(path);
        Assert.Equal(
            (HttpStatusCode.OK, mediaType),
            (response.StatusCode, response.Content.Headers.ContentType!.MediaType)
        );
        var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("default-src 'none'; script-src 'self'; style-src 'self';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Root_InBrowser_RedirectsToPage()
    {
        using var response = await _server.Client.GetAsync("/");
        Assert.Equal("/swagger/index.html", response.RequestMessage!.RequestUri!.AbsolutePath);
        using var topics = await _server.Client.GetAsync("/topics");
        Assert.Equal(
            "default-src 'none'; frame-ancestors 'none'",
            Assert.Single(topics.Headers.GetValues("Content-Security-Policy"))
        );
    }

    static IEnumerable<string> References(JsonNode? node) =>
        node switch
        {
            JsonObject parent => parent.SelectMany(member =>
                member.Key == "$ref" ? [member.Value!.GetValue<string>()] : References(member.Value)
            ),
            JsonArray array => array.SelectMany(References),
            _ => [],
        };
}
