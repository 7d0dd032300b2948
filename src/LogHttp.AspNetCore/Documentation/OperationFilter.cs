using System.Globalization;
using LogHttp.AspNetCore.Contract;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>
/// Writes the <see cref="OperationDocument"/> beside a route into the API's description. The handlers read and write
/// HTTP themselves, so their signatures say nothing of it.
/// </summary>
/// <param name="withProgram">Whether to describe the problems of the program too.</param>
internal sealed class OperationFilter(bool withProgram) : IOperationFilter
{
    const string ProblemType = "application/problem+json";

    public void Apply(OpenApiOperation operation, OperationFilterContext context)
    {
        // An app that embeds the log has operations of its own.
        if (
            context.ApiDescription.ActionDescriptor.EndpointMetadata.OfType<OperationDocument>().SingleOrDefault()
            is not { } document
        )
            return;
        operation.OperationId = document.Id;
        operation.Summary = document.Summary;
        operation.Description = document.Description;
        operation.Tags = new HashSet<OpenApiTagReference> { new(document.Tag, context.Document) };
        operation.Parameters = [.. document.Parameters.Select(ToParameter)];
        operation.RequestBody = document.Body is { } body ? ToBody(body, context) : null;
        operation.Responses = [];
        foreach (var response in document.Responses)
            operation.Responses.Add(Text(response.Status), ToResponse(response, context));
        IEnumerable<ProblemDocument> limits = document.IsLimited
            ? [ProblemDocuments.TooManyRequests, ProblemDocuments.TooManyHeads]
            : [ProblemDocuments.TooManyHeads];
        foreach (
            var problems in document
                .Problems.Concat(limits)
                .Where(problem => withProgram || !problem.IsOfProgram)
                .GroupBy(problem => problem.Example.Status)
                .OrderBy(problems => problems.Key)
        )
            operation.Responses.Add(Text(problems.Key), ToResponse([.. problems], document.OtherProblemForm, context));
    }

    static OpenApiParameter ToParameter(ParameterDocument document) =>
        new()
        {
            In = document.Location,
            Name = document.Name,
            Description = document.Description,
            Required = document.IsRequired,
            Schema = document.Schema,
            Example = document.Examples is [var only] ? only.Value : null,
            Examples = document.Examples is [_] ? null : ToExamples(document.Examples),
        };

    static OpenApiRequestBody ToBody(BodyDocument document, OperationFilterContext context) =>
        new()
        {
            Required = document.IsRequired,
            Description = document.Description,
            Content = ToContent(document.Contents, context),
        };

    static OpenApiResponse ToResponse(ResponseDocument document, OperationFilterContext context) =>
        new()
        {
            Description = document.Description,
            Headers = ToHeaders(document.Headers, context),
            Content = document.Contents is [] ? null : ToContent(document.Contents, context),
        };

    static OpenApiResponse ToResponse(
        ProblemDocument[] documents,
        Func<ProblemDocument, ContentDocument>? otherForm,
        OperationFilterContext context
    )
    {
        var codes = documents.Select(static document => $"- `{document.Example.Code}`: {document.When}");
        IEnumerable<HeaderDocument> retryAfter = documents.Any(document => document.Example.IsRetryable)
            ? [Headers.RetryAfter]
            : [];
        var cacheControl = documents.Any(document => document.Example.IsForGood)
            ? Headers.CacheControl
            : Headers.NoStore;
        var content = new Dictionary<string, IOpenApiMediaType>
        {
            [ProblemType] = new OpenApiMediaType
            {
                Schema = context.SchemaGenerator.GenerateSchema(typeof(ProblemJson), context.SchemaRepository),
                Examples = documents.ToDictionary(
                    document => document.Name,
                    IOpenApiExample (document) => new OpenApiExampleReference(document.Name, context.Document)
                ),
            },
        };
        foreach (var (mediaType, other) in ToContent(otherForm is null ? [] : [otherForm(documents[0])], context))
            content.Add(mediaType, other);
        return new()
        {
            Description = string.Join('\n', codes),
            Headers = ToHeaders(
                [.. documents.SelectMany(document => document.Headers).Distinct(), cacheControl, .. retryAfter],
                context
            ),
            Content = content,
        };
    }

    static Dictionary<string, IOpenApiMediaType> ToContent(
        IReadOnlyList<ContentDocument> documents,
        OperationFilterContext context
    ) =>
        documents.ToDictionary(
            document => document.MediaType,
            IOpenApiMediaType (document) =>
                new OpenApiMediaType
                {
                    Schema = ToSchema(document.Schema, context),
                    Examples = ToExamples(document.Examples),
                }
        );

    static IOpenApiSchema ToSchema(ContentSchema document, OperationFilterContext context)
    {
        if (document.Inline is not null)
            return document.Inline;
        var schemas = Array.ConvertAll(
            document.Types,
            type => context.SchemaGenerator.GenerateSchema(type, context.SchemaRepository)
        );
        return schemas is [var only] ? only : new OpenApiSchema { OneOf = [.. schemas] };
    }

    static Dictionary<string, IOpenApiExample> ToExamples(ExampleDocument[] documents) =>
        documents.ToDictionary(
            document => document.Name,
            IOpenApiExample (document) => new OpenApiExample { Summary = document.Summary, Value = document.Value }
        );

    static Dictionary<string, IOpenApiHeader>? ToHeaders(
        IReadOnlyList<HeaderDocument> documents,
        OperationFilterContext context
    ) =>
        documents is []
            ? null
            : documents.ToDictionary(
                document => document.Name,
                IOpenApiHeader (document) => new OpenApiHeaderReference(document.Key, context.Document)
            );

    static string Text(int status) => status.ToString(CultureInfo.InvariantCulture);
}
