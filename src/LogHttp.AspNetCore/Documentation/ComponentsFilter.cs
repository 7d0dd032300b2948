using System.Globalization;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>Adds the parts that operations refer to: headers, problems, the schemas of records, the groups.</summary>
/// <param name="withProgram">Whether to describe the problems of the program too.</param>
internal sealed class ComponentsFilter(bool withProgram) : IDocumentFilter
{
    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        var components = swaggerDoc.Components ??= new();
        components.Headers ??= new Dictionary<string, IOpenApiHeader>();
        foreach (var header in Headers.All)
            components.Headers[header.Key] = new OpenApiHeader
            {
                Description = header.Description,
                Schema = new OpenApiSchema
                {
                    Type = header.Type,
                    Format = header.Type == JsonSchemaType.Integer ? "int64" : null,
                },
                Example =
                    header.Type == JsonSchemaType.Integer
                        ? long.Parse(header.Example, CultureInfo.InvariantCulture)
                        : header.Example,
            };
        components.Examples ??= new Dictionary<string, IOpenApiExample>();
        foreach (var problem in ProblemDocuments.All.Where(problem => withProgram || !problem.IsOfProgram))
            components.Examples[problem.Name] = new OpenApiExample
            {
                Summary = problem.Example.Code,
                Value = problem.Json,
            };
        foreach (var (name, schema) in Schemas.OfRecords)
            swaggerDoc.AddComponent<IOpenApiSchema>(name, schema);
        // The generator names a tag after the class of each handler. The log's own tags replace these.
        var usedTags = swaggerDoc
            .Paths.SelectMany(static path => path.Value.Operations ?? [])
            .SelectMany(static operation => operation.Value.Tags ?? new HashSet<OpenApiTagReference>())
            .Select(static tag => tag.Reference.Id)
            .ToHashSet();
        swaggerDoc.Tags = new HashSet<OpenApiTag>([
            .. (swaggerDoc.Tags ?? new HashSet<OpenApiTag>()).Where(tag =>
                usedTags.Contains(tag.Name) && Tags.All.All(own => own.Name != tag.Name)
            ),
            .. Tags.All.Select(static tag => new OpenApiTag { Name = tag.Name, Description = tag.Description }),
        ]);
    }
}
