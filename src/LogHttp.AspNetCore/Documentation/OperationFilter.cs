using System.Globalization;
using System.Reflection;
using LogHttp.AspNetCore.Confluent;
using LogHttp.AspNetCore.Contract;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.AspNetCore.Mvc.Formatters;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>
/// Adds to an operation what its comments do not say: parameters that the handler reads itself, headers of responses,
/// problems and examples. The handler's attributes name them (<see cref="OperationAttribute"/>).
/// </summary>
/// <param name="withProgram">Whether to describe the problems of the program too.</param>
internal sealed class OperationFilter(bool withProgram) : IOperationFilter
{
    const string ProblemType = "application/problem+json";

    /// <summary>Whether only the program responds with a problem, and no app that embeds the log.</summary>
    public static bool IsOfProgram(string problem) =>
        problem is "invalid_host" or "cross_site" or "too_many_requests" or "too_many_heads";

    public void Apply(OpenApiOperation operation, OperationFilterContext context)
    {
        // An app that embeds the log has operations of its own.
        if (context.MethodInfo?.GetCustomAttribute<OperationAttribute>() is not { Id: var id })
            return;
        var method = context.MethodInfo;
        operation.OperationId = id;
        operation.Parameters =
        [
            .. (method.GetCustomAttribute<ParametersAttribute>()?.Groups ?? [])
                .SelectMany(static group => group.GetProperties())
                .Select(property => ParameterReader.Read(property, context)),
        ];
        var bodies = method.GetCustomAttributes<RequestBodyAttribute>().ToArray();
        operation.RequestBody = bodies is [] ? null : ToBody(id, bodies, context);
        var responses = operation.Responses ??= [];
        foreach (var (status, response) in responses)
            ((OpenApiResponse)response).Content = ToContent(id, status, context);
        var problems = NamesOf(context)
            .Where(name => withProgram || !IsOfProgram(name))
            .Select(static name => ProblemExamples.ByName[name])
            .GroupBy(static example => example.Problem.Status)
            .OrderBy(static group => group.Key)
            .ToArray();
        var hasOtherForm = Array.Exists(bodies, static body => body.MediaTypes.Contains(ConfluentType.Json));
        foreach (var group in problems)
        {
            var response = ToResponse([.. group], hasOtherForm, context);
            // The status has other causes too, which the operation's comment describes.
            if (responses.Remove(Text(group.Key), out var described))
                response.Description = $"{described.Description}\n\n{response.Description}";
            responses.Add(Text(group.Key), response);
        }
        foreach (var headers in method.GetCustomAttributes<ResponseHeadersAttribute>())
        {
            foreach (var status in headers.Statuses)
            {
                // A response without a body is known from its comment alone.
                responses.TryAdd(Text(status), new OpenApiResponse());
                Add(responses[Text(status)], headers.Names, context);
            }
        }
        // A problem is not stored, unless the operation says otherwise.
        foreach (var group in problems)
            Add(responses[Text(group.Key)], [Headers.NoStore], context);
    }

    /// <summary>Returns the problems of an operation: its own, and those of all operations of its kind.</summary>
    static IEnumerable<string> NamesOf(OperationFilterContext context)
    {
        foreach (var name in context.MethodInfo.GetCustomAttributes<FailsWithAttribute>().SelectMany(own => own.Names))
            yield return name;
        var metadata = context.ApiDescription.ActionDescriptor.EndpointMetadata;
        if (!metadata.OfType<AnyHost>().Any())
            yield return "invalid_host";
        if (context.ApiDescription.HttpMethod != HttpMethods.Get)
            yield return "cross_site";
        if (!metadata.OfType<DisableRateLimitingAttribute>().Any())
            yield return "too_many_requests";
        yield return "too_many_heads";
    }

    static OpenApiRequestBody ToBody(string id, RequestBodyAttribute[] bodies, OperationFilterContext context) =>
        new()
        {
            Required = Array.Exists(bodies, static body => body.IsRequired),
            Description = bodies.Select(static body => body.Description).FirstOrDefault(text => text is not null),
            Content = bodies
                .SelectMany(static body => body.MediaTypes.Select(mediaType => (mediaType, body.Type)))
                .ToDictionary(
                    static body => body.mediaType,
                    IOpenApiMediaType (body) => ToMediaType($"{id} {body.mediaType}", [body.Type], context)
                ),
        };

    /// <summary>
    /// Returns the bodies of a response. The framework keeps only one type for each status, and none for any media
    /// type.
    /// </summary>
    static Dictionary<string, IOpenApiMediaType>? ToContent(string id, string status, OperationFilterContext context)
    {
        var types = context
            .MethodInfo.GetCustomAttributes<ProducesResponseTypeAttribute>()
            .Where(produced => Text(produced.StatusCode) == status && produced.Type != typeof(void))
            .SelectMany(static produced => MediaTypesOf(produced).Select(mediaType => (mediaType, produced.Type)));
        const string Any = "*/*";
        if (BodyExamples.Keys.Contains($"{id} {status} {Any}"))
            types = types.Append((Any, typeof(Stream)));
        var content = types
            .GroupBy(static produced => produced.mediaType, static produced => produced.Type!)
            .ToDictionary(
                static group => group.Key,
                IOpenApiMediaType (group) => ToMediaType($"{id} {status} {group.Key}", [.. group], context)
            );
        return content.Count == 0 ? null : content;
    }

    static IEnumerable<string> MediaTypesOf(IApiResponseMetadataProvider produced)
    {
        var mediaTypes = new MediaTypeCollection();
        produced.SetContentTypes(mediaTypes);
        return mediaTypes.DefaultIfEmpty("application/json");
    }

    static OpenApiMediaType ToMediaType(string key, Type[] types, OperationFilterContext context)
    {
        var (description, examples) = BodyExamples.For(key, types[0]);
        var schemas = Array.ConvertAll(
            types,
            type => context.SchemaGenerator.GenerateSchema(type, context.SchemaRepository)
        );
        var schema = schemas is [var only] ? only : new OpenApiSchema { OneOf = [.. schemas] };
        if (description is not null)
            schema.Description = description;
        return new()
        {
            Schema = schema,
            Examples = examples.ToDictionary(
                static example => example.Name,
                static IOpenApiExample (example) =>
                    new OpenApiExample { Summary = example.Summary, Value = example.Json }
            ),
        };
    }

    static OpenApiResponse ToResponse(ProblemExample[] examples, bool hasOtherForm, OperationFilterContext context)
    {
        var response = new OpenApiResponse
        {
            Description = string.Join(
                '\n',
                examples.Select(static example => $"- `{example.Problem.Code}`: {example.Cause}")
            ),
            Content = new Dictionary<string, IOpenApiMediaType>
            {
                [ProblemType] = new OpenApiMediaType
                {
                    Schema = context.SchemaGenerator.GenerateSchema(typeof(ProblemJson), context.SchemaRepository),
                    Examples = examples.ToDictionary(
                        static example => example.Name,
                        IOpenApiExample (example) => new OpenApiExampleReference(example.Name, context.Document)
                    ),
                },
            },
        };
        if (hasOtherForm)
            response.Content[ConfluentType.Response] = new OpenApiMediaType
            {
                Schema = context.SchemaGenerator.GenerateSchema(typeof(ConfluentError), context.SchemaRepository),
                Examples = new Dictionary<string, IOpenApiExample>
                {
                    [examples[0].Name] = new OpenApiExample
                    {
                        Summary = "For a client of the REST Proxy",
                        Value = TypeExamples.ToJson(ConfluentError.Of(examples[0].Problem)),
                    },
                },
            };
        Add(response, examples.SelectMany(static example => example.Headers), context);
        if (Array.Exists(examples, static example => example.Problem.IsRetryable))
            Add(response, [Headers.RetryAfter], context);
        return response;
    }

    /// <summary>Adds headers to a response, unless it has them.</summary>
    static void Add(IOpenApiResponse response, IEnumerable<string> keys, OperationFilterContext context)
    {
        var headers = ((OpenApiResponse)response).Headers ??= new Dictionary<string, IOpenApiHeader>();
        foreach (var key in keys)
            headers.TryAdd(Headers.NameOf(key), new OpenApiHeaderReference(key, context.Document));
    }

    static string Text(int status) => status.ToString(CultureInfo.InvariantCulture);
}
