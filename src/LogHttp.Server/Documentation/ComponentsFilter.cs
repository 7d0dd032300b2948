using System.Globalization;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LogHttp.Server.Documentation;

/// <summary>Adds what operations refer to: headers, problems, the schemas of records, the groups.</summary>
internal sealed class ComponentsFilter : IDocumentFilter
{
    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        var components = swaggerDoc.Components ??= new();
        components.Headers = Headers.All.ToDictionary(
            header => header.Key,
            IOpenApiHeader (header) =>
                new OpenApiHeader
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
                }
        );
        components.Examples = ProblemDocuments.All.ToDictionary(
            problem => problem.Name,
            IOpenApiExample (problem) => new OpenApiExample { Summary = problem.Example.Code, Value = problem.Json }
        );
        foreach (var (name, schema) in Schemas.OfRecords)
            swaggerDoc.AddComponent<IOpenApiSchema>(name, schema);
        swaggerDoc.Tags = new HashSet<OpenApiTag>(
            Tags.All.Select(tag => new OpenApiTag { Name = tag.Name, Description = tag.Description })
        );
    }
}
