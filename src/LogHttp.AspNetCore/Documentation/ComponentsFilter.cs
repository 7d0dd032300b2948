using System.Globalization;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>Adds the parts that operations refer to: headers, problems, the schemas of lines, the groups.</summary>
/// <param name="withProgram">Whether to describe the problems of the program too.</param>
internal sealed class ComponentsFilter(bool withProgram) : IDocumentFilter
{
    /// <summary>The groups that operations are shown in, in this order.</summary>
    static readonly OpenApiTag[] Tags =
    [
        new() { Name = "Records", Description = "Append and read" },
        new() { Name = "Topics", Description = "Create, describe, change, delete, list" },
        new() { Name = "Server", Description = "The process itself" },
    ];

    /// <summary>Types that only texts mention, because lines of JSON have no schema of their own in OpenAPI.</summary>
    static readonly Type[] Lines = [typeof(NewRecordLine), typeof(StreamReport), typeof(StreamSummary)];

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        var components = swaggerDoc.Components ??= new();
        components.Headers ??= new Dictionary<string, IOpenApiHeader>();
        foreach (var (key, field) in Headers.ByKey)
        {
            var example = XmlComments.ExamplesOf(field).FirstOrDefault()?.Value;
            var isNumber = long.TryParse(example, CultureInfo.InvariantCulture, out var number);
            components.Headers[key] = new OpenApiHeader
            {
                Description = XmlComments.SummaryOf(field),
                Schema = isNumber
                    ? new OpenApiSchema { Type = JsonSchemaType.Integer, Format = "int64" }
                    : new OpenApiSchema { Type = JsonSchemaType.String },
                Example = isNumber ? number : example,
            };
        }
        components.Examples ??= new Dictionary<string, IOpenApiExample>();
        foreach (var example in ProblemExamples.ByName.Values)
        {
            if (withProgram || !OperationFilter.IsOfProgram(example.Name))
                components.Examples[example.Name] = new OpenApiExample
                {
                    Summary = example.Problem.Code,
                    Value = TypeExamples.ToJson(example.Problem.ToJson()),
                };
        }
        foreach (var type in Lines)
            context.SchemaGenerator.GenerateSchema(type, context.SchemaRepository);
        // The generator names a tag after the class of each handler. The log's own tags replace these.
        var usedTags = swaggerDoc
            .Paths.SelectMany(static path => path.Value.Operations ?? [])
            .SelectMany(static operation => operation.Value.Tags ?? new HashSet<OpenApiTagReference>())
            .Select(static tag => tag.Reference.Id)
            .ToHashSet();
        swaggerDoc.Tags = new HashSet<OpenApiTag>([
            .. (swaggerDoc.Tags ?? new HashSet<OpenApiTag>()).Where(tag =>
                usedTags.Contains(tag.Name) && Array.TrueForAll(Tags, own => own.Name != tag.Name)
            ),
            .. Tags,
        ]);
    }
}
